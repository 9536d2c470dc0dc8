"""Every way in which a machine, the link or the agent itself can break off: never two receipts, and one where it can be known."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from nightporter.agent.driver import Away, Done, Happened, NotHappened, Refused, Task, Unknown
from nightporter.agent.drivers.fiscal_machine.judging import Found, judge
from nightporter.agent.drivers.fiscal_machine.messages import LastDocument
from nightporter.agent.drivers.fiscal_machine.simulator import CODES, STATUSES, FiscalMachineSimulator
from tests.agent.drivers.fiscal_machine.hotel import Died, Till, file, is_printed, refund, sale

TASKS = {"receipt": sale, "refund": refund, "file": file}
REFUSING = [f"status-{status}" for status in STATUSES] + [
    f"code-{code}" for code in CODES
    if code not in ("LAN_ERROR", "LAN_TIME_OUT", "FP_NO_ANSWER", "TM_NO_ANSWER/OFF_LINE", "EPTR_REC_EMPTY")
]  # fmt: skip
OUTCOMES: dict[str, tuple[type, int]] = {
    **dict.fromkeys(REFUSING, (Refused, 0)),
    **{f"code-{code}": (Done, 1) for code in ("LAN_ERROR", "LAN_TIME_OUT", "FP_NO_ANSWER", "TM_NO_ANSWER/OFF_LINE")},
    "code-EPTR_REC_EMPTY": (Done, 1),
    "paper-out": (Done, 1),
    "cover-open": (Done, 1),
    "offline": (Done, 1),
    "busy": (Done, 1),
    "journal-full": (Done, 1),
    "paper-low": (Done, 1),
    "cut-question": (Done, 1),
    "garbage-question": (Done, 1),
    "cut-before": (Done, 1),
    "cut-after": (Happened, 1),
    "cut-answer": (Happened, 1),
    "slow": (Happened, 1),
    "late": (Happened, 1),
    "garbage": (Happened, 1),
    "error-page": (Happened, 1),
    "huge": (Happened, 1),
    "no-number": (Done, 1),
    "closed-yet-refused": (Unknown, 1),
    "z-before": (Done, 1),
    "stranger-before": (Done, 1),
    "stranger-opens": (Refused, 0),
    "stranger-after": (Done, 1),
    "paper-ends": (Happened, 1),
    "paper-ends-for-good": (Unknown, 0),
    "time-out-printed": (Happened, 1),
    "stays-open": (Done, 1),
}
"""What comes of a receipt under each fault, and how many were printed."""


def ours(machine: FiscalMachineSimulator) -> list[dict[str, Any]]:
    return [one for one in machine.effects if one["Total"] != "10.00"]


def test_every_fault_of_the_machine_is_tried() -> None:
    assert set(OUTCOMES) == set(FiscalMachineSimulator.FAULTS)


@pytest.mark.parametrize("what", TASKS)
@pytest.mark.parametrize("fault", OUTCOMES)
async def test_a_fault_of_the_machine(machine: FiscalMachineSimulator, fault: str, what: str) -> None:
    expected, printed = OUTCOMES[fault]
    if fault.removeprefix("status-") in ("39", "40", "41", "42") and what != "refund":
        assert expected is Refused
    async with Till(machine.address, {"timeout": 200} if fault == "slow" else {}) as till:
        if fault.startswith(("z-", "stranger")) and what == "refund":
            machine.register.documents[764, 41] = 5000
        machine.fail(fault)
        outcome = await till.carry(TASKS[what]())
    assert (type(outcome), len(ours(machine))) == (expected, printed)
    if is_printed(outcome) and fault != "no-number":
        last = ours(machine)[0]
        assert outcome.result["FiscalReceiptNumber"] == str(last["Number"])
        assert outcome.result["Amount"] == last["Total"]
        assert f"{last['Z']:04}-{last['Number']:04}" in outcome.notes
    if isinstance(outcome, Unknown):
        assert "0764-0041" in outcome.notes


@pytest.mark.parametrize(
    ("faults", "expected", "printed"),
    [
        (("z-before", "cut-after"), Happened, 1),
        (("z-before", "cut-before"), Done, 1),
        (("stranger-before", "cut-after"), Unknown, 1),
        (("stranger-after", "cut-after"), Unknown, 1),
        (("stranger-before", "cut-before"), Unknown, 0),
        (("stranger-before", "closed-yet-refused"), Unknown, 1),
        (("stranger-before", "status-22"), Unknown, 0),
        (("cut-before", "cut-before"), Done, 1),
        (("cut-before", "cut-before", "cut-before"), None, 0),
        (("cut-before", "late"), Happened, 1),
        (("cut-after", "cut-question", "garbage-question", "offline"), Happened, 1),
        (("late", "paper-out", "cut-question"), Happened, 1),
        (("status-22", "stays-open"), Refused, 0),
        (("status-22", "cut-question"), Refused, 0),
    ],
)
async def test_faults_that_come_together(
    machine: FiscalMachineSimulator, till: Till, faults: tuple[str, ...], expected: type | None, printed: int
) -> None:
    for fault in faults:
        machine.fail(fault)
    outcome = await till.carry(sale())
    assert (type(outcome) if outcome is not None else None, len(ours(machine))) == (expected, printed)


async def test_a_strangers_receipt_of_the_same_amount_is_the_one_thing_it_takes_for_its_own(
    machine: FiscalMachineSimulator, till: Till
) -> None:
    """Written down, because it is the assumption that docs/drivers/epson.md tells: nobody else prints there."""
    machine.fail("cut-before")
    till.baseline = await till.driver.prepare(sale(), 1)  # type: ignore[assignment]
    with pytest.raises(Away):
        await till.driver.execute(sale(), 1, till.baseline, till.attempt())
    machine.register.print_for_somebody_else(9400)
    assert isinstance(await till.resolve(sale()), Happened)


@pytest.mark.parametrize("what", TASKS)
async def test_a_document_that_somebody_else_opened_is_never_dropped(
    machine: FiscalMachineSimulator, till: Till, what: str
) -> None:
    machine.fail("stranger-opens")
    outcome = await till.carry(TASKS[what]())
    assert isinstance(outcome, Refused)
    assert "somebody prints there" in outcome.notes
    theirs = machine.register.open
    assert theirs is not None
    assert isinstance(await till.resolve(sale()), Refused)
    assert await till.patiently(lambda: till.driver.prepare(sale(), 1)) is None, "it is waited for"
    assert machine.register.open is theirs
    assert "resetPrinter" not in machine.asked


@pytest.mark.parametrize("opens", [True, False])
async def test_what_somebody_else_did_since_the_baseline_is_seen_before_anything_is_sent(
    machine: FiscalMachineSimulator, till: Till, opens: bool
) -> None:
    """The platform may have been waited for in between, for long."""
    baseline = await till.driver.prepare(sale(), 1)
    assert isinstance(baseline, dict)
    if opens:
        machine.register.open_for_somebody_else()
    else:
        machine.register.print_for_somebody_else(9400)
    with pytest.raises(Away, match="Somebody else"):
        await till.driver.execute(sale(), 1, baseline, till.attempt())
    assert till.references == []


@asynccontextmanager
async def proxy(machine: FiscalMachineSimulator, cut: int, how: str, died: asyncio.Event) -> AsyncIterator[str]:
    """Breaks off with the ``cut``-th request: ``before`` or ``within`` it, ``after`` the machine did it, or in its ``answer``.

    A ``how`` that begins with ``die`` sets ``died`` instead, and leaves the caller waiting.
    """
    count = 0
    talks: set[asyncio.Task[None]] = set()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        where = how.removeprefix("die-") if count == cut else ""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        )
        body = await reader.readexactly(length)
        answer = b""
        if where != "before":
            from_machine, to_machine = await asyncio.open_connection(machine.host, machine.port)
            to_machine.write((head + body)[: len(head) + length // 2] if where == "within" else head + body)
            if where == "within":
                to_machine.write_eof()
            answer = await from_machine.read()
            to_machine.close()
        if where and how.startswith("die"):
            died.set()
            await reader.read()
        elif not where or where == "answer":
            writer.write(answer[: len(answer) // 2] if where else answer)
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        talks.add(talk)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await relay(reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


CUTS = ("before", "within", "after", "answer")
REQUESTS = 11
"""More than any of the exchanges has; the last cuts hit nothing, and the command ends as it should."""


async def carry_and_die(till: Till, task: Task, died: asyncio.Event) -> Any:
    """As :meth:`Till.carry`, in an agent that is killed when ``died`` is set, and started again."""
    carrying = asyncio.ensure_future(till.carry(task))
    dying = asyncio.ensure_future(died.wait())
    await asyncio.wait({carrying, dying}, return_when=asyncio.FIRST_COMPLETED, timeout=30)
    dying.cancel()
    if carrying.done():
        return carrying.result()
    carrying.cancel()
    await asyncio.gather(carrying, return_exceptions=True)
    await till.driver.close()
    till.restart()
    if till.references:
        resolved = await till.resolve(task)
        if not isinstance(resolved, NotHappened):
            return resolved
    return await till.carry(task)


@pytest.mark.parametrize("what", TASKS)
@pytest.mark.parametrize("how", [*CUTS, *(f"die-{how}" for how in CUTS[:3])])
@pytest.mark.parametrize("cut", range(1, REQUESTS))
async def test_the_link_or_the_agent_breaks_off_at_any_message(
    machine: FiscalMachineSimulator, cut: int, how: str, what: str
) -> None:
    died = asyncio.Event()
    async with proxy(machine, cut, how, died) as address, Till(address) as till:
        outcome = await carry_and_die(till, TASKS[what](), died)
        assert is_printed(outcome)
    assert len(machine.effects) == 1


@pytest.mark.parametrize("lost", ["cut-after", "cut-before"])
@pytest.mark.parametrize("how", [*CUTS, *(f"die-{how}" for how in CUTS[:3])])
@pytest.mark.parametrize("cut", range(6, 6 + REQUESTS))
async def test_it_breaks_off_again_while_it_finds_out(
    machine: FiscalMachineSimulator, cut: int, how: str, lost: str
) -> None:
    died = asyncio.Event()
    machine.fail(lost)
    async with proxy(machine, cut, how, died) as address, Till(address) as till:
        assert is_printed(await carry_and_die(till, sale(), died))
    assert len(machine.effects) == 1


@pytest.mark.parametrize("how", [*CUTS, *(f"die-{how}" for how in CUTS[:3])])
@pytest.mark.parametrize("cut", range(1, REQUESTS))
async def test_it_breaks_off_at_any_message_of_a_refusal(machine: FiscalMachineSimulator, cut: int, how: str) -> None:
    died = asyncio.Event()
    machine.register.departments = {"3"}
    async with proxy(machine, cut, how, died) as address, Till(address) as till:
        outcome = await carry_and_die(till, sale(), died)
    assert machine.effects == []
    assert isinstance(outcome, Refused | Unknown)
    if machine.register.open:
        assert "still open" in outcome.notes


async def test_killed_between_the_disk_and_the_first_byte(machine: FiscalMachineSimulator, till: Till) -> None:
    async def dies(reference: dict[str, Any]) -> None:
        till.references.append(reference)
        raise Died

    writes, till.written = till.written, dies  # type: ignore[method-assign]
    with pytest.raises(Died):
        await till.carry(sale())
    till.written = writes  # type: ignore[method-assign]
    assert isinstance(await till.resolve(sale()), NotHappened)
    assert isinstance(await till.carry(sale()), Done)
    assert len(machine.effects) == 1


async def test_resolving_asks_and_does_nothing(machine: FiscalMachineSimulator, till: Till) -> None:
    machine.fail("cut-before")
    till.baseline = await till.driver.prepare(sale(), 1)  # type: ignore[assignment]
    with pytest.raises(Away):
        await till.driver.execute(sale(), 1, till.baseline, till.attempt())
    machine.asked.clear()
    assert isinstance(await till.resolve(sale()), NotHappened)
    assert set(machine.asked) == {"queryPrinterStatus", "1387"}
    assert till.elapsed >= 15, "the machine was watched before it counts as never arrived"


async def test_what_a_refusal_left_open_is_dropped_before_the_next_receipt_and_not_while_it_is_found_out(
    machine: FiscalMachineSimulator, till: Till
) -> None:
    machine.fail("status-22")
    machine.fail("cut-question")
    outcome = await till.carry(sale())
    assert isinstance(outcome, Refused)
    assert "still open" in outcome.notes
    assert "resetPrinter" not in machine.asked
    assert isinstance(await till.carry(sale()), Done)
    assert machine.asked.count("resetPrinter") == len(machine.effects) == 1


async def test_a_file_that_is_no_receipt_is_never_sent_again(machine: FiscalMachineSimulator, till: Till) -> None:
    for fault in ("cut-before", "cut-after"):
        machine.fail(fault)
        outcome = await till.carry(file("<printerFiscalReport><printZReport operator='1'/></printerFiscalReport>"))
        assert isinstance(outcome, Unknown)
    assert machine.effects == [{"Effect": "closing", "Z": 764}]


async def test_a_file_whose_amount_is_not_plain_is_open_once_a_document_was_closed(
    machine: FiscalMachineSimulator, till: Till
) -> None:
    xml = (
        "<printerFiscalReceipt><beginFiscalReceipt/><printRecItem description='x' unitPrice='10,00' department='1'/>"
        "<printRecItemAdjustment adjustmentType='3' amount='1,00' department='1'/><printRecTotal/><endFiscalReceipt/>"
        "</printerFiscalReceipt>"
    )
    machine.fail("cut-before")
    assert isinstance(await till.carry(file(xml)), Done)
    machine.fail("cut-after")
    assert isinstance(await till.carry(file(xml)), Unknown)
    assert len(machine.effects) == 2


BEFORE = LastDocument(5000, 455, "211126", "201400", 764, 41, "99MEX000001", is_fiscal=True)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, Found.UNCHANGED),
        ({"number": 42, "total": 9400}, Found.OURS),
        ({"z": 765, "number": 1, "total": 9400}, Found.OURS),
        ({"number": 42, "total": 9401}, Found.OTHER),
        ({"number": 43, "total": 9400}, Found.OTHER),
        ({"number": 40, "total": 9400}, Found.OTHER),
        ({"z": 765, "number": 42, "total": 9400}, Found.OTHER),
        ({"z": 765, "number": 2, "total": 9400}, Found.OTHER),
        ({"z": 766, "number": 1, "total": 9400}, Found.OTHER),
        ({"number": 42, "total": 9400, "serial": "99MEX000002"}, Found.OTHER),
        ({"number": 42, "total": 9400, "is_fiscal": False}, Found.OTHER),
        ({"time": "201500"}, Found.OTHER),
    ],
)
def test_only_the_next_fiscal_document_of_the_same_amount_is_ours(changes: dict[str, Any], found: Found) -> None:
    fields = {name: getattr(BEFORE, name) for name in ("total", "tax", "date", "time", "z", "number", "serial")}
    after = LastDocument(**{**fields, "is_fiscal": True, **changes})
    assert judge(BEFORE, after, 9400) is found
    if found is Found.OURS:
        assert judge(BEFORE, after, None) is Found.OTHER
