"""What the driver prints, and what it tells, on a machine that works."""

from datetime import timedelta
from typing import Any

import pytest

from nightporter.agent.driver import Away, Done, Happened, Refused, Unknown
from nightporter.agent.drivers.fiscal_machine import KIND
from nightporter.agent.drivers.fiscal_machine.simulator import FiscalMachineSimulator
from tests.agent.drivers.fiscal_machine.hotel import (
    Till,
    bill,
    file,
    item,
    local_time,
    payment,
    refund,
    sale,
)

PRINTED = {"Effect": "receipt", "Z": 764, "Number": 42, "Total": "94.00", "Refund": False}


async def test_a_bill_becomes_a_receipt(till: Till, machine: FiscalMachineSimulator) -> None:
    outcome = await till.carry(sale())
    assert machine.effects == [PRINTED]
    assert outcome == Done(
        "Receipt 0764-0042 of 94.00 EUR was printed.",
        {
            "FiscalReceiptNumber": "42",
            "ZRepNumber": "764",
            "SerialNumber": "99MEX000001",
            "FiscalReceiptDate": "2026-11-21",
            "FiscalReceiptTime": "20:15",
            "Amount": "94.00",
        },
    )


async def test_a_document_bears_the_time_at_which_it_was_closed() -> None:
    clock = [local_time()]
    async with FiscalMachineSimulator(lambda: clock[-1]) as machine, Till(machine.address) as till:
        clock.append(clock[0] + timedelta(minutes=3))
        outcome = await till.carry(sale())
        assert (machine.register.last.date, machine.register.last.time) == ("211126", "201800")
    assert isinstance(outcome, Done)
    assert outcome.result is not None
    assert outcome.result["FiscalReceiptTime"] == "20:18"


async def test_what_it_sends_is_on_the_disk_before_the_first_byte(till: Till, machine: FiscalMachineSimulator) -> None:
    asked: list[list[str]] = []

    async def written(reference: dict[str, Any]) -> None:
        asked.append(list(machine.asked))
        till.references.append(reference)

    till.written = written  # type: ignore[method-assign]
    await till.carry(sale())
    assert asked == [["queryPrinterStatus", "1387"] * 2]
    assert machine.asked == [*["queryPrinterStatus", "1387"] * 2, "printerFiscalReceipt"]
    assert till.references == [{"What": "Receipt", "Total": 9400, "After": "0764-0041"}]
    assert till.baseline["Document"] == 41


async def test_a_refund_names_its_receipt(till: Till, machine: FiscalMachineSimulator) -> None:
    outcome = await till.carry(refund())
    assert isinstance(outcome, Done)
    assert outcome.notes == "Refund 0764-0042 of 50.00 EUR was printed."
    assert machine.effects == [{**PRINTED, "Total": "50.00", "Refund": True}]
    again = await till.carry(refund())
    assert again == Refused("The receipt to refund was already refunded at the fiscal machine.")
    assert len(machine.effects) == 1


async def test_a_file_is_passed_through(till: Till, machine: FiscalMachineSimulator) -> None:
    outcome = await till.carry(file())
    assert isinstance(outcome, Done)
    assert outcome.result is not None
    assert outcome.result["FiscalReceiptNumber"] == "42"
    assert machine.effects == [PRINTED]
    closing = await till.carry(file("<printerFiscalReport><printZReport operator='1'/></printerFiscalReport>"))
    assert closing == Done("The fiscal machine carried out the file that came with the command.")
    assert machine.effects[1:] == [{"Effect": "closing", "Z": 764}]


@pytest.mark.parametrize("code", ["PARSER_ERROR", "Non valid XML command"])
async def test_a_file_that_is_no_receipt_is_refused_only_as_a_whole(
    till: Till, machine: FiscalMachineSimulator, code: str
) -> None:
    machine.fail(f"code-{code}")
    outcome = await till.carry(file("<printerFiscalReport><printZReport operator='1'/></printerFiscalReport>"))
    assert isinstance(outcome, Refused if code == "PARSER_ERROR" else Unknown)
    assert machine.effects == []


async def test_a_bill_with_everything(machine: FiscalMachineSimulator) -> None:
    told = bill(
        [
            item(396, UnitCount=3),
            item(7.5, "ProductOrder", "IT-22", RevenueType="Product"),
            item(12, "CityTax", None),
            item(-20.5, "Rebate"),
            item(99, AccountingState="Canceled"),
        ],
        [payment(-100, "Cash"), payment(-295), payment(-5, "Failed", State="Failed")],
    )
    async with Till(machine.address) as till:
        outcome = await till.carry(sale(told, TaxIdentifier="IT 01234567890"))
    assert isinstance(outcome, Done)
    assert [one["Total"] for one in machine.effects] == ["395.00"]


async def test_low_paper_is_told_with_the_receipt(till: Till, machine: FiscalMachineSimulator) -> None:
    machine.register.paper = "2"
    outcome = await till.carry(sale())
    assert outcome.notes == "Receipt 0764-0042 of 94.00 EUR was printed. The paper runs low."


@pytest.mark.parametrize("fault", ["paper-out", "cover-open", "offline", "busy", "journal-full", "cut-question"])
async def test_a_machine_that_is_not_ready_is_waited_for(
    till: Till, machine: FiscalMachineSimulator, fault: str
) -> None:
    machine.fail(fault, 2)
    outcome = await till.carry(sale())
    assert isinstance(outcome, Done)
    assert till.aways, "it told why"
    assert machine.effects == [PRINTED]


async def test_a_document_that_somebody_left_open_is_not_touched(till: Till, machine: FiscalMachineSimulator) -> None:
    async with Till(machine.address) as other:
        machine.fail("status-17")
        machine.fail("stays-open")
        left = await other.carry(sale())
        assert isinstance(left, Refused)
        assert "cancel it there" in left.notes
        with pytest.raises(Away, match="A document is open"):
            await till.driver.prepare(sale(), 1)
        assert machine.asked.count("resetPrinter") == 1
        assert isinstance(await other.carry(sale()), Done), "it is its own, and nothing was printed since"
    assert machine.effects == [PRINTED]


async def test_called_off_before_it_is_sent_it_is_not_sent(till: Till, machine: FiscalMachineSimulator) -> None:
    baseline = await till.driver.prepare(sale(), 1)
    assert isinstance(baseline, dict)
    attempt = till.attempt()
    attempt.cancelled.set()
    outcome = await till.driver.execute(sale(), 1, baseline, attempt)
    assert isinstance(outcome, Refused)
    assert outcome.is_cancelled
    assert machine.effects == till.references == []


async def test_it_probes(till: Till, machine: FiscalMachineSimulator) -> None:
    probe = await till.driver.probe()
    assert probe.identity == "Epson fiscal machine 99MEX000001, last document 0764-0041"
    assert probe.problems == ()
    machine.register.paper = "3"
    async with Till(machine.address, {"serial": "99MEX000002", "departments": {}}) as other:
        problems = (await other.driver.probe()).problems
    assert len(problems) == 3
    assert "99MEX000002" in problems[0]
    assert machine.effects == []


async def test_another_machine_than_the_configured_one_prints_nothing(machine: FiscalMachineSimulator) -> None:
    async with Till(machine.address, {"serial": "99MEX000002"}) as till:
        outcome = await till.carry(sale())
    assert isinstance(outcome, Refused)
    assert "99MEX000001" in outcome.notes
    assert machine.effects == []


async def test_a_new_machine_tells_its_serial_number_when_asked(till: Till, machine: FiscalMachineSimulator) -> None:
    register = machine.register
    register.z, register.number = 1, 0
    register.last = type(register.last)(0, 0, "", "", 0, 0, "", is_fiscal=False)
    assert isinstance(await till.carry(sale()), Done)
    assert till.baseline["Machine"] == "99MEX000001"
    machine.fail("cut-after")
    assert isinstance(await till.carry(sale()), Happened)
    assert len(machine.effects) == 2


async def test_the_first_receipt_of_a_new_machine_is_found_again(till: Till, machine: FiscalMachineSimulator) -> None:
    register = machine.register
    register.z, register.number = 1, 0
    register.last = type(register.last)(0, 0, "", "", 0, 0, "", is_fiscal=False)
    machine.fail("cut-after")
    assert isinstance(await till.carry(sale()), Happened)
    assert len(machine.effects) == 1


async def test_the_address_of_a_command_is_followed_only_when_that_is_configured(
    machine: FiscalMachineSimulator,
) -> None:
    async with FiscalMachineSimulator(local_time) as named:
        task = sale(ApiUrl=f"{named.address}/cgi-bin/fpmate.cgi?devid=x")
        async with Till(machine.address) as till:
            await till.carry(task)
        assert (len(machine.effects), len(named.effects)) == (1, 0)
        async with Till(machine.address, {"follow_api_url": True}) as till:
            await till.carry(task)
            refused = await till.carry(sale(ApiUrl="file:///etc/passwd"))
        assert (len(machine.effects), len(named.effects)) == (1, 1)
        assert isinstance(refused, Refused)


@pytest.mark.parametrize("address", ["https://127.0.0.1", "127.0.0.1", "http://", "http://a@b", "http://x:99999", ""])
def test_an_address_that_cannot_be_right_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="expected one like http://"):
        Till(address)
    with pytest.raises(ValueError, match="expected one like http://"):
        KIND.place(KIND.options(address=address))  # type: ignore[call-arg]


def test_one_machine_has_one_place() -> None:
    places = {
        KIND.place(KIND.options(address=address))  # type: ignore[call-arg]
        for address in ("http://Printer.local", "http://printer.local:80/", "http://printer.local/cgi-bin/fpmate.cgi")
    }
    assert places == {"http://printer.local"}


async def test_nothing_of_a_guest_is_in_what_is_kept_or_shown(till: Till, machine: FiscalMachineSimulator) -> None:
    told = bill([item(94, Name="Room of Smith")], [payment(-94)])
    machine.fail("status-30")
    outcome = await till.carry(sale(told, TaxIdentifier="SMTJHN80A01H501U"))
    job = till.driver._job(sale(told, TaxIdentifier="SMTJHN80A01H501U"), "")
    for text in (
        repr(outcome),
        repr(till.references),
        repr(till.baseline),
        repr(till.aways),
        repr(job),
        repr(till.told),
    ):
        assert "Smith" not in text
        assert "SMTJHN" not in text
    assert outcome == Refused(
        "The fiscal machine says that the tax identifier is wrong. Correct it in the guest's or the company's profile."
    )


async def test_the_device_id_is_that_of_the_machine() -> None:
    async with FiscalMachineSimulator(local_time, device_id="bar_printer") as bar:
        async with Till(bar.address, {"device_id": "bar_printer"}) as till:
            assert isinstance(await till.carry(sale()), Done)
        async with Till(bar.address) as till:
            with pytest.raises(Away):
                await till.driver.probe()
    assert len(bar.effects) == 1


async def test_a_payment_that_has_no_means_is_named_with_the_place_where_it_belongs(till: Till) -> None:
    assert await till.driver.prepare(sale(bill([item(94)], [payment(-94, "Invoice")])), 1) == Refused(
        "The bill holds a payment of the kind 'Invoice', for which the agent's configuration names no means of payment. "
        "Nothing was printed. Add Invoice under payments of this machine in the agent's configuration; which type and "
        "index it has at the machine, the property's accountant knows."
    )


async def test_it_waits_for_nothing_when_the_machine_is_off() -> None:
    async with FiscalMachineSimulator(local_time) as gone:
        address = gone.address
    async with Till(address) as till:
        with pytest.raises(Away, match="cannot be reached"):
            await till.driver.probe()
        refused = await till.driver.prepare(sale(bill([item(94, code="IT-4")], [payment(-94)])), 1)
    assert refused == Refused(
        "The agent's configuration names no department of the fiscal machine for the tax code 'IT-4'. Nothing was printed. "
        "Add IT-4 under departments of this machine in the agent's configuration."
    )


async def test_another_machine_at_the_address_leaves_it_open(till: Till, machine: FiscalMachineSimulator) -> None:
    machine.fail("cut-before")
    till.baseline = await till.driver.prepare(sale(), 1)  # type: ignore[assignment]
    with pytest.raises(Away):
        await till.driver.execute(sale(), 1, till.baseline, till.attempt())
    machine.register.serial = "99MEX000009"
    machine.register.print_for_somebody_else(9400)
    assert isinstance(await till.resolve(sale()), Unknown)
