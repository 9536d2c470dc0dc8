"""The one path of every call: find → read → recognise → limit → permit → decode → run → commit → reply (contract 2.5).

A plain ASGI callable, because one route pattern needs no router; read once, it holds for every operation.
"""

import asyncio
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import structlog

from nightporter.domain.errors import Malformed, Refusal, Unknown, UpstreamFailed, UpstreamSilent
from nightporter.operations import (
    ADMINISTRATION,
    CONNECTOR,
    AdministrationCall,
    Call,
    Minimal,
    Operation,
    Portfolio,
    Streamed,
)
from nightporter.web.bodies import Gone, NotRead, Receive, Send, kept, left, pass_down, read, unless
from nightporter.web.budget import TimeBudget
from nightporter.web.desk import Desk
from nightporter.web.logs import RequestLine
from nightporter.web.refusals import DEFECT, body_of, retry_after, status_of
from nightporter.wire.shapes import Shape, encode

PREFIX = "/api/connector/v1/"
ADMINISTRATION_PREFIX = "/api/administration/v1/"
STRICT = "fiscalMachineCommands/getAll"
"""The one operation that never matched without regard to letter case (D1)."""

_JSON = (b"content-type", b"application/json")
_log = structlog.get_logger()


class _Tokens(msgspec.Struct, rename="pascal"):
    client_token: msgspec.Raw = msgspec.Raw(b"null")
    access_token: msgspec.Raw = msgspec.Raw(b"null")


_tokens = msgspec.json.Decoder(_Tokens)


@dataclass(slots=True)
class Headers:
    """The request headers that count."""

    content_type: bytes = b""
    content_length: int | None = None
    prefers_minimal: bool = False
    idempotency_key: str | None = None
    authorization: bytes | None = None

    @classmethod
    def of(cls, headers: Iterable[tuple[bytes, bytes]]) -> "Headers":
        """Pick them out; names come in lower case (ASGI)."""
        found = cls()
        for name, value in headers:
            if name == b"content-type":
                found.content_type = value
            elif name == b"content-length":
                found.content_length = int(value) if value.isdigit() else None
            elif name == b"prefer":
                found.prefers_minimal = found.prefers_minimal or _prefers_minimal(value)
            elif name == b"authorization":
                found.authorization = value
            elif name == b"idempotency-key":
                # Sent twice, a key is ambiguous; the joined text is refused as malformed.
                text = value.decode("latin-1")
                found.idempotency_key = text if found.idempotency_key is None else "\0"
        return found

    def expect_json(self) -> None:
        """Raises Malformed unless the body is announced as JSON."""
        if self.content_type.split(b";")[0].strip().lower() != b"application/json":
            raise Malformed


def _prefers_minimal(value: bytes) -> bool:
    """Whether ``return=minimal`` is among the preferences, in any letter case (D25)."""
    preferences = (one.split(b";")[0].replace(b" ", b"").replace(b'"', b"").lower() for one in value.split(b","))
    return b"return=minimal" in preferences


@dataclass(slots=True)
class Answer:
    """A reply: ``body``, or ``first`` and the rest of a stream."""

    status: int
    body: bytes | None = None
    first: bytes = b""
    rest: AsyncGenerator[bytes, None] | None = None
    retry_after: int | None = None
    enterprise_ids: tuple[str, ...] = field(default=())
    request_id: str | None = None
    """The one that the reply bears already."""
    deliver: Callable[[Send], Awaitable[None]] | None = None
    """Sends the whole reply, where it is not the desk's own."""


class Elsewhere(Protocol):
    """Answers calls that the desk does not serve; ``web/upstream.py`` is the one there is."""

    name: str
    """What such calls are logged and counted as."""

    def takes(self, scope: MutableMapping[str, Any]) -> bool:
        """Whether a call that the desk does not serve goes there."""

    async def ask(self, scope: MutableMapping[str, Any], receive: Receive, request_id: str) -> Answer:
        """Hand the call over; raises Refusal and Gone."""


class Dispatch:
    """Serves the operations of the table; ``paths`` are exact (D1). Without ``elsewhere`` any other call is refused."""

    def __init__(self, desk: Desk, elsewhere: Elsewhere | None = None) -> None:
        self._desk = desk
        self._elsewhere = elsewhere
        self._budget = TimeBudget(desk.settings.time_budget)
        self._exact = {(PREFIX + operation.path).encode(): operation for operation in CONNECTOR}
        self._folded = (
            {path.lower(): operation for path, operation in self._exact.items() if operation.path != STRICT}
            if desk.settings.tolerant_paths
            else {}
        )
        self._exact |= {(ADMINISTRATION_PREFIX + operation.path).encode(): operation for operation in ADMINISTRATION}

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        desk = self._desk
        began = desk.sources.elapsed()
        request_id = desk.sources.new_id()
        operation = self._find(scope)
        name = operation.path if operation else ""
        try:
            if operation is not None:
                answer = await self._answer(operation, scope, receive)
            elif self._elsewhere is not None and self._elsewhere.takes(scope):
                name = self._elsewhere.name
                answer = await self._elsewhere.ask(scope, receive, request_id)
            else:
                raise Unknown
        except Gone:
            return
        except Refusal as refusal:
            answer = Answer(status_of(refusal), body_of(refusal.message, request_id), retry_after=retry_after(refusal))
        except Exception as defect:
            _log.error("defect", request_id=request_id, operation=name or None, exc_info=defect)
            details = traceback.format_exc() if desk.settings.debug else None
            answer = Answer(500, body_of(DEFECT, request_id, details))
        status, request_id = answer.status, answer.request_id or request_id
        try:
            if answer.deliver is not None:
                await answer.deliver(send)
            else:
                await _reply(answer, request_id, receive, send, desk.settings.time_budget)
        except NotRead:
            _log.warning("reply not read", request_id=request_id, operation=name, seconds=desk.settings.time_budget)
        except Exception as defect:
            # Its status is out already: the connection breaks, so that nobody takes the piece for the whole.
            status = status_of(defect) if isinstance(defect, UpstreamFailed | UpstreamSilent) else 500
            _log.error("reply broken off", request_id=request_id, operation=name, exc_info=defect)
            raise
        finally:
            took = desk.sources.elapsed() - began
            desk.metrics.answered(name, status, took)
            desk.request_log.write(
                RequestLine(request_id, name, answer.enterprise_ids, status, round(took * 1000, 3), desk.sources.now())
            )

    def _find(self, scope: MutableMapping[str, Any]) -> Operation | None:
        if scope["method"] != "POST":
            return None
        path: bytes = scope["raw_path"]
        return self._exact.get(path) or self._folded.get(path.lower())

    async def _answer(self, operation: Operation, scope: MutableMapping[str, Any], receive: Receive) -> Answer:
        desk = self._desk
        headers = Headers.of(scope["headers"])
        if operation.takes_file:
            return await self._take_file(operation, headers, receive)
        with self._budget.timed():
            body = await read(receive, headers.content_length, desk.settings.body_limit)
            return await self._run(operation, headers, body)

    async def _run(self, operation: Operation, headers: Headers, body: bytes) -> Answer:
        desk = self._desk
        headers.expect_json()
        if operation.is_administration:
            return await self._administer(operation, headers, body)
        tokens = _read_tokens(body)
        actor = await desk.recognition.of_raw(bytes(tokens.client_token), bytes(tokens.access_token))
        await desk.limit.count(actor.access_token_id)
        actor.permit(operation.right, operation.portfolio is not Portfolio.NO)
        parameters = operation.decode(body)
        call = Call(
            operation=operation.path,
            actor=actor,
            database=desk.database,
            writer=desk.writer,
            sources=desk.sources,
            in_flight=desk.in_flight,
            idempotency_key=headers.idempotency_key if operation.is_keyed else None,
        )
        return await _answer_of(operation, headers, await operation.run(call, parameters), actor.enterprise_ids)

    async def _administer(self, operation: Operation, headers: Headers, body: bytes) -> Answer:
        _read_tokens(body)  # the same strictness, whoever calls
        call = await self._administration_call(operation, headers)
        return await _answer_of(operation, headers, await operation.run(call, operation.decode(body)))

    async def _take_file(self, operation: Operation, headers: Headers, receive: Receive) -> Answer:
        """The caller is recognised before the file is taken, so that no stranger fills the disk.

        The time budget would not let a large file through; its size is limited instead, the silence of who sends it, and
        the work ends with the caller.
        """
        settings = self._desk.settings
        headers.expect_json()
        call = await self._administration_call(operation, headers)
        async with kept(receive, headers.content_length, settings.file_limit, settings.time_budget) as file:
            gone = asyncio.ensure_future(left(receive))
            try:
                return await _answer_of(operation, headers, await unless(gone, operation.run(call, file)))
            finally:
                gone.cancel()

    async def _administration_call(self, operation: Operation, headers: Headers) -> AdministrationCall:
        """Recognise, limit and permit an administrator."""
        desk = self._desk
        administrator = await desk.recognition.of_administrator(headers.authorization)
        await desk.limit.count(administrator.token_id or administrator.name)
        administrator.permit(operation.whole_desk)
        return AdministrationCall(
            operation.path, administrator, desk.database, desk.writer, desk.sources, desk.retention
        )


async def _answer_of(
    operation: Operation, headers: Headers, reply: Shape | Streamed, enterprise_ids: tuple[str, ...] = ()
) -> Answer:
    if headers.prefers_minimal and _is_nothing(operation, reply):
        return Answer(204, enterprise_ids=enterprise_ids)
    if isinstance(reply, Shape):
        return Answer(200, encode(reply), enterprise_ids=enterprise_ids)
    pieces = reply.pieces()
    first = await anext(pieces)
    second = await anext(pieces, None)
    if second is None:
        return Answer(200, first, enterprise_ids=enterprise_ids)
    return Answer(200, first=first + second, rest=pieces, enterprise_ids=enterprise_ids)


def _is_nothing(operation: Operation, reply: Shape | Streamed) -> bool:
    """Whether the reply says nothing that 204 does not (contract 2.6)."""
    if operation.minimal in (Minimal.EMPTY_PAGE, Minimal.EMPTY_LIMITED_PAGE):
        cursor = getattr(reply, "cursor", "") if isinstance(reply, Shape) else ""
        return cursor is None or (cursor is msgspec.UNSET and operation.minimal is Minimal.EMPTY_PAGE)
    return operation.minimal is Minimal.ALWAYS


def _read_tokens(body: bytes) -> _Tokens:
    """The two tokens, of whatever type, out of a body that is strict JSON in UTF-8 with an object as its root."""
    try:
        if not body.isascii():
            body.decode("utf-8")
        return _tokens.decode(body)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed from None


async def _reply(answer: Answer, request_id: str, receive: Receive, send: Send, silence: float) -> None:
    """Send the answer; raises NotRead for a caller that takes in nothing of a stream for ``silence`` seconds."""
    headers = [(b"request-id", request_id.encode())]
    if answer.retry_after is not None:
        headers.append((b"retry-after", str(answer.retry_after).encode()))
    if answer.status != 204:
        headers.append(_JSON)
    if answer.rest is None:
        body = answer.body or b""
        if answer.status != 204:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    # Sending to a caller that left is silent, so somebody must listen for that while documents are read.
    gone = asyncio.ensure_future(receive())
    try:
        async with aclosing(answer.rest) as rest:
            await pass_down(send, {"type": "http.response.body", "body": answer.first, "more_body": True}, silence)
            async for piece in rest:
                await pass_down(send, {"type": "http.response.body", "body": piece, "more_body": True}, silence)
                if gone.done():
                    return
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()
