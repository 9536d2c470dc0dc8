"""A till that carries commands out as the agent does, with a journal in memory; and bills to print."""

import asyncio
import json
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

import msgspec

from nightporter.agent.driver import (
    Attempt,
    Away,
    Done,
    Happened,
    Notes,
    NotHappened,
    Refused,
    Surroundings,
    Task,
    Unknown,
)
from nightporter.agent.drivers.fiscal_machine import KIND
from nightporter.domain.sources import Sources
from nightporter.wire.command_data import FiscalMachineCommandData

ID = "aa20961f-6d9e-4b35-ad25-000000000001"
CREATED = datetime(2026, 11, 21, 19, 15, tzinfo=UTC)
DEPARTMENTS = {"IT-10": 1, "IT-22": 2, "untaxed": 4}
TRIES = 30
ROME = ZoneInfo("Europe/Rome")


def local_time() -> datetime:
    """What the clock of a machine shows: a quarter past eight in the evening."""
    return CREATED.astimezone(ROME)


def amount(gross: float, code: str | None = "IT-10", currency: str = "EUR", **parts: Any) -> dict[str, Any]:
    breakdown = parts.get("breakdown", [{"TaxRateCode": code, "NetValue": gross, "TaxValue": 0}])
    return {
        "Currency": currency,
        "NetValue": gross,
        "GrossValue": gross,
        "TaxValues": [] if code is None else [{"Code": code, "Value": 0}],
        "Breakdown": {"Items": breakdown},
        "Value": gross,
    }


def item(gross: float, kind: str = "SpaceOrder", code: str | None = "IT-10", **fields: Any) -> dict[str, Any]:
    return {
        "UnitCount": 1,
        "Amount": amount(gross, code),
        "AccountingState": "Closed",
        "RevenueType": "Service",
        "Data": {"Discriminator": kind, "Value": None},
        **fields,
    }


def payment(gross: float, kind: str = "CreditCard", **fields: Any) -> dict[str, Any]:
    data = {"Discriminator": kind, "Value": None}
    return {"Amount": amount(gross, None), "AccountingState": "Closed", "State": "Charged", "Data": data, **fields}


def bill(items: list[dict[str, Any]], payments: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    return {
        "Id": ID,
        "EnterpriseId": ID,
        "AccountId": ID,
        "AccountType": "Customer",
        "State": "Closed",
        "Number": "1001",
        "CreatedUtc": "2026-11-20T10:00:00Z",
        "UpdatedUtc": "2026-11-21T10:00:00Z",
        "OrderItems": items,
        "PaymentItems": payments,
        **fields,
    }


STAY = bill([item(94)], [payment(-94)])
"""94,00 paid by card."""
GIVEN_BACK = bill([item(-50)], [payment(50)])
REFUND = {
    "IsRefund": True,
    "RebatedReceiptNumber": "0041",
    "RebatedReceiptSequence": "0764",
    "RebatedReceiptDateTimeUtc": "2026-11-21T23:30:00Z",
    "PrinterSerialNumber": "99MEX000001",
}


def fiscal(told: dict[str, Any] | None = None, **fields: Any) -> FiscalMachineCommandData:
    """The data of a command as the client reads it."""
    data = {
        "FiscalMachineId": None,
        "ApiUrl": None,
        "FiscalMachineData": None,
        "Bill": told or STAY,
        "TaxIdentifier": None,
        "BillFiscalMachineData": {"Discriminator": "ItalianFiscalMachineData", "Value": {"IsRefund": False}},
        "PayloadData": None,
        **fields,
    }
    return msgspec.json.decode(json.dumps(data), type=FiscalMachineCommandData)


def sale(told: dict[str, Any] | None = None, **fields: Any) -> Task:
    return Task(ID, CREATED, fiscal(told, **fields))


def refund(told: dict[str, Any] | None = None, **fields: Any) -> Task:
    value = {**REFUND, **fields}
    data = {"Discriminator": "ItalianFiscalMachineData", "Value": value}
    return Task(ID, CREATED, fiscal(told or GIVEN_BACK, BillFiscalMachineData=data))


RECEIPT = (
    "<printerFiscalReceipt><beginFiscalReceipt operator='1'/>"
    "<printRecItem operator='1' description='Camera' quantity='1,000' unitPrice='94,00' department='1'/>"
    "<printRecTotal operator='1' description='Carta' payment='94,00' paymentType='2' index='1'/>"
    "<endFiscalReceipt operator='1'/></printerFiscalReceipt>"
)


def file(xml: str | bytes = RECEIPT) -> Task:
    content = xml.encode() if isinstance(xml, str) else xml
    data = {"Discriminator": "ItalianFiscalMachine", "Value": b64encode(content).decode()}
    return Task(ID, CREATED, fiscal(BillFiscalMachineData=None, PayloadData=data))


class Died(Exception):
    """The agent was killed."""


@dataclass
class Till:
    """Carries one task out; ``references`` is what it wrote before bytes left, ``aways`` what the machine told meanwhile."""

    address: str
    options: dict[str, Any] = field(default_factory=dict)
    references: list[Notes] = field(default_factory=list)
    aways: list[str] = field(default_factory=list)
    told: list[str | None] = field(default_factory=list)
    baseline: Notes = field(default_factory=dict)
    elapsed: float = 0.0
    outcome: Any = None

    def __post_init__(self) -> None:
        self.restart()

    async def pause(self, seconds: float) -> None:
        self.elapsed += seconds
        await asyncio.sleep(0)

    def restart(self) -> None:
        """A new driver, as after the death of the agent; the journal stays."""
        told = {"address": self.address, "departments": DEPARTMENTS, **self.options}
        sources = Sources(lambda: CREATED, lambda: self.elapsed, lambda: ID, self.pause)
        options = msgspec.convert(told, KIND.options)
        self.driver = KIND.make(options, Surroundings(sources, ROME, "Fiscal"))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.driver.close()

    async def written(self, reference: Notes) -> None:
        json.dumps(reference)
        self.references.append(reference)

    def attempt(self) -> Attempt:
        return Attempt(self.written, lambda percent, status: self.told.append(status))

    async def patiently(self, act: Any) -> Any:
        for _ in range(TRIES):
            try:
                return await act()
            except Away as away:
                self.aways.append(str(away))
        return None

    async def carry(self, task: Task, doing: Any = None) -> Any:
        """Prepare, execute and, where the answer was lost, resolve; Away where the machine stays away."""
        async with asyncio.timeout(60):
            for _ in range(3):
                self.references.clear()
                outcome = await self._once(task)
                if outcome is not None:
                    return outcome
                resolved = await self.resolve(task)
                if not isinstance(resolved, NotHappened):
                    return resolved
        return None

    async def _once(self, task: Task) -> Any:
        async def act() -> Any:
            prepared = await self.driver.prepare(task, 1)
            if isinstance(prepared, Refused):
                return prepared
            self.baseline = json.loads(json.dumps(prepared))
            try:
                return await self.driver.execute(task, 1, self.baseline, self.attempt())
            except Away as away:
                if not self.references:
                    raise
                self.aways.append(str(away))
                return None

        return await self.patiently(act)

    async def resolve(self, task: Task) -> Any:
        reference = self.references[-1]
        return await self.patiently(
            lambda: self.driver.resolve(task, 1, self.baseline, reference, self.attempt()),
        )


def is_printed(outcome: Any) -> bool:
    return isinstance(outcome, Done | Happened)


def is_open(outcome: Any) -> bool:
    return isinstance(outcome, Unknown)
