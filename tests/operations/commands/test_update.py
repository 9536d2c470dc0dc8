import asyncio

import pytest

from nightporter.access.actor import Scope
from nightporter.domain.errors import Changed, Invalid
from nightporter.storage import events
from nightporter.storage.command_changes import MoveCommand
from nightporter.wire.shapes import Empty
from tests.contract.hotel import HOTEL, PRINTER
from tests.operations.calls import AlwaysTooLate, Between, Caller


@pytest.fixture
async def command(kiosk: Caller) -> str:
    return (await kiosk("commands/addPrinter", PrinterId=PRINTER, CopyCount=1, Data="QUJD")).command_id


async def states(caller: Caller, command_id: str) -> list[str]:
    """The states that were told of the command, in their order."""
    everything = Scope((HOTEL,), frozenset({PRINTER}), "")
    told = await events.after(caller.desk.database, everything, 0, 999)
    return [event.state.value for event in told if event.command_id == command_id]


@pytest.mark.parametrize(
    ("others", "requested", "outcome"),
    [
        ("Received", "Received", ["Pending", "Received"]),
        ("Received", "Processing", ["Pending", "Received", "Processing"]),
        ("Processing", "Processing", ["Pending", "Processing", "Processing"]),
        ("Processing", "Received", "State"),
        ("Processing", "Processed", ["Pending", "Processing", "Processed"]),
        ("Processed", "Processed", ["Pending", "Processed"]),
        ("Processed", "Error", "CommandId"),
        ("Cancelled", "Processed", "CommandId"),
        ("Error", "Received", "CommandId"),
    ],
)
async def test_a_command_that_changed_after_it_was_read_is_judged_again(
    agent: Caller, command: str, others: str, requested: str, outcome
):
    async def change():
        await agent("commands/update", CommandId=command, State=others)

    late = agent.through(Between(agent.desk.writer, change))
    if isinstance(outcome, str):
        with pytest.raises(Invalid) as refused:
            await late("commands/update", CommandId=command, State=requested)
        assert refused.value.parameter == outcome
        assert await states(agent, command) == ["Pending", others]
    else:
        assert await late("commands/update", CommandId=command, State=requested) == Empty()
        assert await states(agent, command) == outcome


async def test_a_command_that_changes_again_and_again_is_given_up_after_five_rounds(agent: Caller, command: str):
    writer = AlwaysTooLate(False)
    with pytest.raises(Changed):
        await agent.through(writer)("commands/update", CommandId=command, State="Processed")
    assert writer.written == 5
    assert await states(agent, command) == ["Pending"]


async def test_many_updates_at_once_end_in_one_end_state_told_once(agent: Caller, command: str):
    asked = ["Processed", "Error", "Cancelled", "Processing", "Received"] * 8
    outcomes = await asyncio.gather(
        *(agent("commands/update", CommandId=command, State=state) for state in asked), return_exceptions=True
    )
    assert all(isinstance(outcome, Empty | Invalid) for outcome in outcomes)
    told = await states(agent, command)
    assert sum(state in ("Processed", "Error", "Cancelled") for state in told) == 1
    assert told[0] == "Pending"
    assert told[-1] in ("Processed", "Error", "Cancelled")


async def test_what_is_written_names_progress_with_processing_and_notes_with_an_end(agent: Caller, command: str):
    written: list[MoveCommand] = []

    class Reading:
        async def write(self, intent):
            written.append(intent)
            return await agent.desk.writer.write(intent)

    reading = agent.through(Reading())
    for fields in (
        {"State": "Received", "Progress": 5, "Notes": "n"},
        {"State": "Processing", "Progress": 150, "Notes": "n"},
        {"State": "Processing", "Progress": None},
        {"State": "Processed", "Progress": 7, "Notes": "a\0b" + "c" * 2000},
    ):
        await reading("commands/update", CommandId=command, **fields)
    assert [(one.progress, one.notes) for one in written] == [
        (None, None),
        (100.0, None),
        (None, None),
        (None, "ab" + "c" * 998),
    ]
    assert {(one.enterprise_id, one.command_id) for one in written} == {(HOTEL, command)}
