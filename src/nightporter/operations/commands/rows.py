"""The reply of getAllActive and getAllByIds, printed row by row so that documents never gather in memory."""

from collections.abc import AsyncGenerator, Awaitable, Callable

from msgspec import UNSET, Raw

from nightporter.domain import command as domain
from nightporter.domain.device import DeviceType
from nightporter.storage.commands import KeptCommand, Position
from nightporter.storage.database import Database
from nightporter.wire.command_data import with_file
from nightporter.wire.commands import Command, Commands, Device, Execution, StateChange, User
from nightporter.wire.scalars import absent
from nightporter.wire.shapes import encode

ROWS = 50
"""How many rows are read at a time; with their small documents they stay below some 3 MiB."""
PIECE = 64 * 1024

Read = Callable[[Position, int], Awaitable[list[KeptCommand]]]


class CommandRows:
    """Commands from ``read``, at most ``limit`` of them; with a ``limit`` the reply carries a cursor (D30)."""

    def __init__(self, database: Database, read: Read, limit: int | None) -> None:
        self._database = database
        self._read = read
        self._limit = limit
        self._first: list[KeptCommand] = []

    async def begin(self, after: Position) -> "CommandRows | Commands":
        """Read the first rows, so that whatever can be refused is refused before the reply begins.

        Where there is none, which is what executors are told most, the whole reply is there at once.
        """
        self._first = await self._read(after, self._next_count(0))
        if self._first:
            return self
        return Commands([], cursor=UNSET if self._limit is None else None)

    def _next_count(self, printed: int) -> int:
        return ROWS if self._limit is None else min(ROWS, self._limit - printed)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The JSON text, in pieces of some 64 KiB."""
        text = bytearray(b'{"Commands":[')
        rows, printed, last = self._first, 0, None
        while rows:
            for row in rows:
                if printed:
                    text += b","
                if row.document_size is not None and row.document is None:
                    head, tail = _around_file(row)
                    text += head
                    async for piece in self._database.document(row.enterprise_id, row.id):
                        text += piece
                        if len(text) >= PIECE:
                            yield bytes(text)
                            text.clear()
                    text += tail
                else:
                    text += printed_command(row)
                if len(text) >= PIECE:
                    yield bytes(text)
                    text.clear()
                printed += 1
                last = row
            asked = self._next_count(printed - len(rows))
            if len(rows) < asked or printed == self._limit or last is None:
                break
            after = Position(int(last.created.timestamp()), last.sequence)
            rows = await self._read(after, self._next_count(printed))
        text += b"]"
        if self._limit is not None:
            text += b',"Cursor":' + encode(last.id if last else None)
        text += b"}"
        yield bytes(text)


def _command(row: KeptCommand, data: bytes) -> bytes:
    creator = row.creator
    return encode(
        Command(
            id=row.id,
            state=row.state,
            created_utc=row.created,
            creator=User(creator.first_name, creator.last_name, creator.image_url),
            device=Device(row.device_id, row.device_type, row.device_name, row.device_identifier),
            data=Raw(data),
            execution=_execution(row.execution) if row.execution else UNSET,
        )
    )


def _execution(kept: domain.Execution) -> Execution:
    return Execution(
        progress=kept.progress,
        notes=kept.notes,
        result=absent() if kept.result is None else Raw(kept.result.encode()),
        executor=kept.executor,
        states=[StateChange(one.state, one.time) for one in kept.states],
    )


def printed_command(row: KeptCommand) -> bytes:
    """A command whose document, if it has one, came with its row (contract 8.2)."""
    data = row.data
    if row.device_type is DeviceType.PRINTER:
        data = with_file(data, row.document or b"")
    return _command(row, data)


def _around_file(row: KeptCommand) -> tuple[bytes, bytes]:
    """What stands before and behind the text of the file."""
    mark = b"\0"
    head, tail = _command(row, with_file(row.data, mark)).split(mark)
    return head, tail
