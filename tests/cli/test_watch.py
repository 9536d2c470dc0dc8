"""watch, as a process, at the demo property and at a server that is not ours."""

import json
import os
import re
import signal
import stat
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import PDF, Program
from tests.cli.program import PROGRAM, Started, run, started
from tests.client.peer import ACCESS_TOKEN, CLIENT_TOKEN, Peer, command, command_id, running_peer
from tests.harness import RunningDesk

WAITING = "aa20961f-6d9e-4b35-ad25-071213530aec"
"""A command of the demo that waits from the start."""


def watching(desk: RunningDesk, *arguments: str | Path) -> AbstractAsyncContextManager[Started]:
    return started("watch", *arguments, NIGHTPORTER_ADDRESS=desk.address)


@asynccontextmanager
async def watching_peer(peer: Peer, *arguments: str | Path) -> AsyncIterator[Started]:
    async with started(
        "watch",
        *arguments,
        NIGHTPORTER_ADDRESS=peer.address,
        NIGHTPORTER_SOCKET_ADDRESS=peer.socket_address,
        NIGHTPORTER_CLIENT_TOKEN=CLIENT_TOKEN,
        NIGHTPORTER_ACCESS_TOKEN=ACCESS_TOKEN,
    ) as watch:
        yield watch


async def state_of(desk: RunningDesk, command_id: str) -> str:
    (found,) = (await desk.call("commands/getAllByIds", CommandIds=[command_id])).json()["Commands"]
    state: str = found["State"]
    return state


async def test_showing_changes_nothing(desk: RunningDesk, program: Program, pdf: Path, tmp_path: Path) -> None:
    async with watching(desk, "--save", tmp_path / "out") as watch:
        await watch.says(WAITING, "Pending")
        added = (await program("print", str(pdf), "--json")).out
        command_id = json.loads(added)["CommandId"]
        await watch.says(command_id, "Pending", "print 1 copy")
        await watch.says(command_id, "saved")
        key = json.loads((await program("cut-key", "--json")).out)["CommandId"]
        await watch.says(key, "cut 1 key")
    assert await state_of(desk, command_id) == "Pending"
    saved = tmp_path / "out" / f"{command_id}.pdf"
    assert saved.read_bytes() == PDF
    assert stat.S_IMODE(os.stat(saved).st_mode) == 0o600, "a guest's bill is nobody else's"
    assert not [name for name in os.listdir(tmp_path / "out") if not name.endswith(".pdf")]


async def test_processing_goes_through_every_state(
    desk: RunningDesk, program: Program, pdf: Path, tmp_path: Path
) -> None:
    async with desk.socket("?cursor=") as socket, watching(desk, "--process", "--save", tmp_path) as watch:
        await watch.says(WAITING, "Processed")
        command_id = json.loads((await program("print", str(pdf), "--json")).out)["CommandId"]
        await watch.says(command_id, "Processed")
        states: list[str] = []
        while "Processed" not in states:
            events: list[dict[str, Any]] = json.loads(await socket.recv())["Events"]
            states += [event["State"] for event in events if event["Id"] == command_id]
    assert states == ["Pending", "Received", "Processing", "Processing", "Processed"]
    assert (await desk.call("commands/getAllActive")).json()["Commands"] == []


async def test_of_two_at_the_same_queue_the_one_that_begins_a_command_first_has_it(
    desk: RunningDesk, program: Program, pdf: Path
) -> None:
    """Started again under another name, it goes on with what is Received."""
    await desk.call("commands/update", CommandId=WAITING, State="Received")
    taken = json.loads((await program("print", str(pdf), "--json")).out)["CommandId"]
    await desk.call("commands/update", CommandId=taken, State="Received", Executor="desk-1")
    async with watching(desk, "--process") as watch:
        await watch.says(WAITING, "Processed")
        await watch.says(taken, "left alone", "taken by desk-1")
    reply = await desk.call("commands/getAllByIds", CommandIds=[WAITING, taken], Extent={"Execution": True})
    names = {one["Id"]: one["Execution"]["Executor"] for one in reply.json()["Commands"]}
    assert re.fullmatch(r"nightporter watch on .+, process \d+", names[WAITING])
    assert names[taken] == "desk-1"
    assert await state_of(desk, taken) == "Received"


async def test_json_lines(desk: RunningDesk) -> None:
    async with watching(desk, "--process", "--json") as watch:
        await watch.says(WAITING, "Processed")
        lines = [json.loads(line) for line in watch.out]
    first = next(line for line in lines if line["Id"] == WAITING)
    assert first["Device"]["Type"] == "Printer"
    assert [(line["State"], line.get("Progress")) for line in lines if line["Id"] == WAITING][1:] == [
        ("Received", None),
        ("Processing", 0),
        ("Processing", 50),
        ("Processed", None),
    ]


async def test_it_goes_on_with_what_another_one_had_received(desk: RunningDesk) -> None:
    await desk.call("commands/update", CommandId=WAITING, State="Received")
    async with watching(desk, "--process") as watch:
        await watch.says(WAITING, "Processed")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_stopping_it_is_clean(desk: RunningDesk, number: signal.Signals) -> None:
    async with watching(desk, "--process") as watch:
        await watch.says(WAITING, "Processed")
        watch.send(number)
        assert await watch.ended() == 130
    assert not any("Traceback" in line for line in watch.err), watch.err


async def test_what_a_script_started_in_the_background_is_stopped_too(
    desk: RunningDesk, program: Program, pdf: Path
) -> None:
    """The shell lets it ignore SIGINT."""
    background = ("-c", 'trap "" INT; exec "$@"', "sh", PROGRAM, "watch", "--process")
    async with started(*background, program=Path("/bin/sh"), NIGHTPORTER_ADDRESS=desk.address) as watch:
        await watch.says(WAITING, "Processed")
        watch.send(signal.SIGINT)
        command_id = json.loads((await program("print", str(pdf), "--json")).out)["CommandId"]
        await watch.says(command_id, "Processed")
        watch.send(signal.SIGTERM)
        assert await watch.ended() == 130
    assert not any("Traceback" in line for line in watch.err), watch.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_stopping_it_while_it_waits_for_a_server(number: signal.Signals) -> None:
    async with started("watch", NIGHTPORTER_ADDRESS="http://127.0.0.1:9") as watch:
        await watch.says("not connected")
        watch.send(number)
        assert await watch.ended() == 130
    assert not any("Traceback" in line for line in watch.err), watch.err


async def test_tokens_that_are_refused_end_it(desk: RunningDesk) -> None:
    ran = await run("watch", "--access-token", "nobody", NIGHTPORTER_ADDRESS=desk.address)
    assert ran.code == 1
    assert "Invalid AccessToken" in ran.err
    assert "nobody" not in ran.err


async def test_no_room_for_documents_leaves_the_command_in_the_queue(desk: RunningDesk, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / f"{WAITING}.pdf").mkdir()  # what cannot be written over
    async with watching(desk, "--process", "--save", folder) as watch:
        await watch.says("cannot be written")
        assert await watch.ended() == 1
    assert await state_of(desk, WAITING) == "Received"


async def test_nothing_secret_is_shown(desk: RunningDesk, program: Program) -> None:
    await program("cut-key")
    async with watching(desk, "--process", "--json") as watch:
        await watch.says("KeyCutter")
        await watch.says("Processed", times=2)
        shown = "\n".join([*watch.out, *watch.err])
    (key,) = [
        one
        for one in (await desk.call("commands/getAllByIds", CommandIds=_ids(watch.out))).json()["Commands"]
        if one["Device"]["Type"] == "KeyCutter" and one["Creator"]["LastName"] == "Sample Client"
    ][:1]
    for name in ("LastName", "FirstName", "Telephone", "Email", "KeyCutterData"):
        assert not key["Data"][name] or key["Data"][name] not in shown
    assert desk.access_token not in shown
    assert "JVBERi0" not in shown, "no document"


def _ids(lines: list[str]) -> list[str]:
    return sorted({json.loads(line)["Id"] for line in lines})


# At a server that is not ours


async def test_a_server_without_cursors_that_drops_connections(tmp_path: Path) -> None:
    async with running_peer() as peer:
        peer.commands.append(command(1))
        async with watching_peer(peer, "--process", "--save", tmp_path) as watch:
            await watch.says(command_id(1), "Processed")
            await peer.drop()
            peer.commands.append(command(2))
            await watch.says(command_id(2), "Processed")
            peer.commands.append(command(3))
            for _ in range(3):
                await peer.push_state(3, "Pending")
            await watch.says(command_id(3), "Processed")
        assert [one["State"] for one in peer.commands] == ["Processed"] * 3
        received = [one.fields["CommandId"] for one in peer.asked if one.fields.get("State") == "Received"]
        assert received == [command_id(1), command_id(2), command_id(3)], "each one once"
    assert sorted(os.listdir(tmp_path)) == [f"{command_id(n)}.pdf" for n in (1, 2, 3)]


async def test_names_that_would_move_the_cursor_and_ids_that_would_leave_the_folder(tmp_path: Path) -> None:
    async with running_peer() as peer:
        evil = command(1)
        evil["Id"] = "../../evil"
        evil["Device"] = {**evil["Device"], "Name": "Bad\x1b[2J\nName ÄÖ"}
        peer.commands += [evil, command(2)]
        async with watching_peer(peer, "--save", tmp_path / "out") as watch:
            await watch.says(command_id(2), "saved")
            await watch.says("../../evil", "Bad?[2J?Name ÄÖ")
    assert os.listdir(tmp_path) == ["out"]
    assert os.listdir(tmp_path / "out") == [f"{command_id(2)}.pdf"]


async def test_a_document_that_is_none_becomes_an_error(tmp_path: Path) -> None:
    async with running_peer() as peer:
        broken = command(1)
        broken["Data"]["FileData"] = "not base64!"
        peer.commands.append(broken)
        async with watching_peer(peer, "--process", "--save", tmp_path) as watch:
            await watch.says(command_id(1), "Error")
    assert os.listdir(tmp_path) == []


async def test_a_command_that_was_called_off_is_left_alone(tmp_path: Path) -> None:
    refusal = (400, {}, {"Message": "Invalid CommandId", "RequestId": "r", "Details": None})
    async with running_peer() as peer:
        peer.commands += [command(1), command(2)]
        queue = ("commands/getAllActive", "commands/getAllByIds")

        def act(path: str, fields: dict[str, Any]) -> Any:
            if path.endswith("commands/update") and fields["CommandId"] == command_id(1):
                return refusal
            return Peer.act(peer, path, fields)

        peer.act = act  # type: ignore[method-assign]
        async with watching_peer(peer, "--process") as watch:
            await watch.says(command_id(1), "is left alone: Invalid CommandId")
            await watch.says(command_id(2), "Processed")
        assert set(queue) <= set(peer.operations())


async def test_what_is_begun_is_finished_before_it_stops() -> None:
    async with running_peer() as peer:
        peer.commands.append(command(1))
        async with watching_peer(peer, "--process") as watch:

            def act(path: str, fields: dict[str, Any]) -> Any:
                if fields.get("Progress") == 0:
                    watch.send(signal.SIGINT)
                return Peer.act(peer, path, fields)

            peer.act = act  # type: ignore[method-assign]
            assert await watch.ended() == 130
        assert peer.commands[0]["State"] == "Processed"
