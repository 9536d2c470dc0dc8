"""A real agent has a day on which everything happens at machines of every kind; neither its log nor what it keeps tells of it.

Whatever belongs to guests holds one word, or stands in the passport that is scanned.
"""

import base64
import json
import signal
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import httpx

from nightporter.agent.drivers.fiscal_machine.simulator import FiscalMachineSimulator
from nightporter.agent.drivers.key_cutter.simulator import LockSystem
from nightporter.agent.drivers.passport_scanner.simulator import SPECIMEN, PassportScanner
from nightporter.agent.drivers.payment_terminal.simulator import PaymentTerminal
from nightporter.agent.drivers.printer.simulator import PrinterSimulator
from nightporter.agent.kinds import OURS
from nightporter.agent.simulator import Simulator
from nightporter.cli.announcing import announced
from tests.end_to_end.agents import CUTTER, ENCODER, STAY, Setup, cutter, ended, machine
from tests.end_to_end.served import PRINTER, Served, body, served
from tests.end_to_end.test_logs import WORD, people
from tests.harness import ACCESS_TOKEN, ADMINISTRATION_PREFIX, CLIENT_TOKEN, POS_TOKEN, PREFIX

TERMINAL = "be35b39e-ad7e-460a-8de9-4c7581e016a2"
REGISTER = "f0519c6c-c78b-50a2-89a2-decf36449503"
SCANNER = "6d58b09a-9709-5555-a70c-f055edea61ee"
GUEST, PAYER = "5cf657f8-da33-56fd-a09f-2d94805b6ee1", "35d4b117-4e60-44a3-9580-c582117eff98"
BILL = "12345678-1234-1234-1234-123456789012"
ENTERPRISE = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
DOCUMENT = base64.b64encode(f"%PDF-1.7 {WORD}\n%%EOF\n".encode()).decode()
PASSPORT = {"ERIKSSON", "L898902C3", "ZE184226B", *SPECIMEN}
PAYLOAD = f"""<printerFiscalReceipt><beginFiscalReceipt operator="1"/>
<printRecItem operator="1" description="{WORD}" quantity="1" unitPrice="10,00" department="1" justification="1"/>
<printRecTotal operator="1" description="{WORD}" payment="10,00" paymentType="0" index="1" justification="1"/>
<endFiscalReceipt operator="1"/></printerFiscalReceipt>"""


class Day:
    """What is asked of machines of all kinds, and what became of it."""

    def __init__(self, desk: Served, http: httpx.AsyncClient) -> None:
        self.desk, self.http = desk, http
        told = announced(desk.database)
        assert told is not None
        self.trusted = told[1]
        self.states: dict[str, list[str]] = {}
        self.results: list[str] = []

    async def administer(self, operation: str, **fields: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.trusted}"}
        reply = await self.http.post(ADMINISTRATION_PREFIX + operation, json=fields, headers=headers)
        assert reply.is_success, reply.text
        return reply

    async def guests_come(self) -> None:
        names = {"FirstName": WORD, "LastName": WORD, "Email": f"{WORD}@example.com", "Phone": f"+39 {WORD}"}
        guests = [{"Id": one, **names} for one in (GUEST, PAYER)]
        await self.administer("customers/set", EnterpriseId=ENTERPRISE, Customers=guests)

    async def see(self, kind: str, reply: httpx.Response) -> None:
        assert reply.is_success, reply.text
        command = await ended(self.desk, reply.json()["CommandId"])
        self.states.setdefault(kind, []).append(command["State"])
        self.results.append(json.dumps(command["Execution"]["Result"]))

    async def key(self) -> None:
        asked = body(KeyCutterId=CUTTER, ReservationId=STAY, KeyCount=1)
        await self.see("industry-standard", await self.http.post(f"{PREFIX}commands/addKeyCutter", json=asked))

    async def printed(self) -> None:
        asked = body(PrinterId=PRINTER, CopyCount=1, Data=DOCUMENT)
        await self.see("ipp", await self.http.post(f"{PREFIX}commands/addPrinter", json=asked))

    async def paid(self) -> None:
        amount = {"Currency": "EUR", "Value": 230}
        asked = body(Type="Payment", TerminalId=TERMINAL, CustomerId=PAYER, BillId=None, Amount=amount)
        asked["AccessToken"] = POS_TOKEN
        await self.see("zvt", await self.http.post(f"{PREFIX}commands/addPaymentTerminal", json=asked))

    async def receipt(self) -> None:
        await self.see(
            "epson", await self.administer("commands/addFiscalMachine", FiscalMachineId=REGISTER, BillId=BILL)
        )
        payload = {"Discriminator": "ItalianFiscalMachine", "Value": base64.b64encode(PAYLOAD.encode()).decode()}
        added = await self.administer(
            "commands/addFiscalMachine", FiscalMachineId=REGISTER, BillId=BILL, PayloadData=payload
        )
        await self.see("epson", added)

    async def passport(self) -> None:
        asked = {"PassportScannerId": SCANNER, "CustomerId": GUEST}
        await self.see("mrz", await self.administer("commands/addPassportScanner", **asked))


class Machines:
    """One of each kind, in the order in which they are asked."""

    def __init__(self) -> None:
        self.scanner = PassportScanner()
        self.locks = LockSystem([ENCODER])
        self.printer = PrinterSimulator()
        self.terminal = PaymentTerminal(datetime.now)
        self.register = FiscalMachineSimulator(datetime.now)
        self.all: tuple[Simulator, ...] = (self.scanner, self.locks, self.printer, self.terminal, self.register)

    async def __aenter__(self) -> Self:
        for one in self.all:
            await one.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for one in self.all:
            await one.close()

    def fail(self, *faults: str) -> None:
        for one, fault in zip(self.all, faults, strict=True):
            one.fail(fault)

    def configured(self) -> list[str]:
        def at(one: Simulator) -> str:
            return f"{one.host}:{one.port}"

        patience = {"gives_up_after": "PT1S"}
        return [
            machine("Scanner", SCANNER, "mrz", address=at(self.scanner), **patience) + "\nwindow = 3",
            cutter(self.locks, **patience),
            machine("Printer", PRINTER, "ipp", uri=f"ipp://{at(self.printer)}/ipp/print", **patience),
            machine("Till", TERMINAL, "zvt", address=at(self.terminal), **patience),
            machine("Register", REGISTER, "epson", address=self.register.address, **patience)
            + '\ndepartments = { "IT-10" = 1, untaxed = 4 }\npatience = 0.1',
        ]


async def work(day: Day, machines: Machines) -> None:
    machines.scanner.present()
    await day.passport()
    await day.key()
    await day.printed()
    await day.paid()
    await day.receipt()


async def test_neither_the_log_nor_the_journal_of_a_day_tells_of_tokens_documents_or_guests(
    database: Path, tmp_path: Path, demo_hotel: bytes
):
    setup = Setup(tmp_path / "agent")
    async with served(database) as desk, desk.http() as http, Machines() as machines:
        setup.write(desk.address, *machines.configured(), log_level="debug")
        async with setup.agent() as agent:
            day = Day(desk, http)
            await day.guests_come()
            await work(day, machines)
            machines.fail(
                "half", "made and dropped after ack", "send-document-cut-after", "cut after the answer", "cut-answer"
            )
            await work(day, machines)
            machines.fail("garbage", "EG", "create-job-garbage", "garbage", "garbage")
            await work(day, machines)
            for one in machines.all:
                await one.close()
            await work(day, machines)
            agent.send(signal.SIGTERM)
            assert await agent.ended() == 0
    assert set(day.states) == {kind.name for kind in OURS}
    for kind, states in day.states.items():
        assert set(states) == {"Processed", "Error"}, (kind, states)
    assert any("ERIKSSON" in result for result in day.results), "the passport was scanned"
    assert setup.status().open == []
    secrets = {WORD, DOCUMENT, CLIENT_TOKEN, ACCESS_TOKEN, POS_TOKEN, day.trusted} | PASSPORT | people(demo_hotel)
    secrets |= {base64.b64encode(PAYLOAD.encode()).decode()[:40]}
    told = "\n".join([*agent.err, *agent.out]).casefold()
    kept = setup.journal()
    kept += b"".join(path.read_bytes() for path in setup.state.rglob("*") if path.is_file())
    assert [secret for secret in secrets if secret.casefold() in told] == []
    assert [secret for secret in secrets if in_bytes(secret, kept)] == []
    assert [json.loads(line)["event"] for line in agent.err], "each line is one event"
    assert not list((setup.state / "spool").iterdir())


def in_bytes(secret: str, kept: bytes) -> bool:
    forms = {secret, secret.upper(), secret.lower(), json.dumps(secret)[1:-1]}
    return any(form.encode() in kept for form in forms)
