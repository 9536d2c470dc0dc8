"""A node with a defect, which the checker must find: ``python -m tests.torture.defective_runner DEFECT CLOCK serve …``."""

import asyncio
import dataclasses
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from nightporter.domain.command import MOVES, CommandState
from nightporter.push.hub import Hub
from nightporter.storage import resource_access_tokens, writer
from nightporter.storage.batch import Batch, Event
from nightporter.storage.dialects.sqlite import SqliteDatabase
from nightporter.storage.resource_access_tokens import AddResourceAccessTokens
from nightporter.web.dispatch import Headers
from torture import served


def answer_before_commit() -> None:
    """Callers are answered, and the transaction is committed a little later."""

    async def transact(self: Any, work: Callable[[Any], Awaitable[Any]], *, apart: bool = False) -> Any:
        if not self._writing.in_transaction:
            self._writing.execute("BEGIN IMMEDIATE")
            asyncio.get_running_loop().call_later(0.3, self._end)
        return self._carry_out(work)

    SqliteDatabase.transact = transact  # type: ignore[method-assign]


def drop_an_event() -> None:
    """One event in twenty is committed, and nobody who listens is told."""
    publish = Hub.publish

    def forgetful(self: Hub, events: Iterable[Event]) -> None:
        publish(self, [event for event in events if event.number % 20])

    Hub.publish = forgetful  # type: ignore[method-assign]


def ignore_the_key() -> None:
    """Every request is a new one."""
    read = Headers.of

    def of(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
        return dataclasses.replace(read(headers), idempotency_key=None)

    Headers.of = of  # type: ignore[method-assign,assignment]


def write_half_a_batch() -> None:
    """Of the tokens of a batch the first half is written, and all are acknowledged."""

    async def add_half(batch: Batch, intents: Sequence[AddResourceAccessTokens]) -> list[object]:
        halves = [dataclasses.replace(one, tokens=one.tokens[: len(one.tokens) // 2]) for one in intents]
        return await resource_access_tokens.add_tokens(batch, halves)

    writer._CARRY_OUT[AddResourceAccessTokens] = add_half


def go_back() -> None:
    """What was carried out may be taken up again."""
    for state in (CommandState.RECEIVED, CommandState.PROCESSING):
        MOVES[state] |= {CommandState.PROCESSED}


DEFECTS = {
    "answer before commit": answer_before_commit,
    "an event dropped": drop_an_event,
    "a key ignored": ignore_the_key,
    "half a batch": write_half_a_batch,
    "an illegal state": go_back,
}

if __name__ == "__main__":
    DEFECTS[sys.argv.pop(1)]()
    served.main()
