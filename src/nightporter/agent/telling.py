"""What the platform is told of one command: in order, and nothing that is out of date (contract 7.6)."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from nightporter.agent.driver import Notes
from nightporter.agent.journal import Ending
from nightporter.client import Client, ClientError, NotRecognised, Refused, TooManyRequests, Unavailable, Unreachable
from nightporter.domain.command import CommandState
from nightporter.domain.sources import Sources

EVERY = 1.0
"""Seconds between two reports of progress at least."""
AGAIN = 5.0
"""Seconds until a report is tried again that the client could not get through, in spite of its own patience."""

_log = structlog.get_logger()


class Telling:
    """Tells of the command ``command_id`` as ``executor``. ``client`` gives the client of the moment.

    A new configuration may bring another client at any time, so that none is kept for long.
    """

    def __init__(self, client: Callable[[], Client], command_id: str, executor: str, sources: Sources) -> None:
        self._client = client
        self._command_id = command_id
        self._executor = executor
        self._sources = sources
        self._progress: tuple[float | None, str | None] | None = None
        self._has_news = asyncio.Event()
        self._has_status = False
        self._background: asyncio.Task[None] | None = None

    def received(self) -> None:
        """Tell that it was taken, without waiting for the answer."""
        self._background = asyncio.create_task(self._quietly(CommandState.RECEIVED))

    async def begin(self) -> str | None:
        """Tell that it is begun; returns what the platform said if it did not agree: then it must not be begun.

        As long as the platform cannot be asked, this waits.
        """
        await self._settle()
        return await self._report(CommandState.PROCESSING, progress=0.0)

    def progress(self, percent: float | None, status: str | None) -> None:
        """Tell how far it is, soon and without waiting; only the latest counts."""
        self._progress = (percent, status)
        self._has_news.set()
        if self._background is None or self._background.done():
            self._background = asyncio.create_task(self._keep_telling())

    async def end(self, ending: Ending) -> str | None:
        """Tell how it ended, however long it takes; returns what the platform said if it did not want to know."""
        if self._background is not None:
            self._background.cancel()
        await self._settle()
        # What it waited for is no longer true, and a result that is left out would leave it there.
        result = ending.result if ending.result is not None or not self._has_status else {}
        return await self._report(ending.state, notes=ending.notes, result=result)

    async def close(self) -> None:
        """Stop telling."""
        if self._background is not None:
            self._background.cancel()
            await self._settle()

    async def _settle(self) -> None:
        background, self._background = self._background, None
        if background is not None:
            with suppress(asyncio.CancelledError):
                await asyncio.wait({background})

    async def _keep_telling(self) -> None:
        while True:
            await self._has_news.wait()
            self._has_news.clear()
            assert self._progress is not None
            percent, status = self._progress
            result = None
            if status is not None or self._has_status:
                self._has_status, result = True, {"Status": status} if status is not None else {}
            await self._quietly(CommandState.PROCESSING, percent, result)
            await self._sources.pause(EVERY)

    async def _quietly(self, state: CommandState, progress: float | None = None, result: Notes | None = None) -> None:
        try:
            await self._client().update(
                self._command_id, state, progress=progress, executor=self._executor, result=result
            )
        except ClientError as error:
            _log.info("a report was not taken", command=self._command_id, state=state, why=str(error))

    async def _report(
        self,
        state: CommandState,
        *,
        progress: float | None = None,
        notes: str | None = None,
        result: Notes | None = None,
    ) -> str | None:
        while True:
            try:
                await self._client().update(
                    self._command_id, state, progress=progress, notes=notes, executor=self._executor, result=result
                )
            except NotRecognised as error:
                _log.error("the platform refuses the tokens", command=self._command_id, why=str(error))
            except (TooManyRequests, Unavailable, Unreachable) as error:
                _log.warning("the platform cannot be told yet", command=self._command_id, state=state, why=str(error))
            except Refused as error:
                return str(error)
            else:
                return None
            await self._sources.pause(AGAIN)
