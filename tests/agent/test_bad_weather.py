"""What the agent does when things happen at the wrong moment: the platform away, tokens refused, two changes at once."""

import asyncio
import resource
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import structlog

from nightporter.agent import agent as agent_module
from nightporter.agent import carrying
from nightporter.agent.agent import Agent
from nightporter.agent.driver import Attempt, Away, Done, Notes, Outcome, Refused, Task, Unknown
from nightporter.agent.journal import Journal, Stage
from nightporter.agent.metrics import Metrics
from nightporter.agent.spool import Spool
from nightporter.agent.status import status
from nightporter.client import Client, NotWanted
from nightporter.client.operations import BY_IDS
from nightporter.client.sifting import Sifter
from tests.agent.bell import Bell, BellDriver
from tests.agent.conftest import BELL, PDF, TERMINAL, TILL, Property, until
from tests.harness import ACCESS_TOKEN


@asynccontextmanager
async def stoppable(place: Property) -> AsyncIterator[tuple[Agent, asyncio.Event, asyncio.Task[None]]]:
    """An agent, what stops it, and its run."""
    configuration, sources, stop = place.configuration(), place.sources(), asyncio.Event()
    journal = Journal(configuration.state, sources.now)
    spool, locks = Spool(configuration.state / "spool"), place.folder / "locks"
    one = Agent(configuration, journal, spool, sources, locks, Metrics())
    running = asyncio.create_task(one.run(stop))
    try:
        yield one, stop, running
    finally:
        running.cancel()
        await asyncio.wait({running})
        await journal.close()


async def left_under_way(place: Property, bell: Bell, at: str) -> str:
    """A command that an agent was struck down in."""
    bell.script.append(at)
    async with place.agent():
        command_id = await place.print()
        await bell.reached.wait()
    return command_id


async def test_an_agent_that_cannot_reach_the_platform_stops_when_it_is_told(place: Property, bell: Bell) -> None:
    await left_under_way(place, bell, "hang after")
    place.path.write_text(place.path.read_text().replace(place.desk.address, "http://127.0.0.1:9"))
    async with stoppable(place) as (_, stop, running):
        await until(lambda: place.waited)
        stop.set()
        async with asyncio.timeout(15):
            await running


async def test_a_report_that_does_not_get_through_does_not_hold_up_the_end(place: Property, bell: Bell) -> None:
    command_id = await left_under_way(place, bell, "hang after")
    async with place.agent() as agent:
        await until(lambda: agent.machines)
        await place.ended(command_id)
    journal = Journal(place.folder / "agent-state", place.sources().now)
    await journal._write("UPDATE command SET stage = 'DONE'")
    await journal.close()
    place.path.write_text(place.path.read_text().replace(place.desk.address, "http://127.0.0.1:9"))
    async with stoppable(place) as (one, stop, running):
        await until(lambda: one._reporting)
        stop.set()
        async with asyncio.timeout(15):
            await running
    assert [entry.stage for entry in status(place.folder / "agent-state", 1).open] == [Stage.DONE]


async def test_tokens_that_are_refused_for_a_while_end_nothing(place: Property, bell: Bell) -> None:
    command_id = await left_under_way(place, bell, "hang after")
    good = place.path.read_text()
    place.path.write_text(good.replace(ACCESS_TOKEN, "C" * 32))
    async with stoppable(place) as (one, _, running):
        await until(lambda: place.waited.count(10.0) > 2)
        assert not running.done()
        place.path.write_text(good)
        await one.apply(place.configuration())
        assert (await place.ended(command_id))["State"] == "Processed"
    assert len(bell.rung) == 1


async def test_another_address_of_the_platform_is_taken_up_while_the_old_one_is_still_tried(
    place: Property, bell: Bell
) -> None:
    command_id = await left_under_way(place, bell, "hang after")
    good = place.path.read_text()
    place.path.write_text(good.replace(place.desk.address, "http://127.0.0.1:9"))
    async with place.agent() as agent:
        await until(lambda: agent.machines)
        place.path.write_text(good)
        await agent.apply(place.configuration())
        assert (await place.ended(command_id))["State"] == "Processed"


async def test_two_changes_at_once_leave_one_worker_for_the_machine(place: Property, bell: Bell) -> None:
    bell.script.append("hang")
    async with place.agent() as agent:
        first = await place.print()
        await bell.reached.wait()
        place.desk.clock.move(1)
        second = await place.print()
        await until(lambda: agent.machines[0].waiting)
        for tone in ("dong", "ding", "clang"):
            place.write(BELL + f'tone = "{tone}"')
            await agent.apply(place.configuration())
        bell.go.set()
        await place.ended(first)
        await place.ended(second)
        assert [machine.configuration.options.tone for machine in agent.machines] == ["clang"]  # type: ignore[attr-defined]
    assert bell.rung == ["ding", "clang"]


async def test_a_change_that_is_taken_back_before_the_command_ended_changes_nothing(
    place: Property, bell: Bell
) -> None:
    bell.script.append("hang")
    async with place.agent() as agent:
        first = await place.print()
        await bell.reached.wait()
        for text in (BELL + 'tone = "dong"', BELL):
            place.write(text)
            await agent.apply(place.configuration())
        bell.go.set()
        await place.ended(first)
        await place.ended(await place.print())
    assert bell.rung == ["ding", "ding"]


async def test_a_machine_that_is_taken_out_and_put_back_goes_on_with_what_waited(place: Property, bell: Bell) -> None:
    bell.script.append("hang")
    async with place.agent() as agent:
        first = await place.print()
        await bell.reached.wait()
        place.desk.clock.move(1)
        second = await place.print()
        await until(lambda: agent.machines[0].waiting)
        place.write()
        await agent.apply(place.configuration())
        bell.go.set()
        assert (await place.ended(first))["State"] == "Processed", "what was under way is finished as it was begun"
        await until(lambda: not agent.machines)
        assert list((place.folder / "agent-state" / "spool").iterdir()) == []
        assert [one.command_id for one in status(place.folder / "agent-state", 0).open] == [second]
        place.write(BELL)
        await agent.apply(place.configuration())
        assert (await place.ended(second))["State"] == "Processed"
    assert len(bell.documents) == 2


async def test_a_document_is_not_touched_when_its_command_is_offered_again(place: Property, bell: Bell) -> None:
    bell.script.append("hang")
    async with place.agent() as agent:
        first = await place.print()
        await bell.reached.wait()
        place.desk.clock.move(1)
        second = await place.print()
        await until(lambda: agent.machines[0].waiting)
        spool = place.folder / "agent-state" / "spool"
        before = {path.name: path.stat().st_ino for path in spool.iterdir()}
        agent._listen_anew()
        third = await place.print()
        await until(lambda: agent.machines[0].waiting == 2)
        assert {first, second} <= before.keys()
        assert {name: (spool / name).stat().st_ino for name in before} == before
        bell.go.set()
        for one in (first, second, third):
            assert (await place.ended(one))["State"] == "Processed"
    assert len(bell.rung) == len(bell.documents) == 3
    assert list(spool.iterdir()) == []


async def test_progress_that_is_told_while_resolving_does_not_hold_up_what_is_begun_anew(
    place: Property, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = BellDriver.resolve

    async def telling(
        self: BellDriver, task: Task, step: int, baseline: Notes, reference: Notes, attempt: Attempt
    ) -> object:
        attempt.progress(None, "It is asked.")
        await asyncio.sleep(0)
        return await resolve(self, task, step, baseline, reference, attempt)

    monkeypatch.setattr(BellDriver, "resolve", telling)
    command_id = await left_under_way(place, bell, "hang after")
    bell.rung.clear()
    async with place.agent():
        assert (await place.ended(command_id))["State"] == "Processed"
    assert len(bell.rung) == 1


async def test_a_machine_that_says_three_times_that_nothing_happened_is_believed(place: Property, bell: Bell) -> None:
    bell.script.extend(["lose the request"] * 3)
    async with place.agent():
        command = await place.ended(await place.print())
    assert (command["State"], bell.rung, len(bell.began)) == ("Error", [], 3)
    assert command["Execution"]["Notes"].startswith("The machine was asked 3 times")


async def test_the_third_answer_that_is_lost_is_asked_for_too(place: Property, bell: Bell) -> None:
    bell.script.extend(["lose the request", "lose the request", "lose the answer"])
    async with place.agent():
        command = await place.ended(await place.print())
    assert (command["State"], len(bell.rung)) == ("Processed", 1)


@pytest.mark.parametrize(("left", "rung"), [("hang", 0), ("hang after", 1)])
async def test_what_was_begun_before_a_long_night_is_not_begun_anew(
    place: Property, bell: Bell, left: str, rung: int
) -> None:
    place.write(BELL + 'too_old_after = "PT10M"')
    command_id = await left_under_way(place, bell, left)
    place.desk.clock.move(3600)
    async with place.agent():
        command = await place.ended(command_id)
    assert (command["State"], len(bell.rung)) == ("Processed" if rung else "Error", rung)


async def test_what_was_sent_in_vain_before_a_long_night_is_not_sent_again(place: Property, bell: Bell) -> None:
    place.write(BELL + 'too_old_after = "PT10M"')
    command_id = await left_under_way(place, bell, "hang after")
    bell.rung.clear()
    place.desk.clock.move(3600)
    async with place.agent():
        command = await place.ended(command_id)
    assert (command["State"], bell.rung) == ("Error", [])


async def test_a_payment_is_not_begun_when_the_platform_was_away_for_too_long(
    place: Property, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write(BELL + 'too_old_after = "PT10M"')
    began = asyncio.Event()
    prepare = BellDriver.prepare

    async def slow(self: BellDriver, task: Task, step: int) -> Notes | Refused:
        place.desk.clock.move(3600)  # as if the platform had taken an hour to agree
        began.set()
        return await prepare(self, task, step)

    monkeypatch.setattr(BellDriver, "prepare", slow)
    async with place.agent():
        command = await place.ended(await place.print())
    assert began.is_set()
    assert (command["State"], bell.began) == ("Error", [])


async def test_another_name_of_the_agent_does_not_lose_what_it_took_under_the_old_one(
    place: Property, bell: Bell
) -> None:
    command_id = await left_under_way(place, bell, "hang after")
    place.write(BELL, name="the new front desk")
    async with place.agent():
        assert (await place.ended(command_id))["State"] == "Processed"
        command = await place.ended(await place.print())
    assert command["Execution"]["Executor"] == "the new front desk"


async def test_what_another_executor_had_taken_is_carried_out_once_it_is_ours(place: Property, bell: Bell) -> None:
    command_id = await place.print()
    await place.desk.call("commands/update", CommandId=command_id, State="Received", Executor="the other")
    async with place.agent() as agent:
        place.desk.clock.move(1)
        assert (await place.ended(await place.print()))["State"] == "Processed"
        left = await agent._journal.entry(command_id)
        assert left is not None
        assert (left.stage, left.ending, len(bell.rung)) == (Stage.REPORTED, None, 1), "it was the other's"
    place.write(BELL, name="the other")
    bell.script.append("hang")
    async with place.agent() as agent:
        await bell.reached.wait()
        assert [one.command_id for one in await agent._journal.open_entries()] == [command_id]
    async with place.agent():
        assert (await place.ended(command_id))["State"] == "Processed"
    assert len(bell.rung) == 2


@pytest.mark.parametrize("where", ["steps", "prepare", "execute"])
async def test_a_driver_with_a_fault_takes_nobody_along(
    place: Property, bell: Bell, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def fail(*_: object) -> Outcome:
        raise KeyError("a name of a guest")

    with monkeypatch.context() as patched, structlog.testing.capture_logs() as told:
        patched.setattr(BellDriver, where, fail)
        async with place.agent():
            command = await place.ended(await place.print())
    assert (command["State"], bell.rung) == ("Error", [])
    assert "Nothing was done" in command["Execution"]["Notes"]
    assert [one["event"] for one in told if one["log_level"] == "error"] == ["a driver failed"]
    async with place.agent():
        assert (await place.ended(await place.print()))["State"] == "Processed"


async def test_what_a_driver_wants_written_and_cannot_be_is_a_fault_of_its_own(
    place: Property, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def odd(self: BellDriver, task: Task, step: int) -> Notes:
        return {"count": object()}

    monkeypatch.setattr(BellDriver, "prepare", odd)
    async with place.agent():
        command = await place.ended(await place.print())
    assert (command["State"], bell.rung) == ("Error", [])


async def test_a_result_that_the_platform_does_not_take_does_not_keep_the_end_from_it(
    place: Property, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    bell.steps = 1
    execute = BellDriver.execute

    async def long(self: BellDriver, task: Task, step: int, baseline: Notes, attempt: Attempt) -> Outcome:
        done = await execute(self, task, step, baseline, attempt)
        assert not isinstance(done, Refused)
        return type(done)(done.notes, {"Long": "x" * 70_000})  # type: ignore[call-arg]  # it is Done

    monkeypatch.setattr(BellDriver, "execute", long)
    async with place.agent():
        command = await place.ended(await place.print())
    assert (command["State"], command["Execution"]["Notes"]) == ("Processed", "It rang.")


async def test_a_crash_between_the_last_step_and_the_end_leaves_notes_for_the_receptionist(
    place: Property, bell: Bell
) -> None:
    command_id = await left_under_way(place, bell, "hang after")
    journal = Journal(place.folder / "agent-state", place.sources().now)
    await journal.done(command_id, 1, {"Count": 1})
    await journal.close()
    async with place.agent():
        command = await place.ended(command_id)
    assert (command["State"], len(bell.rung)) == ("Processed", 1)
    assert command["Execution"]["Notes"] == "It was carried out before the agent was started again."
    assert command["Execution"]["Result"] == {"Count": 1}


async def test_a_document_that_cannot_be_kept_is_waited_for_and_holds_up_no_other_machine(
    place: Property, bell: Bell, back: Bell
) -> None:
    place.write(BELL + 'gives_up_after = "PT24H"', TILL)
    spool: Path = place.folder / "agent-state" / "spool"
    async with place.agent() as agent:
        await until(lambda: agent.is_connected)
        spool.rmdir()  # noqa: ASYNC240 - one call on an empty folder
        command_id = await place.print()
        await until(lambda: 10.0 in place.waited)
        assert (await place.ended(await place.pay()))["State"] == "Processed"
        assert bell.began == []
        spool.mkdir()  # noqa: ASYNC240 - as said
        assert (await place.ended(command_id))["State"] == "Processed"
    assert bell.documents == [PDF]


async def test_a_document_that_is_never_kept_ends_its_command(place: Property, bell: Bell) -> None:
    place.write(BELL + 'gives_up_after = "PT1M"')
    spool: Path = place.folder / "agent-state" / "spool"
    async with place.agent() as agent:
        await until(lambda: agent.is_connected)
        spool.rmdir()  # noqa: ASYNC240 - one call on an empty folder
        command = await place.ended(await place.print())
    assert (command["State"], bell.began) == ("Error", [])
    assert command["Execution"]["Notes"].startswith(
        "The document cannot be kept on the agent's computer (No such file or directory). Make room on its disk. It was tried"
    )


async def test_a_document_that_was_cut_off_when_fetched_again_is_not_done_without(
    place: Property, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write(BELL + 'gives_up_after = "PT24H"')
    spool: Path = place.folder / "agent-state" / "spool"
    async with place.agent() as agent:
        await until(lambda: agent.is_connected)
        calls, cut = agent._client._calls, asyncio.Event()
        whole = calls.sift

        async def sift(operation: str, fields: dict[str, Any], anew: Callable[[], Sifter]) -> Sifter:
            if operation != BY_IDS or not spool.exists() or cut.is_set():  # noqa: ASYNC240 - one look
                return await whole(operation, fields, anew)
            cut.set()
            sifter = anew()
            sifter.feed((await calls.read(operation, fields))[:-40])  # as of an answer that ends with its connection
            return sifter

        monkeypatch.setattr(calls, "sift", sift)
        spool.rmdir()  # noqa: ASYNC240 - one call on an empty folder
        command_id = await place.print()
        await until(lambda: 10.0 in place.waited)
        spool.mkdir()  # noqa: ASYNC240 - as said
        assert (await place.ended(command_id))["State"] == "Processed"
    assert cut.is_set()
    assert bell.documents == [PDF]


async def test_a_document_is_fetched_from_the_platform_of_the_moment(
    place: Property, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "FETCHING", 0.5)
    place.write(BELL + 'gives_up_after = "PT24H"')
    good = place.path.read_text()
    spool: Path = place.folder / "agent-state" / "spool"
    async with place.agent() as agent:
        await until(lambda: agent.is_connected)
        spool.rmdir()  # noqa: ASYNC240 - one call on an empty folder
        command_id = await place.print()
        await until(lambda: 10.0 in place.waited)
        place.path.write_text(good.replace(place.desk.address, "http://127.0.0.1:9"))
        await agent.apply(place.configuration())
        await until(lambda: "http://127.0.0.1:9" in str(agent._client))
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await asyncio.Event().wait()  # meanwhile it asks a platform that is not there
        spool.mkdir()  # noqa: ASYNC240 - as said
        place.path.write_text(good)
        await agent.apply(place.configuration())
        assert (await place.ended(command_id))["State"] == "Processed"


async def test_told_to_stop_just_after_it_listens_anew_it_finishes_what_is_under_way(
    place: Property, bell: Bell
) -> None:
    bell.script.append("hang after")
    async with stoppable(place) as (agent, stop, running):
        command_id = await place.print()
        await bell.reached.wait()
        place.write(BELL, TILL)
        await agent.apply(place.configuration())
        await asyncio.sleep(0)
        stop.set()
        await until(lambda: all(machine.left.is_set() for machine in agent.machines))
        bell.go.set()
        async with asyncio.timeout(15):
            await running
    assert (await place.command(command_id))["State"] == "Processed"


async def test_a_machine_that_is_away_does_not_hold_up_the_end(
    place: Property, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write(BELL + 'gives_up_after = "PT9H"')
    bell.script.append("away")
    with monkeypatch.context() as patched:
        patched.setattr(carrying, "FIRST_DELAY", 3600.0)
        patched.setattr(agent_module, "FINISHING", 3600.0)
        async with stoppable(place) as (agent, stop, running):
            command_id = await place.print()
            await until(lambda: any(machine.is_away for machine in agent.machines))
            stop.set()
            async with asyncio.timeout(15):
                await running
    async with place.agent():
        assert (await place.ended(command_id))["State"] == "Processed"
    assert len(bell.rung) == 1


async def test_another_configuration_is_used_at_once_for_what_waits_for_a_machine_that_is_away(
    place: Property, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "FIRST_DELAY", 3600.0)
    place.write(BELL + 'gives_up_after = "PT9H"')
    bell.script.append("away")
    async with place.agent() as agent:
        command_id = await place.print()
        await until(lambda: agent.machines[0].is_away)
        place.write(BELL + 'tone = "dong"')
        await agent.apply(place.configuration())
        assert (await place.ended(command_id))["State"] == "Processed"
    assert bell.rung == ["dong"]


async def test_whoever_follows_does_not_repeat_what_was_done_before_the_machine_went_away(
    place: Property, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "FIRST_DELAY", 3600.0)
    bell.steps = 3
    bell.script.append("hang after")
    place.write(BELL + 'gives_up_after = "PT9H"')
    async with place.agent() as agent:
        command_id = await place.print()
        await bell.reached.wait()
        bell.script.append("away")
        bell.go.set()
        await until(lambda: agent.machines[0].is_away)
        place.write(BELL + 'tone = "dong"')
        await agent.apply(place.configuration())
        assert (await place.ended(command_id))["State"] == "Processed"
    assert bell.rung == ["ding", "dong", "dong"]


async def test_what_was_called_off_while_its_machine_was_away_is_not_begun_by_whoever_follows(
    place: Property, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "FIRST_DELAY", 3600.0)
    place.write(BELL + 'gives_up_after = "PT9H"')
    bell.script.append("away")
    async with place.agent() as agent:
        command_id = await place.print()
        await until(lambda: agent.machines[0].is_away)
        await place.desk.call("commands/update", CommandId=command_id, State="Cancelled")
        place.write(BELL + 'tone = "dong"')
        await agent.apply(place.configuration())
        assert (await place.ended(await place.print()))["State"] == "Processed"
    assert bell.rung == ["dong"]


async def test_what_it_waited_for_before_a_crash_does_not_outlive_its_command(
    place: Property, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(self: BellDriver, *_: object) -> Unknown:
        return Unknown("Ask whoever stood by.")

    monkeypatch.setattr(BellDriver, "resolve", resolve)
    command_id = await left_under_way(place, bell, "hang after")
    await place.until(command_id, Result={"Status": "It swings."})
    journal = Journal(place.configuration().state, place.sources().now)
    journal.note(command_id, None)  # it was over, and the platform could not be told any more
    await journal.close()
    async with place.agent():
        assert (await place.ended(command_id))["Execution"]["Result"] == {}


def test_a_document_that_is_there_is_there_whatever_the_disk_says_now(tmp_path: Path) -> None:
    spool, command_id = Spool(tmp_path / "spool"), "019a0000-0000-7000-8000-000000000001"
    with spool.open(command_id) as coming:
        coming.write(PDF)
    (tmp_path / "spool" / f"{command_id}.part").mkdir()  # as good as a full disk
    with spool.open(command_id) as coming:
        coming.write(PDF)
    assert spool.document(command_id) is not None
    assert spool.fault(command_id) is None


def test_faults_of_documents_that_nobody_wants_are_forgotten(tmp_path: Path) -> None:
    spool, command_id = Spool(tmp_path / "spool"), "019a0000-0000-7000-8000-000000000001"
    (tmp_path / "spool").rmdir()
    with suppress(NotWanted), spool.open(command_id):
        raise NotWanted
    assert spool.fault(command_id) is None


async def test_a_disk_that_is_full_half_way_keeps_nothing(tmp_path: Path) -> None:
    spool, command_id = Spool(tmp_path / "spool"), "019a0000-0000-7000-8000-000000000001"
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    try:
        with spool.open(command_id) as coming:
            for _ in range(4):
                coming.write(b"x" * 50_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert spool.fault(command_id) == "File too large"
    assert (spool.document(command_id), list((tmp_path / "spool").iterdir())) == (None, [])
    with spool.open(command_id) as coming:
        coming.write(PDF)
    assert spool.fault(command_id) is None


async def test_what_a_machine_waits_for_is_over_when_it_is_there(place: Property, bell: Bell) -> None:
    bell.script.extend(["away", "away", "hang"])
    async with place.agent() as agent:
        command_id = await place.print()
        await bell.reached.wait()
        under_way = await agent._journal.entry(command_id)
        assert under_way is not None
        assert 1.0 in place.waited, "it was away twice"
        assert (under_way.status, agent.machines[0].is_away) == (None, False)


async def test_a_command_for_a_till_is_too_old_after_ten_minutes_without_being_told(
    place: Property, bell: Bell
) -> None:
    place.write(f'[machines.Till]\ndevice = "{TERMINAL}"\ndriver = "till"\nbell = "front"')
    assert place.configuration().machines[0].too_old_after == 600


async def test_a_machine_that_breaks_off_after_long_is_tried_for_as_long_as_any(
    place: Property, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = BellDriver.resolve

    async def long(
        self: BellDriver, task: Task, step: int, baseline: Notes, reference: Notes, attempt: Attempt
    ) -> object:
        monkeypatch.setattr(BellDriver, "resolve", resolve)
        place.desk.clock.elapsed += 600  # a job without paper was followed, say
        raise Away("The rope broke.")

    monkeypatch.setattr(BellDriver, "resolve", long)
    command_id = await left_under_way(place, bell, "hang after")
    async with place.agent():
        assert (await place.ended(command_id))["State"] == "Processed"


@pytest.mark.parametrize("outcome", [Done, Refused, Unknown])
async def test_half_a_character_from_a_machine_does_not_end_the_agent(
    place: Property, bell: Bell, monkeypatch: pytest.MonkeyPatch, outcome: type[Done | Refused | Unknown]
) -> None:
    async def odd(self: BellDriver, task: Task, step: int, baseline: Notes, attempt: Attempt) -> Outcome:
        await attempt.sending({})
        return Done("It rang.\ud800", {"Tone": "\ud800"}) if outcome is Done else outcome("It rang.\ud800")

    monkeypatch.setattr(BellDriver, "execute", odd)
    async with place.agent():
        command = await place.ended(await place.print())
    assert command["State"] == ("Processed" if outcome is Done else "Error")
    assert command["Execution"]["Notes"] == "It rang.?"


async def test_what_was_sent_is_kept_while_the_platform_does_not_show_it(
    place: Property, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tokens may be another property's, until somebody sees it."""

    async def nothing(self: Client, command_id: str, **_: object) -> None:
        return None

    command_id = await left_under_way(place, bell, "hang after")
    with monkeypatch.context() as patched, structlog.testing.capture_logs() as told:
        patched.setattr(Client, "fetch", nothing)
        async with place.agent() as agent:
            await until(lambda: agent.is_connected)
    assert [one["command"] for one in told if one["log_level"] == "error"] == [command_id]
    async with place.agent():
        assert (await place.ended(command_id))["State"] == "Processed"
    assert len(bell.rung) == 1


@pytest.mark.parametrize(("left", "age", "open_after"), [("hang after", 31, 0), ("hang after", 1, 1), ("hang", 1, 0)])
async def test_what_the_platform_never_shows_again_is_given_up_in_the_end(
    place: Property, bell: Bell, monkeypatch: pytest.MonkeyPatch, left: str, age: int, open_after: int
) -> None:
    async def nothing(self: Client, command_id: str, **_: object) -> None:
        return None

    await left_under_way(place, bell, left)
    monkeypatch.setattr(Client, "fetch", nothing)
    place.desk.clock.move(age * 86_400)
    async with place.agent() as agent:
        await until(lambda: agent.is_connected)
    assert len(status(place.folder / "agent-state", 0).open) == open_after
