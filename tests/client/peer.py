"""A server that is not ours: it speaks the API as the original does, without cursors and keys, on two addresses."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

CLIENT_TOKEN, ACCESS_TOKEN = "A" * 32, "B" * 32
PREFIX = "/api/connector/v1/"
PRINTER = {"Id": "d117866d-78de-4459-9077-42d7ea0120e3", "Type": "Printer", "Name": "Printer", "Identifier": None}
ELSEWHERE = {"Id": "11111111-78de-4459-9077-42d7ea0120e3", "Type": "Printer", "Name": "Not ours", "Identifier": None}
PDF = "JVBERi0xLjcKJSVFT0YK"

DROP = "drop"
"""Close the connection without doing anything."""
LOSE = "lose"
"""Do it, and close the connection instead of answering."""
CUT = "cut"
"""Do it, and close the connection in the middle of the answer."""


def command_id(number: int) -> str:
    return f"aa20961f-6d9e-4b35-ad25-{number:012x}"


def command(number: int, state: str = "Pending", device: dict[str, Any] = PRINTER) -> dict[str, Any]:
    return {
        "Id": command_id(number),
        "State": state,
        "CreatedUtc": "2026-03-01T12:00:00Z",
        "Creator": {"FirstName": "Sample", "LastName": "User", "ImageUrl": None},
        "Device": device,
        "Data": {
            "CopyCount": 1,
            "FileType": "application/pdf",
            "FileData": PDF,
            "PrinterName": "",
            "PrinterDriverName": "",
            "PrinterPortName": "",
        },
    }


@dataclass
class Asked:
    """A request as it came."""

    operation: str
    headers: dict[str, str]
    fields: dict[str, Any]


@dataclass
class Peer:
    """Its commands, oldest first; ``script`` holds what becomes of the next requests before it behaves again.

    A step is one of the words above, an answer, or an event that the answer waits for.
    """

    address: str = ""
    socket_address: str = ""
    commands: list[dict[str, Any]] = field(default_factory=list)
    connected: set[str] = field(default_factory=lambda: {PRINTER["Id"]})
    pages_the_queue: bool = True
    refuses_limitation: bool = False
    document: bytes | None = None
    script: deque[Any] = field(default_factory=deque)
    upgrades_refused: deque[tuple[int, str]] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)
    upgrades: list[tuple[str, str]] = field(default_factory=list)
    sockets: set[ServerConnection] = field(default_factory=set)
    opened: asyncio.Condition = field(default_factory=asyncio.Condition)

    def operations(self) -> list[str]:
        return [one.operation for one in self.asked]

    async def push(self, *events: dict[str, Any] | str) -> None:
        """One message with these events, or a raw text, to every socket."""
        text = events[0] if isinstance(events[0], str) else json.dumps({"Events": events})
        for socket in self.sockets:
            await socket.send(text)

    async def push_state(self, number: int, state: str) -> None:
        await self.push({"Type": "DeviceCommand", "Id": command_id(number), "State": state})

    async def drop(self) -> None:
        """Break every socket without a word."""
        for socket in tuple(self.sockets):
            socket.transport.abort()
            await socket.wait_closed()

    async def is_heard(self, times: int) -> None:
        """Wait until that many sockets have been opened in all."""
        async with self.opened:
            await self.opened.wait_for(lambda: sum(query != "refused" for query, _ in self.upgrades) >= times)

    # HTTP

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        path = head[0].split(" ")[1]
        fields = json.loads(body) if body else {}
        self.asked.append(Asked(path.removeprefix(PREFIX), headers, fields))
        step = self.script.popleft() if self.script else None
        if step == DROP:
            return
        if isinstance(step, asyncio.Event):
            await step.wait()
        status, extra, answer = step if isinstance(step, tuple) else self.act(path, fields)
        if step == LOSE:
            return
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(text)}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in extra.items()]
        if step == CUT:
            text = text[: len(text) // 2]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + text)
        await writer.drain()

    def act(self, path: str, fields: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        if path == "/openapi.json" and self.document is not None:
            return 200, {}, self.document
        operation = path.removeprefix(PREFIX)
        if operation == "devices/getAll":
            return 200, {}, {"Devices": [PRINTER, ELSEWHERE]}
        if operation == "commands/getAllActive":
            return self.active(fields.get("Limitation"))
        if operation == "commands/getAllByIds":
            return 200, {}, {"Commands": [one for one in self.commands if one["Id"] in fields["CommandIds"]]}
        if operation == "commands/addPrinter":
            self.commands.append(command(1000 + len(self.commands)))
            return 200, {}, {"CommandId": self.commands[-1]["Id"]}
        if operation == "commands/update":
            self.find(fields["CommandId"])["State"] = fields["State"]
            return 200, {}, {}
        return 404, {}, {"Message": "There is nothing here", "RequestId": "r-404", "Details": None}

    def active(self, limitation: dict[str, Any] | None) -> tuple[int, dict[str, str], Any]:
        if limitation and self.refuses_limitation:
            return 400, {}, {"Message": "Invalid Limitation", "RequestId": "r-400", "Details": None}
        found = [
            one
            for one in reversed(self.commands)
            if one["State"] in ("Pending", "Received") and one["Device"]["Id"] in self.connected
        ]
        if limitation is None or not self.pages_the_queue:
            return 200, {}, {"Commands": found}
        ids = [one["Id"] for one in found]
        start = ids.index(limitation["Cursor"]) + 1 if limitation.get("Cursor") else 0
        page = found[start : start + limitation["Count"]]
        return 200, {}, {"Commands": page, "Cursor": page[-1]["Id"] if page else None}

    def find(self, wanted: str) -> dict[str, Any]:
        return next(one for one in self.commands if one["Id"] == wanted)

    # Socket

    def upgrade(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.upgrades_refused:
            status, message = self.upgrades_refused.popleft()
            self.upgrades.append(("refused", request.path))
            body = json.dumps({"Message": message, "RequestId": "r-1", "Details": None})
            return connection.respond(status, body)
        self.upgrades.append((request.path, request.headers["Cookie"]))
        return None

    async def socket(self, connection: ServerConnection) -> None:
        self.sockets.add(connection)
        async with self.opened:
            self.opened.notify_all()
        try:
            await connection.wait_closed()
        finally:
            self.sockets.discard(connection)


@asynccontextmanager
async def listening(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """Hand every connection to ``talk``; gives the address, and ends when every talk has."""
    talks: set[asyncio.Task[None]] = set()

    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await talk(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            talks.discard(task)

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        while talks:
            await asyncio.wait(talks)


@asynccontextmanager
async def running_peer() -> AsyncIterator[Peer]:
    peer = Peer()
    async with (
        listening(peer.http) as peer.address,
        serve(peer.socket, "127.0.0.1", 0, process_request=peer.upgrade, close_timeout=1) as sockets,
    ):
        peer.socket_address = f"ws://127.0.0.1:{next(iter(sockets.sockets)).getsockname()[1]}"
        yield peer
