"""Reads of single rows that many callers ask for at the same time, asked together: one round trip instead of one each."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Any

from nightporter.domain.errors import Away
from nightporter.storage.statements import Row, Statement

AT_ONCE = 200
"""Callers that one round trip serves."""

Given = Mapping[str, Any]
_Asked = tuple[Given, asyncio.Future[Row | None]]


class Gathering:
    """Asks each statement once at a time; who comes meanwhile goes together when the answer is there.

    ``ask`` runs a text with its parameters and returns the rows. A caller alone never waits for another one to come.
    """

    def __init__(self, ask: Callable[[str, Sequence[Any]], Awaitable[Sequence[Any]]]) -> None:
        self._ask = ask
        self._waiting: dict[Hashable, list[_Asked]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def one(self, statement: Statement, given: Given) -> Row | None:
        """The first row that the statement finds. Raises Unavailable, and what the values of this caller cause."""
        # Callers share a round trip only with the very same lists, which those of one integration have.
        key = (statement, *[id(given[name]) for name in statement.lists])
        done: asyncio.Future[Row | None] = asyncio.get_running_loop().create_future()
        if (waiting := self._waiting.get(key)) is not None:
            waiting.append((given, done))
        else:
            self._waiting[key] = [(given, done)]
            task = asyncio.create_task(self._serve(key, statement), name="gathering")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await done

    async def _serve(self, key: Hashable, statement: Statement) -> None:
        waiting = self._waiting[key]
        while waiting:
            taken = waiting[:AT_ONCE]
            del waiting[:AT_ONCE]
            await self._answer(statement, taken)
        del self._waiting[key]

    async def _answer(self, statement: Statement, taken: list[_Asked]) -> None:
        found: Sequence[Row | None]
        try:
            found = await self._found(statement, [given for given, _ in taken])
        except Exception as error:
            if len(taken) > 1 and not isinstance(error, Away):  # the values of one of them may be to blame
                for asked in taken:
                    await self._answer(statement, [asked])
                return
            for _, done in taken:
                if not done.done():
                    done.set_exception(error)
            return
        for (_, done), row in zip(taken, found, strict=True):
            if not done.done():
                done.set_result(row)

    async def _found(self, statement: Statement, asked: list[Given]) -> list[Row | None]:
        if len(asked) == 1 or set(statement.lists).issuperset(statement.postgres.names):
            rows = await self._ask(statement.postgres.text, arguments(statement, asked[0]))
            return [tuple(rows[0]) if rows else None] * len(asked)
        text, names = statement.for_callers.text, statement.for_callers.names
        values = [asked[0][name] if name in statement.lists else [given[name] for given in asked] for name in names]
        found: list[Row | None] = [None] * len(asked)
        for place, *row in reversed(await self._ask(text, values)):  # of several rows the first one stays
            found[place - 1] = tuple(row)
        return found


def arguments(statement: Statement, given: Given) -> list[Any]:
    """The parameters in the order in which the text for PostgreSQL has them."""
    return [given[name] for name in statement.postgres.names]
