"""Reads of single rows that many callers ask for at the same time, asked together: one round trip instead of one each."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Any

from nightporter.domain.errors import Away
from nightporter.storage.statements import Row, Statement

AT_ONCE = 200
"""Callers that one round trip serves."""

Given = Mapping[str, Any]
_Own = tuple[Any, ...]
"""The parameters that a caller does not share with the others, in the order of the text."""
_Asked = tuple[Given, _Own, asyncio.Future[Row | None]]


class Gathering:
    """Asks each statement once at a time; who comes meanwhile goes together when the answer is there.

    ``ask`` runs a text with its parameters and returns the rows. It must give up by itself: callers that do so do not end
    it. A caller alone never waits for another one to come.
    """

    def __init__(self, ask: Callable[[str, Sequence[Any]], Awaitable[Sequence[Any]]]) -> None:
        self._ask = ask
        self._waiting: dict[Hashable, list[_Asked]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def one(self, statement: Statement, given: Given) -> Row | None:
        """The first row that the statement finds. Raises Unavailable, and what the values of this caller cause."""
        # Callers go together only with the very same lists, which those of one integration have.
        key = (statement, *[id(given[name]) for name in statement.lists])
        own = tuple([given[name] for name in statement.postgres.names if name not in statement.lists])
        done: asyncio.Future[Row | None] = asyncio.get_running_loop().create_future()
        if (waiting := self._waiting.get(key)) is not None:
            waiting.append((given, own, done))
        else:
            self._waiting[key] = [(given, own, done)]
            task = asyncio.create_task(self._serve(key, statement), name="gathering")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await done

    async def _serve(self, key: Hashable, statement: Statement) -> None:
        waiting = self._waiting[key]
        taken: list[_Asked] = []
        try:
            while waiting:
                taken = waiting[:AT_ONCE]
                del waiting[:AT_ONCE]
                await self._answer(statement, taken)
        finally:
            del self._waiting[key]
            for _, _, done in (*taken, *waiting):
                done.cancel()  # who has no answer, because this task is ended

    async def _answer(self, statement: Statement, taken: list[_Asked]) -> None:
        try:
            found = await self._found(statement, taken[0][0], list(dict.fromkeys(own for _, own, _ in taken)))
        except Exception as error:
            if len(taken) > 1 and not isinstance(error, Away):  # the values of one of them may be to blame
                for asked in taken:
                    await self._answer(statement, [asked])
                return
            for _, _, done in taken:
                if not done.done():
                    done.set_exception(error)
            return
        for _, own, done in taken:
            if not done.done():
                done.set_result(found.get(own))

    async def _found(self, statement: Statement, given: Given, asked: list[_Own]) -> dict[_Own, Row]:
        """What each of them finds; ``given`` has the lists of all."""
        if len(asked) == 1:
            rows = await self._ask(statement.postgres.text, arguments(statement, given))
            return {asked[0]: tuple(rows[0])} if rows else {}
        text, names = statement.for_callers.text, statement.for_callers.names
        columns = iter(zip(*asked, strict=True))
        values = [given[name] if name in statement.lists else list(next(columns)) for name in names]
        # Of several rows the first one stays.
        return {asked[place - 1]: tuple(row) for place, *row in reversed(await self._ask(text, values))}


def arguments(statement: Statement, given: Given) -> list[Any]:
    """The parameters in the order in which the text for PostgreSQL has them."""
    return [given[name] for name in statement.postgres.names]
