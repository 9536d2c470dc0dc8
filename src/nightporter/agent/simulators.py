"""The table of simulated machines, one line for each of our drivers: how it is made, and what a person does beside it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from nightporter.agent.drivers.fiscal_machine.simulator import FiscalMachineSimulator
from nightporter.agent.drivers.key_cutter.simulator import LockSystem
from nightporter.agent.drivers.passport_scanner.simulator import PassportScanner
from nightporter.agent.drivers.payment_terminal.simulator import PaymentTerminal
from nightporter.agent.drivers.printer.simulator import PrinterSimulator
from nightporter.agent.simulator import Asking, Simulator
from nightporter.domain.value import value


@value
class Hand:
    """What a person does at a machine: at one of ``words``, once ``wanted`` of the machine is set, by ``act``.

    ``asks`` is the sentence that says what the machine waits for.
    """

    words: tuple[str, ...]
    asks: str
    wanted: Callable[[Any], Asking]
    act: Callable[[Any], None]


@value
class SimulatedMachine:
    """One entry: ``name`` is that of the driver, ``port`` where it listens if nobody says otherwise.

    ``make`` takes the machine's clock, in local time; ``option`` gives what stands in the agent's configuration for a port.
    """

    name: str
    port: int
    faults: Mapping[str, str]
    make: Callable[[Callable[[], datetime]], Simulator]
    option: Callable[[int], str]
    hand: Hand | None = None


ENCODERS = ("Front desk", "Marina", "Online Encoder 1", "Online Encoder 2")
"""Those of the demo's two hotels, and those that a lock system has from the start."""


def _printer(now: Callable[[], datetime]) -> Simulator:
    return PrinterSimulator()


def _lock_system(now: Callable[[], datetime]) -> Simulator:
    locks = LockSystem(ENCODERS)
    locks.asks_for_cards = True
    return locks


def _payment_terminal(now: Callable[[], datetime]) -> Simulator:
    terminal = PaymentTerminal(now)
    terminal.card.clear()
    terminal.keeps_card = False
    return terminal


def _passport_scanner(now: Callable[[], datetime]) -> Simulator:
    return PassportScanner()


def _address(port: int) -> str:
    return f'address = "127.0.0.1:{port}"'


SIMULATORS = {
    one.name: one
    for one in (
        SimulatedMachine(
            "ipp", 8632, PrinterSimulator.FAULTS, _printer, lambda port: f'uri = "ipp://127.0.0.1:{port}/ipp/print"',
            Hand(
                ("mend", "paper"), "It stands still until somebody mends it.",
                lambda printer: printer.standing, lambda printer: printer.mend(),
            ),
        ),
        SimulatedMachine(
            "industry-standard", 8090, LockSystem.FAULTS, _lock_system, _address,
            Hand(
                ("card",), "It asks for a card on the encoder.",
                lambda locks: locks.waiting, lambda locks: locks.card_is_on.set(),
            ),
        ),
        SimulatedMachine(
            "epson", 8091, FiscalMachineSimulator.FAULTS, FiscalMachineSimulator,
            lambda port: f'address = "http://127.0.0.1:{port}"',
        ),
        SimulatedMachine(
            "zvt", 20007, PaymentTerminal.FAULTS, _payment_terminal, _address,
            Hand(
                ("card",), "It asks the guest for a card.",
                lambda terminal: terminal.waiting, lambda terminal: terminal.card.set(),
            ),
        ),
        SimulatedMachine(
            "mrz", 4001, PassportScanner.FAULTS, _passport_scanner, _address,
            Hand(
                ("passport",), "It waits for a passport.",
                lambda scanner: scanner.waiting, lambda scanner: scanner.present(),
            ),
        ),
    )
}  # fmt: skip
"""By name."""
