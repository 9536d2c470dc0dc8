"""The simulated machine, checked by Epson's own client and by a point of sale that sells through it: neither is ours."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from nightporter.agent.drivers.fiscal_machine.messages import (
    LastDocument,
    last_question,
    print_receipt,
    read_last,
    serial_question,
    status_question,
)
from nightporter.agent.drivers.fiscal_machine.simulator import FiscalMachineSimulator
from tests.agent.drivers.fiscal_machine.hotel import REFUND, STAY
from tests.agent.drivers.fiscal_machine.test_bills import GIVEN_BACK, printed
from tests.debian import program
from tests.house.repository import ROOT

ADDON = "odoo-addon-fiscal-epos-print==16.0.1.0.1"
JSDOM = "jsdom@24.1.3"
KEPT = ROOT / "build" / "fiscalprint"
PATIENCE = 60.0
WHY = "Epson's own client checks the simulated fiscal machine"

Job = dict[str, Any]
Client = Callable[[Job], Awaitable[Any]]


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    if done.returncode:
        raise RuntimeError(f"{WHY}, and could not be fetched: {' '.join(command)} said\n{done.stdout}{done.stderr}")


@pytest.fixture(scope="session")
def epson() -> Path:
    """The folder with Epson's client and what it runs in, fetched once; it is not part of this repository."""
    if not KEPT.exists():
        fresh = KEPT.with_name(f"{KEPT.name}.{os.getpid()}")
        fresh.mkdir(parents=True)
        _run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(fresh), ADDON)
        with zipfile.ZipFile(next(fresh.glob("*.whl"))) as wheel:
            wheel.extractall(fresh, [name for name in wheel.namelist() if name.endswith(".js")])
        _run(
            program("npm", "npm", WHY), "install", "--prefix", str(fresh), "--silent", "--no-audit", "--no-fund", JSDOM
        )
        try:
            fresh.rename(KEPT)
        except OSError:  # another worker was faster
            shutil.rmtree(fresh)
    return KEPT


@pytest.fixture
async def client(epson: Path, machine: FiscalMachineSimulator) -> AsyncIterator[Client]:
    """Sends a job through Epson's client and returns what that understood."""
    script = str(Path(__file__).with_name("epson_client.js"))
    process = await asyncio.create_subprocess_exec(
        program("node", "nodejs", WHY), script, str(epson), machine.address,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    sent, answered = process.stdin, process.stdout

    async def ask(job: Job) -> Any:
        sent.write(json.dumps(job).encode() + b"\n")
        async with asyncio.timeout(PATIENCE):
            return json.loads(await answered.readline())

    yield ask
    sent.close()
    async with asyncio.timeout(PATIENCE):
        await process.wait()


def within(request: bytes) -> str:
    """A request without its envelope: Epson's client puts it into its own."""
    return request.decode().partition("<s:Body>")[2].partition("</s:Body>")[0]


async def test_epsons_client_prints_what_the_driver_prints(client: Client, machine: FiscalMachineSimulator) -> None:
    answer = await client({"xml": within(print_receipt(printed(STAY, tax="01234567890"), "1"))})
    assert answer["result"] == {"success": True, "code": "", "status": 0, "statusText": "0"}
    assert answer["told"] == {
        "lastCommand": "74",
        "printerStatus": "00110",
        "fiscalReceiptNumber": "42",
        "fiscalReceiptAmount": "94,00",
        "fiscalReceiptDate": "21/11/2026",
        "fiscalReceiptTime": "20:15",
        "zRepNumber": "764",
        "serialNumber": "99MEX000001",
    }
    assert answer["names"] == list(answer["told"])
    refunded = await client({"xml": within(print_receipt(printed(GIVEN_BACK, REFUND), "1"))})
    assert refunded["result"]["success"]
    assert [(one["Total"], one["Refund"]) for one in machine.effects] == [("94.00", False), ("50.00", True)]


async def test_epsons_client_asks_what_the_driver_asks(client: Client, machine: FiscalMachineSimulator) -> None:
    last = await client({"xml": within(last_question())})
    assert last["result"]["success"]
    record = read_last(last["told"]["responseData"])
    assert record == LastDocument(5000, 455, "211126", "201500", 764, 41, "99MEX000001", is_fiscal=True)
    status = await client({"xml": within(status_question())})
    assert status["told"]["fpStatus"] == "00110"
    serial = await client({"xml": within(serial_question())})
    assert serial["told"]["responseData"] == "00000001EX99"
    assert machine.effects == []


async def test_epsons_client_is_told_of_a_refusal(client: Client, machine: FiscalMachineSimulator) -> None:
    machine.register.departments = {"3"}
    answer = await client({"xml": within(print_receipt(printed(STAY), "1"))})
    assert answer["result"] == {"success": False, "code": "PRINTER ERROR", "status": 22, "statusText": "22"}
    assert answer["told"]["printerStatus"] == "00100"
    assert (await client({"xml": "<printerCommand><resetPrinter operator='1'/></printerCommand>"}))["result"]["success"]
    machine.fail("cut-after")
    machine.register.departments = {"1"}
    assert await client({"xml": within(print_receipt(printed(STAY), "1"))}) == {"error": "FP_NO_ANSWER_NETWORK"}
    assert len(machine.effects) == 1


def line(**changes: Any) -> dict[str, Any]:
    return {
        "price": 47, "full_price": 47, "price_display": 94, "quantity": 2, "discount": 0, "product_name": "Camera & bagno",
        "tax_department": {"code": "1"}, **changes,
    }  # fmt: skip


def basket(lines: list[dict[str, Any]], paid: float, **changes: Any) -> Job:
    receipt = {
        "orderlines": lines, "paymentlines": [{"amount": paid, "type": "2", "type_index": "1", "journal": "Carta", "ticket": ""}],
        "header": "Albergo", "footer": "Grazie", "name": "Order 1", "rounding_applied": 0, "fiscal_operator_number": "1",
        "refund_full_refund": False, **changes,
    }  # fmt: skip
    return {"receipt": receipt}


@pytest.mark.parametrize(
    ("lines", "paid", "total"),
    [
        ([line()], 94, "94.00"),
        ([line(), line(price=10.5, full_price=10.5, quantity=1)], 104.5, "104.50"),
        ([line(discount=10, price_display=84.6)], 84.6, "84.60"),
        ([line(), line(price=-4, quantity=1)], 90, "90.00"),
    ],
)
async def test_a_point_of_sale_sells(
    client: Client, machine: FiscalMachineSimulator, lines: list[Any], paid: float, total: str
) -> None:
    answer = await client(basket(lines, paid))
    assert answer["result"]["success"], answer
    assert machine.effects == [{"Effect": "receipt", "Z": 764, "Number": 42, "Total": total, "Refund": False}]


async def test_a_point_of_sale_refunds_and_is_refused_the_second_time(
    client: Client, machine: FiscalMachineSimulator
) -> None:
    refund = basket(
        [line(quantity=-1)], -47,
        refund_date="2026-11-21", refund_report="764", refund_doc_num="41", refund_cash_fiscal_serial="99MEX000001",
    )  # fmt: skip
    assert (await client(refund))["result"]["success"]
    assert machine.effects == [{"Effect": "receipt", "Z": 764, "Number": 42, "Total": "47.00", "Refund": True}]
    assert (await client(refund))["result"]["status"] == 40
    assert len(machine.effects) == 1
