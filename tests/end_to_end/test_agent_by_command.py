"""The demo, the agent with the shipped example, machines, and the command line, each a process of its own."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from nightporter.agent.kinds import OURS
from nightporter.agent.simulators import SIMULATORS
from nightporter.cli.demo import ACCESS_TOKEN, CLIENT_TOKEN
from nightporter.client import Client
from nightporter.domain.command import CommandState
from tests.agent.peers.ippeveprinter import Printer, ippeveprinter
from tests.cli.program import DEADLINE, Ran, Started, free_port, run, started
from tests.end_to_end.pdf import real_pdf
from tests.end_to_end.test_demo_and_watch import same
from tests.house.repository import ROOT

EXAMPLE = ROOT / "examples" / "agent.toml"
PLACES = {
    "ipp": "127.0.0.1:8631",
    "industry-standard": "127.0.0.1:8090",
    "epson": "127.0.0.1:8091",
    "zvt": "127.0.0.1:20007",
    "mrz": "127.0.0.1:4001",
}
"""Where the example looks for each machine."""
FISCAL_MACHINE = "Fiscal Printer FP-001"
BILL = "12345678-1234-1234-1234-123456789012"
"""A closed bill of the demo, of 64 EUR."""
ENDS = (CommandState.PROCESSED, CommandState.CANCELLED, CommandState.ERROR)
PASSPORT = {"FirstName": "ANNA MARIA", "LastName": "ERIKSSON", "BirthDate": "1974-08-12"}


class Hotel:
    """One folder: the demo's data, the agent's configuration and state; machines are connected one by one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.config = folder / "agent.toml"
        self._text = EXAMPLE.read_text("utf-8").replace("../demo-data", "data")
        self._change("http://127.0.0.1:8080", self.address)
        for driver, place in PLACES.items():
            if driver not in ("ipp", "mrz"):  # until it is connected, nothing is there
                self._change(place, f"127.0.0.1:{free_port()}")

    def _change(self, old: str, new: str) -> None:
        assert self._text.count(f'"{old}') + self._text.count(f"//{old}") >= 1, old
        self._text = self._text.replace(old, new)
        self.config.write_text(self._text, "utf-8")

    def demo(self) -> AbstractAsyncContextManager[Started]:
        return started("demo", "--port", str(self.port), "--data", self.folder / "data")

    def agent(self) -> AbstractAsyncContextManager[Started]:
        return started("agent", "run", "--config", self.config)

    def connect(self, driver: str, port: int) -> None:
        """Have the example look for that machine at the port."""
        part = rf'(driver = "{driver}"\n(?:.+\n)*?(?:address|uri) = "[^"]*127\.0\.0\.1:)\d+'
        self._text, count = re.subn(part, rf"\g<1>{port}", self._text)
        assert count == 1, driver
        self.config.write_text(self._text, "utf-8")

    def with_machines(self, line: str) -> None:
        """Add a line to each machine of the configuration."""
        self._text = re.sub(r"(?m)^(driver = .*)$", rf"\1\n{line}", self._text)
        self.config.write_text(self._text, "utf-8")

    @asynccontextmanager
    async def machine(self, driver: str, *options: str, by_hand: bool = False) -> AsyncIterator[Started]:
        """A simulated machine where the configuration looks for it."""
        more = [*options, "--by-hand"] if by_hand else list(options)
        async with started("agent", "simulate", driver, "--port", "0", *more, typed=by_hand) as process:
            await process.says("a simulated machine listens", "127.0.0.1:")
            (port,) = re.findall(r"127\.0\.0\.1:(\d+)", process.err[0])
            self.connect(driver, int(port))
            yield process

    async def run(self, *arguments: str | Path) -> Ran:
        return await run(
            *map(str, arguments),
            NIGHTPORTER_ADDRESS=self.address,
            NIGHTPORTER_DATABASE=str(self.folder / "data" / "demo.db"),
        )

    async def added(self, *arguments: str | Path) -> str:
        """Run an adding command; the id of the command that it added."""
        ran = await self.run(*arguments, "--json")
        assert ran.code == 0, ran.err
        command_id: str = json.loads(ran.out)["CommandId"]
        return command_id

    async def shown(self, command_id: str) -> dict[str, Any]:
        ran = await self.run("commands", "show", command_id, "--result", "--json")
        assert ran.code == 0, ran.err
        told: dict[str, Any] = json.loads(ran.out)
        return told

    async def ended(self, command_id: str) -> dict[str, Any]:
        """The command, as it is shown once it has ended; until then it is asked for without a process for each look."""
        async with asyncio.timeout(DEADLINE):
            async with (
                Client(self.address, CLIENT_TOKEN, ACCESS_TOKEN) as client,
                aclosing(client.follow(command_id)) as states,
            ):
                async for state in states:
                    if state in ENDS:
                        break
        return await self.shown(command_id)

    async def shows(self, command_id: str, *words: str) -> None:
        """Wait until people are shown a line with all the words."""
        async with asyncio.timeout(DEADLINE):
            while True:
                ran = await self.run("commands", "show", command_id)
                if any(all(word in line for word in words) for line in ran.out.splitlines()):
                    return

    async def processed(self, command_id: str) -> dict[str, Any]:
        """What came of the command."""
        told = await self.ended(command_id)
        assert told["State"] == "Processed", told["Execution"]["Notes"]
        result: dict[str, Any] = told["Execution"]["Result"]
        return result

    def pdf(self, number: int, pages: int = 4) -> tuple[Path, bytes]:
        path, content = self.folder / f"real-{number}.pdf", real_pdf(pages, number)
        path.write_bytes(content)
        return path, content


@pytest.fixture
async def hotel(tmp_path: Path) -> AsyncIterator[Hotel]:
    one = Hotel(tmp_path)
    async with one.demo() as demo:
        await demo.says("Nightporter demo", one.address)
        yield one


@pytest.fixture
async def printer(hotel: Hotel) -> AsyncIterator[Printer]:
    async with ippeveprinter(hotel.folder / "printer") as one:
        hotel.connect("ipp", one.port)
        yield one


async def test_a_document_reaches_a_real_printer_and_waits_for_its_paper(hotel: Hotel, printer: Printer) -> None:
    async with hotel.agent() as agent:
        await agent.says("The agent for", "Front desk printer")
        path, content = hotel.pdf(1)
        waited = await hotel.run("print", path, "--wait")
        assert waited.code == 0, waited.err
        first = waited.out.split()[0]
        assert waited.out.split()[-1] == "Processed"
        told = await hotel.processed(first)
        assert told["JobId"] == 1
        assert told["JobUri"].startswith("ipp://")
        assert [one.name for one in printer.documents()] == [f"1-{first}.pdf"]
        assert same(printer.documents()[0].read_bytes(), content)

        await printer.fill(0)
        path, content = hotel.pdf(2)
        second = await hotel.added("print", path)
        await hotel.shows(second, "State", "Processing")
        await hotel.shows(second, "Status   The printer is out of paper", "Refill it")
        await printer.fill(250)
        assert (await hotel.processed(second))["JobId"] == 2
        shown = (await hotel.run("commands", "show", second, "--result")).out
        assert re.search(r'(?m)^Result +\{.*"JobId":2', shown)
        assert "out of paper" not in shown
        assert "Notes    Printed." in shown
        assert len(printer.documents()) == 2
        assert same(printer.documents()[1].read_bytes(), content)
        agent.send(signal.SIGINT)
        assert await agent.ended() == 0


def effects(machine: Started) -> list[str]:
    return [line.partition(":")[0] for line in machine.out]


async def test_a_page_a_key_a_receipt_a_payment_and_a_passport(hotel: Hotel) -> None:
    async with AsyncExitStack() as stack:
        async with asyncio.TaskGroup() as starting:
            tasks = {
                driver: starting.create_task(stack.enter_async_context(hotel.machine(driver, "--moment", "0.2")))
                for driver in PLACES
            }
        machines = {driver: task.result() for driver, task in tasks.items()}
        agent = await stack.enter_async_context(hotel.agent())
        await agent.says("The agent for")
        checked = await hotel.run("agent", "check", "--config", hotel.config)
        assert checked.code == 0, checked.out
        assert [line.split()[0] for line in checked.out.splitlines()] == ["ok"] * 7

        path, _ = hotel.pdf(1)
        page = await hotel.added("print", path)
        two_keys = await hotel.added("cut-key", "--count", "2")
        fiscal = ("commands", "add-fiscal-machine", "--machine", FISCAL_MACHINE, "--bill", BILL)
        receipt = await hotel.added(*fiscal)
        payment = await hotel.added("pay", "--amount", "12.30", "--currency", "EUR")
        passport = await hotel.added("commands", "add-passport-scanner")

        assert (await hotel.processed(page))["Printer"].startswith("ipp://")
        cut = (await hotel.processed(two_keys))["Steps"]
        assert [(one["Key"], one["Encoder"]) for one in cut] == [(1, "Front desk"), (2, "Front desk")]
        printed = await hotel.processed(receipt)
        assert (printed["FiscalReceiptNumber"], printed["Amount"]) == ("42", "64.00")
        taken = await hotel.processed(payment)
        assert (taken["Amount"], taken["Currency"], taken["ReceiptNumber"]) == ("12.30", "EUR", 471)
        assert PASSPORT.items() <= (await hotel.processed(passport))["Identity"].items()

        assert {driver: effects(machine) for driver, machine in machines.items()} == {
            "ipp": ["printed"],
            "industry-standard": ["key cut", "key cut"],
            "epson": ["receipt"],
            "zvt": ["payment"],
            "mrz": ["read"],
        }
        lines = "\n".join(line for machine in machines.values() for line in [*machine.out, *machine.err])
        assert not re.search(r"ERIKSSON|L898902C3|4771", lines)
        shown = (await hotel.run("commands", "show", passport)).out
        assert "ERIKSSON" not in shown, "only with --result"
        told = (await hotel.run("agent", "status", "--config", hotel.config)).out
        assert "0 under way or waiting." in told
        assert told.count("Processed") == 5

        machines["zvt"].send(signal.SIGTERM)
        assert await machines["zvt"].ended() == 0
        checked = await hotel.run("agent", "check", "--config", hotel.config)
        assert checked.code == 1
        problems = [line for line in checked.out.splitlines() if not line.startswith("ok")]
        assert problems[0].startswith("PROBLEM  Payment terminal")
        assert len(problems) == 2
    assert not [line for line in agent.err if "Traceback" in line or "ERIKSSON" in line]


async def test_a_person_does_what_the_machines_ask_for(hotel: Hotel) -> None:
    async with (
        hotel.machine("industry-standard", by_hand=True) as locks,
        hotel.machine("zvt", "--fault", "declined", by_hand=True) as terminal,
        hotel.machine("mrz", by_hand=True) as scanner,
        hotel.agent(),
    ):
        locks.types("card")
        await locks.says("Nobody waits for that now")
        keys = await hotel.added("cut-key", "--count", "2")
        for number in (1, 2):
            await locks.says("It asks for a card on the encoder. Type: card", times=number)
            await hotel.shows(keys, f"Status   Key {number} of 2: put a card on the encoder Front desk.")
            assert len(effects(locks)) == number - 1
            locks.types("card")
        assert len((await hotel.processed(keys))["Steps"]) == 2
        assert effects(locks) == ["key cut", "key cut"]

        scan = await hotel.added("commands", "add-passport-scanner")
        await scanner.says("Type: passport")
        scanner.types("fail bad digit")
        await scanner.says("one check digit of the document is misread")
        scanner.types("passport")
        await hotel.shows(scan, "Status   The document was not read cleanly", "scan it again")
        scanner.types("passport")
        assert (await hotel.processed(scan))["Identity"]["LastName"] == "ERIKSSON"

        for ends_as, taken in (("Error", 0), ("Processed", 1)):
            payment = await hotel.added("pay", "--amount", "5", "--currency", "EUR")
            await terminal.says("It asks the guest for a card", times=taken + 1)
            await hotel.shows(payment, "Status", "card")
            terminal.types("card")
            assert (await hotel.ended(payment))["State"] == ends_as
            assert effects(terminal) == ["payment"] * taken
        terminal.types("pay")
        await terminal.says("Known are: card, fail NAME.")
        terminal.types("fail so")
        await terminal.says("there is no fault 'so'")


async def test_a_machine_that_is_off_is_told(hotel: Hotel) -> None:
    hotel.with_machines('gives_up_after = "PT1S"')
    async with hotel.agent() as agent:
        await agent.says("The agent for")
        key = await hotel.added("cut-key")
        ran = await hotel.run("pay", "--amount", "5", "--currency", "EUR", "--wait")
        assert ran.code == 1
        assert "the command ended as Error" in ran.err
        notes = (await hotel.ended(key))["Execution"]["Notes"]
        assert "Nothing was done; ask again when it is there." in notes
        async with hotel.machine("industry-standard", "--moment", "0") as locks:
            await agent.says("the configuration was read again")
            await hotel.processed(await hotel.added("cut-key"))
            assert effects(locks) == ["key cut"]


async def test_the_server_falls_over_while_a_job_prints(tmp_path: Path) -> None:
    hotel = Hotel(tmp_path)  # the agent is there first, and makes its state in the folder of the demo
    async with hotel.machine("ipp", "--fault", "paper-out", by_hand=True) as printer, hotel.agent() as agent:
        async with hotel.demo() as demo:
            await demo.says("Nightporter demo", hotel.address)
            command_id = await hotel.added("print", hotel.pdf(1)[0])
            await hotel.shows(command_id, "Status   The printer is out of paper")
            await demo.kill()
        await agent.says("not connected")
        printer.types("paper")
        await printer.says("printed:")
        async with hotel.demo() as demo:
            await demo.says("Nightporter demo", hotel.address)
            assert (await hotel.processed(command_id))["JobId"] == 1
            again = await hotel.added("print", hotel.pdf(2)[0])
            assert (await hotel.processed(again))["JobId"] == 2
        assert effects(printer) == ["printed", "printed"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fax"], ["no simulated machine 'fax'", "ipp, industry-standard"]),
        (["zvt", "--fault", "fire"], ["zvt has no fault 'fire'", "zvt --faults"]),
        (["zvt", "--time-zone", "Mars"], ["'Mars'", "Europe/Rome"]),
        (["zvt", "--port", "70000"], ["--port", "65535"]),
    ],
)
async def test_a_simulated_machine_that_cannot_be_is_told(arguments: list[str], words: list[str]) -> None:
    ran = await run("agent", "simulate", *arguments)
    assert ran.code == 2
    assert all(word in ran.err for word in words), ran.err
    assert ran.out == ""


async def test_a_port_that_is_taken_is_told(hotel: Hotel) -> None:
    ran = await run("agent", "simulate", "epson", "--port", str(hotel.port))
    assert (ran.code, "give another --port" in ran.err) == (1, True)


async def test_every_driver_has_a_simulated_machine_whose_faults_are_listed() -> None:
    assert [*SIMULATORS] == [kind.name for kind in OURS]
    assert len({one.port for one in SIMULATORS.values()}) == len(SIMULATORS)
    told = (await run("agent", "simulate", "--help", COLUMNS="400")).out
    words = told.partition("words on the input: ")[2].partition(".")[0].replace("│", " ").split(", ")
    assert {*words} == {"fail NAME"}.union(*(one.hand.words for one in SIMULATORS.values() if one.hand))
    for name, machine in SIMULATORS.items():
        assert f"{name} {machine.port}" in told
        listed = (await run("agent", "simulate", name, "--faults")).out.splitlines()
        assert [line.split("  ")[0] for line in listed] == [*machine.faults]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace('"zvt"', '"zvf"'), ["Payment terminal", "is zvt meant?"]),
        (lambda text: text.replace("address", "adress"), ["adress"]),
        (lambda text: text + "\n[machines", ["cannot be read"]),
    ],
)
async def test_a_bad_configuration_is_told(tmp_path: Path, change: Callable[[str], str], words: list[str]) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(change(EXAMPLE.read_text("utf-8")), "utf-8")
    for what in ("run", "check", "status"):
        ran = await run("agent", what, "--config", str(path))
        assert ran.code == 2
        assert all(word in ran.err for word in words), ran.err
