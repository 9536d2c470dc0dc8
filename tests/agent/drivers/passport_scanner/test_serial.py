"""The driver at a serial port: two pseudo-terminals that socat joins, as a real tty on either side."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from serial import Serial

from nightporter.agent.driver import Away, Done, Driver
from nightporter.agent.drivers.passport_scanner import KIND
from nightporter.agent.drivers.passport_scanner.driver import MrzOptions
from nightporter.agent.drivers.passport_scanner.messages import FRAMINGS, framed
from nightporter.agent.drivers.passport_scanner.simulator import ANOTHER, SPECIMEN
from tests.agent.drivers.passport_scanner.conftest import DEADLINE, TASK, WAITING, driver_of, executing
from tests.debian import program


@asynccontextmanager
async def cable(folder: Path) -> AsyncIterator[tuple[str, str]]:
    """The names of both ends of a serial line."""
    desk, machine = folder / "desk", folder / "machine"
    socat = await asyncio.create_subprocess_exec(
        program("socat", "socat", "the serial driver is tested on pseudo-terminals"),
        *("-d", "-d", f"PTY,raw,echo=0,link={desk}", f"PTY,raw,echo=0,link={machine}"),
        stderr=asyncio.subprocess.PIPE,
    )
    assert socat.stderr is not None
    try:
        async with asyncio.timeout(DEADLINE):
            while b"starting data transfer" not in (line := await socat.stderr.readline()):
                assert line, "socat ended"
        yield str(desk), str(machine)
    finally:
        if socat.returncode is None:
            socat.terminate()
        await socat.wait()


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    async with cable(tmp_path) as ends:
        yield ends


def at(port: str, **options: Any) -> Driver:
    return driver_of(port=port, **options)


async def send(port: str, *messages: bytes) -> None:
    def write() -> None:
        with Serial(port) as machine:
            for message in messages:
                machine.write(message)
                machine.flush()

    await asyncio.to_thread(write)


def kind_of(outcome: object) -> str:
    assert isinstance(outcome, Done), outcome
    assert outcome.result is not None
    kind: str = outcome.result["Identity"]["Document"]["Type"]
    return kind


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_a_document_is_read_from_a_serial_port(line: tuple[str, str], framing: str) -> None:
    desk, machine = line
    async with executing(at(desk)) as command:
        await command.told.until(WAITING)
        await send(machine, framed(SPECIMEN, framing))
        assert kind_of(await command.outcome()) == "Passport"
    assert not [thread for thread in threading.enumerate() if thread.name == "passport scanner"]


async def test_byte_by_byte_it_is_the_same(line: tuple[str, str]) -> None:
    desk, machine = line
    async with executing(at(desk)) as command:
        await command.told.until(WAITING)
        await send(machine, *(bytes([byte]) for byte in framed(SPECIMEN, "RTE")))
        assert kind_of(await command.outcome()) == "Passport"


async def test_what_waited_in_the_port_is_of_another_guest(line: tuple[str, str]) -> None:
    desk, machine = line
    with Serial(desk) as somebody:  # keeps the line open, so that the bytes wait
        await send(machine, framed(ANOTHER, "CR"))
        async with asyncio.timeout(DEADLINE):
            await asyncio.to_thread(_until_waiting, somebody, len(framed(ANOTHER, "CR")))
        async with executing(at(desk)) as command:
            await command.told.until(WAITING)
            await send(machine, framed(SPECIMEN, "CR"))
            assert kind_of(await command.outcome()) == "Passport"


def _until_waiting(port: Serial, size: int) -> None:
    while port.in_waiting < size:
        pass


async def test_a_scanner_that_is_unplugged_and_plugged_in_again_is_found(tmp_path: Path) -> None:
    async with cable(tmp_path) as (desk, _):
        command = executing(at(desk))
        running = await command.__aenter__()
        await running.told.until(WAITING)
    try:
        await running.told.until("The connection to the scanner broke")
        async with cable(tmp_path) as (_, machine):
            await running.told.until("The scanner can be reached again")
            await send(machine, framed(SPECIMEN, "CRLF"))
            assert kind_of(await running.outcome()) == "Passport"
    finally:
        await command.__aexit__(None, None, None)


async def test_a_port_that_is_not_there_is_away(tmp_path: Path) -> None:
    with pytest.raises(Away, match="cannot be opened"):
        await at(str(tmp_path / "nothing")).probe()
    with pytest.raises(Away, match="cannot be opened"):
        await at(str(tmp_path / "nothing")).prepare(TASK, 1)


async def test_a_port_that_another_program_uses_is_away_and_then_free(line: tuple[str, str]) -> None:
    desk, _ = line
    with Serial(desk, exclusive=True), pytest.raises(Away, match="no other program"):
        await at(desk).probe()
    assert (await at(desk).probe()).identity.startswith("the port serial /")
    assert await at(desk).prepare(TASK, 1) == {}
    assert not [thread for thread in threading.enumerate() if thread.name == "passport scanner"]


def test_one_machine_has_one_place_by_whichever_name(tmp_path: Path) -> None:
    (tmp_path / "ttyACM0").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyACM0")
    one, other = (KIND.place(MrzOptions(port=str(tmp_path / name))) for name in ("ttyACM0", "by-id"))
    assert one == other
    assert KIND.place(MrzOptions(port="com3")) == KIND.place(MrzOptions(port="COM3")) == "serial COM3"
    assert KIND.place(MrzOptions(address="Scanner.local:4001")) == "scanner.local:4001"
    assert KIND.place(MrzOptions(address="[::1]:4001")) == "::1:4001"
