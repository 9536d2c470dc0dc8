"""The product exactly as it is used: the demo, an executor and the command line, each a process of its own."""

import hashlib
import json
import signal
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from nightporter.cli.demo import ACCESS_TOKEN, CLIENT_TOKEN
from nightporter.client import Client
from tests.cli.program import Ran, Started, free_port, run, started
from tests.end_to_end.pdf import real_pdf

WAITING = "aa20961f-6d9e-4b35-ad25-071213530aec"
"""A printer command of the demo that waits from the start."""


class Hotel:
    """One folder and one port: the demo can be started there, killed, and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"

    def demo(self) -> AbstractAsyncContextManager[Started]:
        return started("demo", "--port", str(self.port), "--data", self.folder / "data")

    def watch(self) -> AbstractAsyncContextManager[Started]:
        return started("watch", "--process", "--save", self.out, NIGHTPORTER_ADDRESS=self.address)

    async def run(self, *arguments: str | Path) -> Ran:
        return await run(*map(str, arguments), NIGHTPORTER_ADDRESS=self.address)

    async def added(self, *arguments: str | Path) -> str:
        """Run an adding command; the id of what was added."""
        ran = await self.run(*arguments, "--json")
        assert ran.code == 0, ran.err
        command_id: str = json.loads(ran.out)["CommandId"]
        return command_id

    async def shown(self, command_id: str) -> dict[str, Any]:
        ran = await self.run("commands", "show", command_id, "--json")
        assert ran.code == 0, ran.err
        told: dict[str, Any] = json.loads(ran.out)
        return told

    async def states(self, command_ids: list[str]) -> set[str]:
        """Where so many commands stand, without a process for each."""
        async with Client(self.address, CLIENT_TOKEN, ACCESS_TOKEN) as client:
            commands = (await client.get_all_by_ids(command_ids)).commands
        assert len(commands) == len(command_ids)
        return {command.state.value for command in commands}

    def bill(self, number: int, pages: int = 2) -> tuple[Path, bytes]:
        """A document on the disk, and its bytes."""
        content = real_pdf(pages, number)
        path = self.folder / f"bill-{number}.pdf"
        path.write_bytes(content)
        return path, content

    def saved(self, command_id: str) -> bytes:
        return (self.out / f"{command_id}.pdf").read_bytes()


@pytest.fixture
def hotel(tmp_path: Path) -> Hotel:
    return Hotel(tmp_path)


def same(one: bytes, other: bytes) -> bool:
    """Compared by size and digest, so that a failure does not print the documents."""
    return (len(one), hashlib.sha256(one).digest()) == (len(other), hashlib.sha256(other).digest())


async def test_a_page_a_key_and_a_payment(hotel: Hotel) -> None:
    async with hotel.demo() as demo:
        await demo.says("Nightporter demo", hotel.address)
        assert (await hotel.run("watch", "--access-token", "nobody")).code == 1
        async with hotel.watch() as watch:
            await watch.says(WAITING, "Processed")
            path, content = hotel.bill(1, pages=6)
            assert len(content) > 100_000

            printed = await hotel.run("print", path, "--wait", "--json")
            assert printed.code == 0, printed.err
            told = json.loads(printed.out)
            assert told["State"] == "Processed"
            assert same(hotel.saved(told["CommandId"]), content)
            shown = await hotel.shown(told["CommandId"])
            assert (shown["State"], shown["Data"]["FileSize"]) == ("Processed", len(content))

            key = json.loads((await hotel.run("cut-key", "--count", "2", "--wait", "--json")).out)
            assert key["State"] == "Processed"
            shown = await hotel.shown(key["CommandId"])
            assert (shown["State"], shown["Device"]["Type"]) == ("Processed", "KeyCutter")
            assert shown["Data"]["KeyCount"] == 2

            paying = ("pay", "--amount", "12.30", "--currency", "EUR", "--wait", "--json")
            payment = json.loads((await hotel.run(*paying)).out)
            assert payment["State"] == "Processed"
            shown = await hotel.shown(payment["CommandId"])
            assert (shown["State"], shown["Device"]["Type"]) == ("Processed", "PaymentTerminal")
            assert shown["Data"]["Amount"] == {"Currency": "EUR", "Value": 12.3}

            watch.send(signal.SIGINT)
            assert await watch.ended() == 130
        demo.send(signal.SIGINT)
        await demo.ended()
    assert not [line for line in watch.err if "Traceback" in line]
    assert not [line for line in demo.err if '"level":"error"' in line], (
        "a stranger at the socket is no error of the desk"
    )


async def test_a_killed_server_loses_nothing_and_its_executor_goes_on(hotel: Hotel) -> None:
    bills = {}
    async with hotel.demo() as demo, hotel.watch() as watch:
        await watch.says(WAITING, "Processed")
        watch.send(signal.SIGSTOP)
        for number in range(4):
            path, content = hotel.bill(number)
            bills[await hotel.added("print", path)] = content
        others = [
            await hotel.added("cut-key"),
            await hotel.added("pay", "--amount", "7", "--currency", "GBP"),
        ]
        await demo.kill()
        watch.send(signal.SIGCONT)
        await watch.says("not connected")
        refused = await hotel.run("cut-key")
        assert refused.code == 3, "nobody is there"

        async with hotel.demo() as again:
            await again.says("Nightporter demo", hotel.address)
            for command_id in [*bills, *others]:
                await watch.says(command_id, "Processed")
            assert await hotel.states([*bills, *others]) == {"Processed"}
            for command_id in [*bills, *others]:
                assert [line.split()[1:] for line in watch.out if line.startswith(f"{command_id} ")][-3:] == [
                    ["Processing", "0", "%"],
                    ["Processing", "50", "%"],
                    ["Processed"],
                ]
                assert sum(command_id in line and "Received" in line for line in watch.out) == 1, "taken once"
            for command_id, content in bills.items():
                assert same(hotel.saved(command_id), content)
            later = await hotel.added("cut-key")
            await watch.says(later, "Processed")


async def test_a_killed_executor_is_followed_by_another(hotel: Hotel) -> None:
    async with hotel.demo() as demo:
        await demo.says("Nightporter demo", hotel.address)
        async with hotel.watch() as first:
            await first.says(WAITING, "Processed")
            first.send(signal.SIGSTOP)
            path, content = hotel.bill(1)
            command_ids = [await hotel.added("print", path) for _ in range(2)]
            await first.kill()
        assert (await hotel.shown(command_ids[0]))["State"] == "Pending"
        async with hotel.watch() as second:
            for command_id in command_ids:
                await second.says(command_id, "Processed")
                assert same(hotel.saved(command_id), content)


async def test_the_server_is_killed_again_and_again_while_the_executor_works(hotel: Hotel) -> None:
    command_ids: list[str] = []
    async with hotel.watch() as watch:
        for turn in range(3):
            async with hotel.demo() as demo:
                await demo.says("Nightporter demo", hotel.address)
                for number in range(2):
                    path, _ = hotel.bill(10 * turn + number, pages=1)
                    command_ids.append(await hotel.added("print", path))
                await watch.says(command_ids[2 * turn], "Received")
                await demo.kill()
        async with hotel.demo() as demo:
            await demo.says("Nightporter demo", hotel.address)
            for command_id in command_ids:
                await watch.says(command_id, "Processed")
            assert await hotel.states(command_ids) == {"Processed"}
            assert sorted(one.stem for one in hotel.out.glob("*.pdf") if one.stem in command_ids) == sorted(command_ids)
