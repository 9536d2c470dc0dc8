"""The configuration of a running agent is changed under it."""

import os
from pathlib import Path

from tests.agent.test_status_and_check import CUTTER, FrontDesk, agent, connected, front
from tests.cli.program import free_port

__all__ = ["front"]  # a fixture


def replace(path: Path, text: str) -> None:
    """As an editor does: whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(text)
    os.replace(part, path)


async def test_a_machine_that_is_added_gets_what_waited(front: FrontDesk) -> None:
    whole = front.path.read_text()
    replace(front.path, whole.partition("[machines")[0])
    async with agent(front, "run") as one:
        await connected(one)
        command_id = await front.cut()
        await one.says("left alone", CUTTER)
        replace(front.path, whole)
        await one.says("the configuration was read again")
        assert (await front.state(command_id, "Processed", "Error"))["State"] == "Processed"
    assert len(front.locks.effects) == 1


async def test_a_broken_file_is_told_and_changes_nothing(front: FrontDesk) -> None:
    whole = front.path.read_text()
    async with agent(front, "run") as one:
        await connected(one)
        for number, broken in enumerate(
            ("[platform", whole + "colour = 1", whole.replace("127.0.0.1", "nowhere:x")), 1
        ):
            replace(front.path, broken)
            await one.says("the agent goes on with the one before", times=number)
        front.path.unlink()
        command_id = await front.cut()
        assert (await front.state(command_id, "Processed", "Error"))["State"] == "Processed"
        replace(front.path, whole)
        await one.says("the configuration was read again")


async def test_other_tokens_are_taken_up_and_never_told(front: FrontDesk) -> None:
    good = front.path.read_text()
    front.write(token="WRONGTOKEN" * 3)
    async with agent(front, "run") as one:
        await one.says("the platform does not let the agent listen")
        command_id = await front.cut()
        replace(front.path, good)
        assert (await front.state(command_id, "Processed", "Error"))["State"] == "Processed"
    assert not [line for line in one.out + one.err if "WRONGTOKEN" in line]


async def test_what_is_under_way_is_finished_at_the_machine_where_it_was_begun(front: FrontDesk) -> None:
    front.locks.asks_for_cards = True
    async with agent(front, "run") as one:
        await connected(one)
        command_id = await front.cut()
        await front.state(command_id, "Processing")
        front.write(port=free_port())
        await one.says("the configuration was read again")
        front.locks.card_is_on.set()
        assert (await front.state(command_id, "Processed", "Error"))["State"] == "Processed"
    assert len(front.locks.effects) == 1
