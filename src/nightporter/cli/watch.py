"""``nightporter watch``."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightporter.cli.asking import (
    DEFAULT_ADDRESS,
    FAILED,
    STOPPED,
    USAGE,
    AccessTokenOption,
    AddressOption,
    ClientTokenOption,
    JsonOption,
    SocketAddressOption,
    ask,
    caller,
    lost_and_found,
    note,
    plain,
    say,
    say_json,
)
from nightporter.cli.running import fail

if TYPE_CHECKING:
    from nightporter.client import Client, Connection, Data
    from nightporter.domain.command import CommandState
    from nightporter.wire.commands import Command

NOTES = "Carried out by nightporter watch; no machine moved."
FINISHING = 5.0
"""Seconds that a command in hand gets to its end when the program is stopped."""


def watch(
    save: Annotated[
        Path | None,
        typer.Option(help="Folder for the documents; each file is named after the id of its command.", metavar="DIR"),
    ] = None,
    process: Annotated[
        bool, typer.Option("--process", help="Take each command and report it as carried out; no machine moves.")
    ] = False,
    as_json: JsonOption = False,
    address: AddressOption = DEFAULT_ADDRESS,
    socket_address: SocketAddressOption = None,
    client_token: ClientTokenOption = None,
    access_token: AccessTokenOption = None,
) -> None:
    """Show each command for the connected devices as it arrives, first those that wait already.

    With --process this is a whole executor except for the machine: each command goes through Received, Processing and
    Processed. Use it where nobody expects paper, keys or money. Started again, it goes on with what is still Pending or
    Received; a document is on the disk before its command is Processing. Of several at the same queue, the one that
    begins a command first has it.

    It runs until Ctrl-C, waits for a server that is away, and misses nothing meanwhile. Output is one line for each
    command and each step (with --json one JSON object a line); what else there is to say goes to the error stream.
    """
    from nightporter.client import Client

    who = caller(address, socket_address, client_token, access_token)
    if save is not None:
        try:
            save.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise fail(f"the folder {save} cannot be made: {error.strerror}", USAGE) from None

    async def act(client: Client) -> None:
        with _ended_by_sigterm():
            await _Executor(client, save, process=process, as_json=as_json).run()

    ask(who, act)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM, which whoever stops services sends, end the block as cleanly as Ctrl-C does; raises typer.Exit."""
    import asyncio
    import signal

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    # Not by way of SIGINT: what a script starts with & ignores that one.
    before = signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(task.cancel))
    try:
        yield
    except asyncio.CancelledError:
        raise typer.Exit(STOPPED) from None
    finally:
        signal.signal(signal.SIGTERM, before)


class _Executor:
    def __init__(self, client: "Client", folder: Path | None, *, process: bool, as_json: bool) -> None:
        import os
        import platform

        self._client = client
        self._folder = folder
        self._process = process
        self._as_json = as_json
        self._name = f"nightporter watch on {platform.node() or 'this machine'}, process {os.getpid()}"[:255]

    async def run(self) -> None:
        import asyncio
        from contextlib import aclosing

        async with aclosing(self._client.work(self._connection)) as work:
            async for command in work:
                carrying_out = asyncio.ensure_future(self._carry_out(command))
                try:
                    await asyncio.shield(carrying_out)
                except asyncio.CancelledError:
                    # What was begun must not stay behind as Processing: no queue would offer it again.
                    await asyncio.wait({carrying_out}, timeout=FINISHING)
                    carrying_out.cancel()
                    await asyncio.gather(carrying_out, return_exceptions=True)
                    raise

    def _connection(self, connection: "Connection") -> None:
        if connection.is_open:
            note("connected; waiting for commands")
        lost_and_found(connection)

    async def _carry_out(self, command: "Command[Data]") -> None:
        from nightporter.cli.telling import line, summary
        from nightporter.client import NotRecognised, Refused
        from nightporter.domain.command import CommandState

        if self._as_json:
            say_json(summary(command))
        else:
            say(line(command))
        try:
            if self._process and command.state is CommandState.PENDING:
                await self._report(command, CommandState.RECEIVED)
            usable = await self._keep(command)
            if self._process and not usable:
                await self._report(command, CommandState.ERROR, notes="FileData is not base64.")
            elif self._process:
                await self._report(command, CommandState.PROCESSING, progress=0)
                await self._report(command, CommandState.PROCESSING, progress=50)
                await self._report(command, CommandState.PROCESSED, notes=NOTES)
        except NotRecognised:
            raise
        except Refused as refusal:
            note(f"{command.id} is left alone: {refusal}")

    async def _report(
        self, command: "Command[Data]", state: "CommandState", progress: float | None = None, notes: str | None = None
    ) -> None:
        from nightporter.domain.command import CommandState

        # Named from Processing on: what is Received may be begun by whoever starts again, under another name.
        executor = self._name if state is CommandState.PROCESSING else None
        await self._client.report(command.id, state, progress=progress, notes=notes, executor=executor)
        if self._as_json:
            say_json({"Id": command.id, "State": state, "Progress": progress})
        else:
            say(f"{command.id} {state}{'' if progress is None else f' {progress:g} %'}")

    async def _keep(self, command: "Command[Data]") -> bool:
        """Save the document, if there is one to save; false when it cannot be read. Raises typer.Exit."""
        import asyncio
        import binascii
        from uuid import UUID

        from nightporter.wire.command_data import PrinterCommandData

        if self._folder is None or not isinstance(command.data, PrinterCommandData):
            return True
        try:
            name = f"{UUID(command.id)}.pdf"
            document = binascii.a2b_base64(command.data.file_data, strict_mode=True)
        except ValueError:
            note(f"{command.id}: its document cannot be read")
            return False
        try:
            await asyncio.to_thread(_write, self._folder, name, document)
        except OSError as error:
            # Not the fault of the command: it stays in the queue for a start with room on the disk.
            raise fail(f"{self._folder / name} cannot be written: {error.strerror}", FAILED) from None
        if self._as_json:
            say_json({"Id": command.id, "File": plain(str(self._folder / name))})
        else:
            say(f"{command.id} saved as {self._folder / name}")
        return True


def _write(folder: Path, name: str, content: bytes) -> None:
    """Write a file that is there whole or not at all, readable by its owner only, and still there after a power cut."""
    import os
    import tempfile
    from contextlib import suppress

    descriptor, part = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, folder / name)
    except BaseException:
        with suppress(OSError):
            os.unlink(part)
        raise
    with suppress(OSError):  # Windows opens no folders
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
