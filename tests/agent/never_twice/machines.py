"""The machines that are struck at: what stands behind each driver, what it is asked for, and what may come of it."""

import asyncio
from base64 import b64encode
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nightporter.agent.drivers.fiscal_machine.simulator import FiscalMachineSimulator
from nightporter.agent.drivers.key_cutter.simulator import LockSystem
from nightporter.agent.drivers.passport_scanner.simulator import PassportScanner
from nightporter.agent.drivers.payment_terminal.simulator import PaymentTerminal
from nightporter.agent.drivers.printer.simulator import PrinterSimulator
from nightporter.agent.simulator import Simulator
from tests.harness import RunningDesk

PDF = b"%PDF-1.7\n" + b"%" * 3000 + b"\n%%EOF\n"
RESERVATION = "be35b39e-ad7e-460a-8de9-4c7581e016a2"
CUSTOMER = "35d4b117-4e60-44a3-9580-c582117eff98"
BILL = "12345678-1234-1234-1234-123456789012"


async def _nothing(_: Any) -> None:
    pass


@dataclass(frozen=True)
class Struck:
    """One driver under strikes. ``wanted`` is what a Processed command has done, by kind of effect."""

    driver: str
    device: str
    options: str
    """The options of the machine in the configuration; {address} is where it is."""
    make: Callable[[], Simulator]
    add: Callable[[RunningDesk], Awaitable[str]]
    effect: Callable[[dict[str, Any]], str]
    wanted: dict[str, int]
    can_be_asked: bool
    """Whether the machine can tell what became of a request: then nothing is left in doubt by the agent's death."""
    meanwhile: Callable[[Any], Coroutine[Any, Any, None]] = _nothing
    """What goes on at the machine all the time."""
    settle: Callable[[Any], Awaitable[None]] = _nothing
    """Let come what still comes of itself: a card that is presented late."""
    named: Callable[[str, bytes], str] = lambda way, data: ""
    """What a message is called in the table."""

    def effects(self, simulator: Simulator) -> Counter[str]:
        return Counter(self.effect(one) for one in simulator.effects)


async def _print(desk: RunningDesk) -> str:
    reply = await desk.call("commands/addPrinter", PrinterId=PRINTER.device, CopyCount=1, Data=b64encode(PDF).decode())
    return str(reply.json()["CommandId"])


async def _cut(desk: RunningDesk) -> str:
    reply = await desk.call(
        "commands/addKeyCutter", KeyCutterId=KEY_CUTTER.device, ReservationId=RESERVATION, KeyCount=2
    )
    return str(reply.json()["CommandId"])


async def _pay(desk: RunningDesk) -> str:
    reply = await desk.call(
        "commands/addPaymentTerminal",
        TerminalId=PAYMENT_TERMINAL.device,
        CustomerId=CUSTOMER,
        Type="Payment",
        Amount={"Currency": "EUR", "Value": 12.3},
    )
    return str(reply.json()["CommandId"])


async def _fiscalise(desk: RunningDesk) -> str:
    reply = await desk.administer("commands/addFiscalMachine", FiscalMachineId=FISCAL_MACHINE.device, BillId=BILL)
    return str(reply.json()["CommandId"])


async def _scan(desk: RunningDesk) -> str:
    reply = await desk.administer(
        "commands/addPassportScanner", PassportScannerId=PASSPORT_SCANNER.device, CustomerId=CUSTOMER
    )
    return str(reply.json()["CommandId"])


async def _present_late(terminal: PaymentTerminal) -> None:
    """Whoever stands at the till still holds the card to it, when the agent has long given the payment up."""
    terminal.card.set()
    await terminal.idle.wait()


def _clock() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _terminal() -> Simulator:
    """It has taken a payment before, as every terminal has."""
    terminal = PaymentTerminal(_clock)
    terminal.sell(999)
    terminal.effects.clear()
    return terminal


async def _lay_down(scanner: PassportScanner) -> None:
    """A guest who is not read lays the passport down again and again."""
    while True:
        scanner.present()
        await asyncio.sleep(0.9)


def _ipp(way: str, data: bytes) -> str:
    if way == ">":
        head, _, body = data.partition(b"\r\n\r\n")
        names = {2: "Print-Job", 4: "Validate-Job", 5: "Create-Job", 6: "Send-Document", 8: "Cancel-Job", 9: "Get-Job-Attributes",
                 10: "Get-Jobs", 11: "Get-Printer-Attributes"}  # fmt: skip
        if head.startswith(b"POST"):
            return (
                names.get(int.from_bytes(body[2:4], "big"), "head of a request")
                if len(body) > 3
                else "head of a request"
            )
        return names.get(int.from_bytes(data[2:4], "big"), "document") if data[:1] in (b"\x01", b"\x02") else "document"
    return "answer"


def _key(way: str, data: bytes) -> str:
    if way == ">":
        return {5: "ENQ", 2: f"order {data[2:4].decode('latin-1')}"}.get(data[0], "bytes")
    return {6: "ACK" if len(data) == 1 else "ACK and answer", 0x15: "NAK", 2: "answer"}.get(data[0], "bytes")


_APDUS = {
    "0501": "status enquiry",
    "0600": "registration",
    "0601": "authorisation",
    "0602": "log-off",
    "0620": "repeat receipt",
    "0622": "reservation",
    "06B0": "abort",
    "040F": "status information",
    "04FF": "intermediate status",
    "060F": "completion",
    "061E": "abort",
    "8000": "acknowledgement",
}


def _zvt(way: str, data: bytes) -> str:
    return _APDUS.get(data[:2].hex().upper(), "bytes")


def _epson(way: str, data: bytes) -> str:
    if way == "<":
        return "answer"
    for mark in (b"printerFiscalReceipt", b"queryPrinterStatus", b"resetPrinter", b'"1387"', b'"3217"'):
        if mark in data:
            return mark.decode().strip('"')
    return "head of a request" if data.startswith(b"POST") else "request"


PRINTER = Struck(
    "ipp", "d117866d-78de-4459-9077-42d7ea0120e3", 'uri = "ipp://{address}/ipp/print"\npoll = 0.05\npatience = 5.0',
    PrinterSimulator, _print, lambda one: "printed", {"printed": 1}, can_be_asked=True, named=_ipp,
)  # fmt: skip
KEY_CUTTER = Struck(
    "industry-standard", "7dafffff-a727-4917-a203-bd53995f21bf",
    'address = "{address}"\npatience = 2\nwaits = 3',
    lambda: LockSystem(["Front desk"]), _cut,
    lambda one: f"key cut by {one['Command']}", {"key cut by CN": 1, "key cut by CC": 1},
    can_be_asked=False, named=_key,
)  # fmt: skip
FISCAL_MACHINE = Struck(
    "epson", "d090b3e3-db05-548c-9c89-21f54f943491",
    'address = "http://{address}"\ndepartments = {{ "IT-10" = 1, "IT-22" = 2 }}\npatience = 0.3',
    lambda: FiscalMachineSimulator(_clock), _fiscalise, lambda one: one["Effect"], {"receipt": 1}, can_be_asked=True,
    named=_epson,
)  # fmt: skip
PAYMENT_TERMINAL = Struck(
    "zvt", "be35b39e-ad7e-460a-8de9-4c7581e016a2", 'address = "{address}"\npatience = 2\nwaits = 5',
    _terminal, _pay, lambda one: one["Effect"], {"payment": 1},
    can_be_asked=False, settle=_present_late, named=_zvt,
)  # fmt: skip
PASSPORT_SCANNER = Struck(
    "mrz", "6d58b09a-9709-5555-a70c-f055edea61ee", 'address = "{address}"\nwindow = 8.0',
    PassportScanner, _scan, lambda one: "read", {}, can_be_asked=True, meanwhile=_lay_down,
)  # fmt: skip
ALL = (PRINTER, KEY_CUTTER, FISCAL_MACHINE, PAYMENT_TERMINAL, PASSPORT_SCANNER)
