"""The agent on a real desk, with a bell for a machine."""

import asyncio

import pytest
from structlog.testing import capture_logs

from nightporter.agent import carrying
from nightporter.agent.driver import Surroundings
from nightporter.agent.journal import Stage
from nightporter.agent.status import status
from nightporter.host.locks import ComputerLock
from tests.agent.bell import Bell, BellDriver, BellOptions
from tests.agent.conftest import BELL, PDF, PRINTER, TILL, Property, until
from tests.cli.program import free_port


async def states(place: Property, command_id: str) -> list[str]:
    return [one["State"] for one in (await place.command(command_id))["Execution"]["States"]]


async def test_a_command_is_carried_out_and_told(place: Property, bell: Bell) -> None:
    async with place.agent():
        command = await place.ended(await place.print())
    assert command["State"] == "Processed"
    assert command["Execution"]["Notes"] == "It rang."
    assert command["Execution"]["Result"] == {"Count": 1}
    assert command["Execution"]["Executor"] == "nightporter agent on here"
    assert [one["State"] for one in command["Execution"]["States"]] == [
        "Pending",
        "Received",
        "Processing",
        "Processed",
    ]
    assert bell.rung == ["ding"]
    assert bell.documents == [PDF]
    assert list((place.folder / "agent-state" / "spool").iterdir()) == [], "the document is gone when its command is"


async def test_what_waited_before_the_agent_came_is_done_in_order_of_creation(place: Property, bell: Bell) -> None:
    waiting = []
    for _ in range(3):
        waiting.append(await place.print())
        place.desk.clock.move(1)
    async with place.agent():
        for one in waiting:
            await place.ended(one)
    assert bell.began == waiting


async def test_one_machine_that_stands_still_holds_up_no_other(place: Property, bell: Bell, back: Bell) -> None:
    devices = (await place.desk.call("devices/getAll")).json()["Devices"]
    other = next(one["Id"] for one in devices if one["Name"] == "Test Printer")
    place.write(BELL, f'[machines.Back]\ndevice = "{other}"\ndriver = "bell"\nbell = "back"')
    bell.script.append("hang")
    async with place.agent():
        await place.print()
        await bell.reached.wait()
        assert (await place.ended(await place.print(device=other)))["State"] == "Processed"
    assert back.rung


async def test_an_answer_that_was_lost_is_asked_for_and_nothing_is_done_twice(place: Property, bell: Bell) -> None:
    bell.script.append("lose the answer")
    async with place.agent():
        command = await place.ended(await place.print())
    assert (command["State"], command["Execution"]["Notes"]) == ("Processed", "It had rung.")
    assert len(bell.rung) == 1


async def test_a_request_that_was_lost_is_made_again(place: Property, bell: Bell) -> None:
    bell.script.append("lose the request")
    async with place.agent():
        command = await place.ended(await place.print())
    assert (command["State"], len(bell.rung)) == ("Processed", 1)


@pytest.mark.parametrize("lost", ["lose the request", "lose the answer", "fail after"])
async def test_what_nobody_can_tell_ends_with_what_to_check(place: Property, bell: Bell, lost: str) -> None:
    bell.script.append(lost)
    bell.can_tell = False
    async with place.agent():
        command = await place.ended(await place.print())
    assert (command["State"], command["Execution"]["Notes"]) == ("Error", "Ask whoever stood by whether it rang.")
    assert len(bell.began) == 1


async def test_a_driver_that_fails_before_it_sends_has_done_nothing(place: Property, bell: Bell) -> None:
    bell.script.append("fail")
    async with place.agent():
        command = await place.ended(await place.print())
        assert (command["State"], bell.rung) == ("Error", [])
        assert command["Execution"]["Notes"].startswith("Nothing was done")
        assert (await place.ended(await place.print()))["State"] == "Processed", "and the next command is carried out"


async def test_after_a_crash_what_was_sent_is_resolved(place: Property, bell: Bell) -> None:
    bell.script.append("hang after")
    async with place.agent():
        command_id = await place.print()
        await bell.reached.wait()
    async with place.agent():
        command = await place.ended(command_id)
    assert (command["State"], command["Execution"]["Notes"], len(bell.rung)) == ("Processed", "It had rung.", 1)


async def test_after_a_crash_what_had_no_effect_is_begun_anew(place: Property, bell: Bell) -> None:
    bell.script.extend(["lose the request", "away"])
    async with place.agent():
        command_id = await place.print()
        await until(lambda: not bell.script)
    async with place.agent():
        assert (await place.ended(command_id))["State"] == "Processed"
    assert len(bell.rung) == 1


async def test_after_a_crash_what_was_only_prepared_is_begun_anew(place: Property, bell: Bell) -> None:
    bell.script.append("hang")
    async with place.agent():
        command_id = await place.print()
        await bell.reached.wait()
    async with place.agent():
        assert (await place.ended(command_id))["State"] == "Processed"
    assert len(bell.rung) == 1


async def test_what_is_through_is_not_done_again_however_often_it_comes(place: Property, bell: Bell) -> None:
    async with place.agent() as agent:
        command_id = await place.print()
        await place.ended(command_id)
        command = await agent._client.fetch(command_id)
        assert command is not None
        for _ in range(3):
            await agent._take(command)
        assert (await place.ended(await place.print()))["State"] == "Processed"
    assert len(bell.rung) == 2


async def test_what_was_called_off_while_it_waited_is_not_begun(place: Property, bell: Bell) -> None:
    bell.script.append("hang")
    async with place.agent():
        first = await place.print()
        await bell.reached.wait()
        place.desk.clock.move(1)
        second = await place.print()
        await place.desk.call("commands/update", CommandId=second, State="Cancelled")
        bell.go.set()
        await place.ended(first)
        third = await place.print()
        await place.ended(third)
    assert bell.began == [first, third]


async def test_what_is_called_off_under_way_is_told_to_the_driver(place: Property, bell: Bell) -> None:
    bell.script.append("hang")
    async with place.agent():
        command_id = await place.print()
        await bell.reached.wait()
        await place.desk.call("commands/update", CommandId=command_id, State="Cancelled")
        assert (await place.ended(await place.print()))["State"] == "Processed"
        assert bell.began[0] == command_id
    assert len(bell.rung) == 1, "the one that was called off did not ring"


async def test_what_was_called_off_while_the_agent_was_away_is_not_begun(place: Property, bell: Bell) -> None:
    bell.script.append("hang")
    async with place.agent():
        command_id = await place.print()
        await bell.reached.wait()
    await place.desk.call("commands/update", CommandId=command_id, State="Cancelled")
    async with place.agent():
        await place.ended(await place.print())
    assert len(bell.rung) == 1
    assert await states(place, command_id) == ["Pending", "Received", "Processing", "Cancelled"]


async def test_a_machine_that_is_away_is_tried_again(place: Property, bell: Bell) -> None:
    bell.script.extend(["away"] * 3)
    async with place.agent():
        assert (await place.ended(await place.print()))["State"] == "Processed"
    assert [one for one in place.waited if one < 3] == [0.5, 1.0, 2.0]


async def test_a_machine_that_stays_away_ends_the_command(place: Property, bell: Bell) -> None:
    place.write(BELL + 'gives_up_after = "PT1M"')
    bell.script.extend(["away"] * 100)
    async with place.agent():
        command = await place.ended(await place.print())
    assert command["State"] == "Error"
    assert command["Execution"]["Notes"] == (
        "Nobody hears the bell. It was tried for 1 minute. Nothing was done; ask again when it is there."
    )


async def test_a_machine_that_stays_away_after_something_was_sent_leaves_a_doubt(place: Property, bell: Bell) -> None:
    bell.script.extend(["lose the answer", *["away"] * 100])
    async with place.agent():
        command = await place.ended(await place.print())
    assert command["State"] == "Error"
    assert command["Execution"]["Notes"].endswith("Ask whoever stood by whether it rang.")


async def test_a_machine_that_comes_back_tells_what_became_of_it(place: Property, bell: Bell) -> None:
    bell.script.extend(["lose the answer", "away", "away"])
    async with place.agent():
        assert (await place.ended(await place.print()))["State"] == "Processed"
    assert len(bell.rung) == 1


async def test_what_is_too_old_when_its_turn_comes_is_not_begun(place: Property, bell: Bell) -> None:
    place.write(BELL + 'too_old_after = "PT10M"')
    command_id = await place.print()
    place.desk.clock.move(601)
    async with place.agent():
        command = await place.ended(command_id)
    assert (command["State"], bell.began) == ("Error", [])
    assert command["Execution"]["Notes"].startswith("It had waited for 10 minutes 1 second")


async def test_what_another_executor_has_is_left_to_it(place: Property, bell: Bell) -> None:
    command_id = await place.print()
    await place.desk.call("commands/update", CommandId=command_id, State="Received", Executor="somebody else")
    async with place.agent():
        await place.ended(await place.print())
    assert len(bell.began) == 1
    assert (await place.command(command_id))["State"] == "Received"
    assert "409" in (status(place.folder / "agent-state", 10).recent[-1].said or "")


async def test_several_steps_are_carried_out_one_after_the_other(place: Property, bell: Bell) -> None:
    bell.steps = 3
    async with place.agent():
        command = await place.ended(await place.print())
    assert len(bell.rung) == 3
    assert command["Execution"]["Result"] == {
        "Steps": [{"Step": 1, "Count": 1}, {"Step": 2, "Count": 2}, {"Step": 3, "Count": 3}]
    }


async def test_a_step_that_is_refused_says_how_many_were_done(place: Property, bell: Bell) -> None:
    bell.steps = 3
    bell.script.append("hang after")
    async with place.agent():
        command_id = await place.print()
        await bell.reached.wait()
        bell.script.append("refuse")
        bell.go.set()
        command = await place.ended(command_id)
    assert command["State"] == "Error"
    assert command["Execution"]["Notes"] == (
        "1 of 3 was carried out. Number 2: The bell is cracked. The one after it was not begun."
    )
    assert len(bell.rung) == 1


async def test_a_first_step_that_is_refused_says_that_the_others_were_not_begun(place: Property, bell: Bell) -> None:
    bell.steps = 3
    bell.script.append("refuse")
    async with place.agent():
        command = await place.ended(await place.print())
    assert command["Execution"]["Notes"] == "The bell is cracked. The 2 after it were not begun."
    assert bell.rung == []


async def test_after_a_crash_the_steps_that_are_done_are_not_done_again(place: Property, bell: Bell) -> None:
    bell.steps = 3
    bell.can_tell = False
    bell.script.append("hang after")
    async with place.agent():
        command_id = await place.print()
        await bell.reached.wait()
        bell.script.append("hang after")
        bell.reached.clear()
        first, bell.go = bell.go, asyncio.Event()
        first.set()
        await bell.reached.wait()
    async with place.agent():
        command = await place.ended(command_id)
    assert command["State"] == "Error"
    assert command["Execution"]["Notes"] == (
        "1 of 3 was carried out. Number 2: Ask whoever stood by whether it rang. The one after it was not begun."
    )
    assert len(bell.rung) == 2, "the first, and the second whose answer nobody heard"


async def test_what_it_waits_for_is_told_and_gone_when_it_is_over(place: Property, bell: Bell) -> None:
    bell.script.append("hang after")
    async with place.agent():
        command_id = await place.print()
        await place.until(command_id, Result={"Status": "It swings."}, Progress=50)
        folder = place.folder / "agent-state"
        await until(lambda: [one.status for one in status(folder, 10).open] == ["It swings."])
        assert [one.steps[1].stage for one in status(folder, 10).open] == [Stage.SENT]
        bell.go.set()
        command = await place.ended(command_id)
    assert command["Execution"]["Result"] == {"Count": 1}


async def test_what_is_under_way_tells_after_a_crash_that_its_machine_is_away(
    place: Property, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write(BELL + 'gives_up_after = "PT9H"')
    bell.script.append("hang")
    async with place.agent():
        command_id = await place.print()
        await bell.reached.wait()
    bell.script.append("away")
    monkeypatch.setattr(carrying, "FIRST_DELAY", 3600.0)
    async with place.agent():
        await place.until(command_id, Result={"Status": "Nobody hears the bell."})
    bell.script.append("hang")
    bell.reached.clear()
    async with place.agent():
        await bell.reached.wait()
        command = await place.command(command_id)
    assert command["Execution"]["Result"] == {}, "it is there again"
    assert await states(place, command_id) == ["Pending", "Received", "Processing"]


async def test_a_driver_of_another_kind_than_the_device_is_told(place: Property, bell: Bell) -> None:
    place.write(f'[machines.Front]\ndevice = "{PRINTER}"\ndriver = "till"\nbell = "front"\n')
    with capture_logs() as told:
        async with place.agent() as agent:
            command_id = await place.print()
            await until(lambda: PRINTER in agent._strangers)
    assert [one["event"] for one in told if one["log_level"] == "error"] == [
        "a machine is configured with a driver of another kind, and its commands are left alone"
    ]
    assert await states(place, command_id) == ["Pending"]


async def test_what_is_recovered_is_not_given_to_a_driver_of_another_kind(place: Property, bell: Bell) -> None:
    bell.script.append("hang")
    async with place.agent():
        command_id = await place.print()
        await bell.reached.wait()
    place.write(f'[machines.Front]\ndevice = "{PRINTER}"\ndriver = "till"\nbell = "front"\n')
    async with place.agent() as agent:
        await until(lambda: PRINTER in agent._strangers)
    place.write(BELL)
    async with place.agent():
        assert (await place.ended(command_id))["State"] == "Processed"
    assert bell.began == [command_id] * 2


async def test_a_driver_that_cannot_be_made_holds_up_nobody_else(
    place: Property, bell: Bell, back: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write(BELL, TILL)
    make = BellDriver.__init__

    def broken(self: BellDriver, options: BellOptions, surroundings: Surroundings) -> None:
        if options.bell == "front":
            raise ValueError("its certificate is gone")
        make(self, options, surroundings)

    with monkeypatch.context() as patched, capture_logs() as told:
        patched.setattr(BellDriver, "__init__", broken)
        async with place.agent():
            command_id = await place.print()
            assert (await place.ended(await place.pay()))["State"] == "Processed"
            patched.undo()
            assert (await place.ended(command_id))["State"] == "Processed"
    assert [one["why"] for one in told if one["event"] == "the machine is not driven"] == [
        "its driver cannot be made: its certificate is gone"
    ], "it is told once"


async def test_a_device_that_is_not_configured_is_left_alone(place: Property, bell: Bell) -> None:
    place.write()
    async with place.agent() as agent:
        command_id = await place.print()
        await until(lambda: PRINTER in agent._strangers)
    assert await states(place, command_id) == ["Pending"]


async def test_a_changed_configuration_loses_no_work(place: Property, bell: Bell) -> None:
    bell.script.append("hang")
    async with place.agent() as agent:
        first = await place.print()
        await bell.reached.wait()
        place.desk.clock.move(1)
        second = await place.print()
        await until(lambda: agent.machines[0].waiting)
        place.write(BELL + 'tone = "dong"')
        await agent.apply(place.configuration())
        bell.go.set()
        await place.ended(first)
        await place.ended(second)
    assert bell.rung == ["ding", "dong"]


async def test_a_device_that_is_added_to_the_configuration_gets_what_waited(place: Property, bell: Bell) -> None:
    place.write()
    async with place.agent() as agent:
        command_id = await place.print()
        await until(lambda: agent._strangers)
        place.write(BELL)
        await agent.apply(place.configuration())
        assert (await place.ended(command_id))["State"] == "Processed"
    assert agent.machines[0].configuration.device_id == PRINTER


async def test_no_machine_is_driven_by_two_agents(place: Property, bell: Bell) -> None:
    bell.script.append("hang")
    async with place.agent():
        first = await place.print()
        await bell.reached.wait()
        place.write(BELL, state="other-state")
        async with place.agent() as second:
            await until(lambda: 10.0 in place.waited)
            assert second.machines[0].under_way is None
            bell.go.set()
            await place.ended(first)
    assert len(bell.rung) == 1


async def test_a_machine_that_another_agent_drives_is_left_to_it(place: Property, bell: Bell) -> None:
    lock = ComputerLock(place.folder / "locks" / place.configuration().machines[0].lock_name)
    async with place.agent() as agent:
        command_id = await place.print()
        await until(lambda: agent.machines[0].was_passed_over)
        assert (await place.command(command_id))["State"] == "Pending"
        lock.release()
        assert (await place.ended(command_id))["State"] == "Processed", "and taken when the other one has left"


async def test_a_platform_that_cannot_be_reached_from_the_start_is_told(place: Property, bell: Bell) -> None:
    place.path.write_text(place.path.read_text().replace(place.desk.address, f"http://127.0.0.1:{free_port()}"))
    with capture_logs() as told:
        async with place.agent():
            await until(lambda: any(one["event"] == "not connected" and one["why"] for one in told))
