"""``ippeveprinter``, the IPP printer that comes with CUPS: a peer that nobody here wrote.

It announces itself through D-Bus and does not start without one, so it is given a bus of its own.
"""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.cli.program import free_port
from tests.debian import program

PATIENCE = 60.0
_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/></policy></busconfig>
"""
_TRAYS = {
    "size1": "na_letter_8.5x11in",
    "type1": "stationery",
    "size3": "na_number-10_4.125x9.5in",
    "type3": "envelope",
}


@dataclass
class Printer:
    """A running printer; ``spool`` keeps every document that it got, as ``<job id>-<job name>.pdf``."""

    port: int
    spool: Path
    command: list[str]
    environment: dict[str, str]
    process: asyncio.subprocess.Process | None = None
    log: Path = field(default_factory=Path)

    @property
    def uri(self) -> str:
        return f"ipp://127.0.0.1:{self.port}/ipp/print"

    def documents(self) -> list[Path]:
        return sorted(self.spool.glob("*.pdf"))

    async def fill(self, sheets: int) -> None:
        """Put so many sheets into every tray, through the printer's own web form."""
        levels = {f"level{tray}": str(sheets if tray != 3 else min(sheets, 25)) for tray in (1, 3)}
        async with httpx.AsyncClient(trust_env=False) as http:
            reply = await http.get(f"http://127.0.0.1:{self.port}/media", params={**_TRAYS, **levels})
        assert reply.status_code == 200

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        await listens(self.port, self.process)

    async def kill(self) -> None:
        """End it at once, with whatever it runs, as if somebody pulled the plug."""
        if self.process is not None and self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            await asyncio.wait_for(self.process.wait(), PATIENCE)


async def until(holds: Callable[[], bool]) -> None:
    """Look again and again until it holds. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if holds():
                return
            await asyncio.sleep(0.01)


async def listens(port: int, process: asyncio.subprocess.Process) -> None:
    """Wait until something listens at the port. Raises AssertionError when the process ended."""
    async with asyncio.timeout(PATIENCE):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            await writer.wait_closed()
            return
    raise AssertionError("it ended instead of listening")


@asynccontextmanager
async def ippeveprinter(folder: Path, script: str | None = "exit 0") -> AsyncIterator[Printer]:
    """A printer with its files in ``folder``, until the end of the block.

    ``script`` is what it runs for each document (shell; the file is ``$1``, the copies are in ``IPP_COPIES``); with None it
    takes as long as the pages would.
    """
    printer_program = program(
        "ippeveprinter", "cups-ipp-utils", "The printer's driver is tested with a real IPP printer"
    )
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(_bus())
        spool = folder / "spool"
        spool.mkdir(parents=True)
        port = free_port()
        command = [printer_program, "-n", "localhost", "-p", str(port), "-d", str(spool), "-k", "-r", "off"]
        command += ["-f", "application/pdf,image/pwg-raster"]
        if script is not None:
            runs = folder / "print.sh"
            runs.write_text(f"#!/bin/sh\n{script}\n")
            runs.chmod(0o755)
            command += ["-c", str(runs)]
        printer = Printer(
            port,
            spool,
            [*command, "Front Desk"],
            {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": address},
            log=folder / "printer.log",
        )
        stack.push_async_callback(printer.kill)
        await printer.start()
        yield printer


@asynccontextmanager
async def _bus() -> AsyncIterator[str]:
    daemon = program("dbus-daemon", "dbus-daemon", "ippeveprinter does not start without D-Bus")
    folder = Path(tempfile.mkdtemp(prefix="bus"))  # short: the address of a socket may have 107 letters
    (folder / "bus.conf").write_text(_BUS.format(path=folder / "s"))
    process = await asyncio.create_subprocess_exec(
        daemon, f"--config-file={folder / 'bus.conf'}", "--nofork", "--nopidfile", stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await until(lambda: (folder / "s").exists() or process.returncode is not None)
        assert process.returncode is None, "dbus-daemon ended"
        yield f"unix:path={folder / 's'}"
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)
