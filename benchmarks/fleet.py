"""Many machines made of software, some of each kind, and what each is asked to do."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.adding import API, COMMON, KEY, PAGE, PAYMENT
from benchmarks.callers import Callers
from nightporter.agent.drivers.fiscal_machine.simulator import FiscalMachineSimulator
from nightporter.agent.drivers.key_cutter.simulator import LockSystem
from nightporter.agent.drivers.passport_scanner.simulator import PassportScanner
from nightporter.agent.drivers.payment_terminal.simulator import PaymentTerminal
from nightporter.agent.drivers.printer.simulator import PrinterSimulator
from nightporter.agent.simulator import Simulator
from nightporter.cli.announcing import announced

ADMINISTRATION = "/api/administration/v1/commands/"
READING = 0.3
"""Seconds from one time that a document is laid down to the next."""


@dataclass(frozen=True)
class Kind:
    """``options`` is its part of the configuration, with ``{place}``; ``device`` the field that names the device."""

    type: str
    make: Callable[[], Simulator]
    options: str
    operation: str
    device: str
    fields: dict[str, Any]
    is_administration: bool = False


def _clock() -> datetime:
    return datetime(2026, 3, 1)  # noqa: DTZ001 - a machine's own clock, which has no offset


KINDS = (
    Kind("Printer", PrinterSimulator, 'driver = "ipp"\nuri = "ipp://{place}/ipp/print"', "addPrinter", "PrinterId", PAGE),
    Kind(
        "KeyCutter", lambda: LockSystem(["ENC-1"]), 'driver = "industry-standard"\naddress = "{place}"',
        "addKeyCutter", "KeyCutterId", KEY,
    ),
    Kind(
        "FiscalMachine", lambda: FiscalMachineSimulator(_clock),
        'driver = "epson"\naddress = "http://{place}"\ndepartments = {{ "IT-10" = 1, "IT-22" = 2 }}',
        "addFiscalMachine", "FiscalMachineId", {"BillId": "12345678-1234-1234-1234-123456789012"}, is_administration=True,
    ),
    Kind(
        "PaymentTerminal", lambda: PaymentTerminal(_clock),
        'driver = "zvt"\naddress = "{place}"', "addPaymentTerminal", "TerminalId", PAYMENT,
    ),
    Kind(
        "PassportScanner", PassportScanner, 'driver = "mrz"\naddress = "{place}"', "addPassportScanner",
        "PassportScannerId", {"CustomerId": PAYMENT["CustomerId"]}, is_administration=True,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """One of them, under the id of its device."""

    device: str
    kind: Kind
    simulator: Simulator

    @property
    def configuration(self) -> str:
        options = self.kind.options.format(place=f"{self.simulator.host}:{self.simulator.port}")
        return f'[machines."{self.device}"]\ndevice = "{self.device}"\n{options}\n'

    async def ask(self, callers: Callers, database: Path) -> str:
        """Add a command for it; its id."""
        fields = {**self.kind.fields, self.kind.device: self.device}
        if self.kind.is_administration:
            return await asyncio.to_thread(_administer, database, self.kind.operation, fields)
        reply = await callers.call(API + self.kind.operation, json.dumps({**COMMON, **fields}).encode())
        return str(json.loads(reply)["CommandId"])


def _administer(database: Path, operation: str, fields: dict[str, Any]) -> str:
    told = announced(database)
    assert told is not None
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {told[1]}"}
    request = urllib.request.Request(told[0] + ADMINISTRATION + operation, json.dumps(fields).encode(), headers)
    return str(json.loads(urllib.request.urlopen(request, timeout=30).read())["CommandId"])


def devices(each: int) -> dict[str, Kind]:
    """The ids of ``each`` devices of each kind."""
    return {
        f"{number:08x}-0000-4000-8000-{place:012x}": kind
        for place, kind in enumerate(KINDS)
        for number in range(1, each + 1)
    }


@asynccontextmanager
async def running(each: int) -> AsyncIterator[list[Machine]]:
    """All machines, at whose scanners documents are laid down again and again."""
    async with AsyncExitStack() as stack:
        machines = [
            Machine(device, kind, await stack.enter_async_context(kind.make()))
            for device, kind in devices(each).items()
        ]
        laying = asyncio.create_task(_lay_down(machines))
        try:
            yield machines
        finally:
            laying.cancel()


async def _lay_down(machines: list[Machine]) -> None:
    scanners = [one.simulator for one in machines if isinstance(one.simulator, PassportScanner)]
    while True:
        for scanner in scanners:
            if not scanner.effects:
                scanner.present()
        await asyncio.sleep(READING)
