"""What the platform is told of one command: in order, and nothing that is out of date (contract 7.6)."""

import asyncio
from collections.abc import Callable

import structlog

from nightporter.agent.driver import Notes
from nightporter.agent.journal import Ending
from nightporter.client import Client, ClientError, Refused
from nightporter.domain.command import CommandState
from nightporter.domain.sources import Sources

EVERY = 1.0
"""Seconds between two reports of progress at least."""
AGAIN = 5.0
"""Seconds until a report is tried again that the client could not get through, in spite of its own patience."""
VERDICTS = frozenset({400, 403, 409, 413})
"""Statuses by which the platform itself refuses a report. All others say something of tokens, of the moment or of whatever
stands between, and pass."""

_log = structlog.get_logger()


class Telling:
    """Tells of the command ``command_id`` as ``executor``. ``client`` gives the client of the moment.

    A new configuration may bring another client at any time, so that none is kept for long. ``is_begun`` and ``has_status``
    say what the platform may hold from earlier: that it is Processing, and what it waited for.
    """

    def __init__(
        self,
        client: Callable[[], Client],
        command_id: str,
        executor: str,
        sources: Sources,
        *,
        is_begun: bool,
        has_status: bool,
    ) -> None:
        self._client = client
        self._command_id = command_id
        self._executor = executor
        self._sources = sources
        self._progress: tuple[float | None, str | None] | None = None
        self._has_news = asyncio.Event()
        self._is_begun = is_begun
        self._has_status = has_status
        self._taking: asyncio.Task[None] | None = None
        self._progressing: asyncio.Task[None] | None = None

    def received(self) -> None:
        """Tell that it was taken, without waiting for the answer."""
        self._taking = asyncio.create_task(self._quietly(CommandState.RECEIVED))

    async def begin(self) -> str | None:
        """Tell that it is begun; returns what the platform said if it did not agree: then it must not be begun.

        As long as the platform cannot be asked, this waits.
        """
        if self._taking is not None:
            await asyncio.wait({self._taking})
        await self._stop_progress()
        result: Notes | None = {} if self._has_status else None
        said = await self._report(CommandState.PROCESSING, result=result)
        self._is_begun, self._has_status = True, False
        return said

    def progress(self, percent: float | None, status: str | None) -> None:
        """Tell how far it is, soon and without waiting; only the latest counts. Before it is begun there is nobody to tell."""
        if not self._is_begun:
            return
        self._progress = (percent, status)
        self._has_news.set()
        if self._progressing is None:
            self._progressing = asyncio.create_task(self._keep_telling())

    async def end(self, ending: Ending) -> str | None:
        """Tell how it ended, however long it takes; returns what the platform said if it did not want to know."""
        await self._stop_progress()
        # What it waited for is no longer true, and a result that is left out would leave it there.
        result = ending.result if ending.result is not None or not self._has_status else {}
        said = await self._report(ending.state, notes=ending.notes, result=result)
        if said is not None and result:
            # How it ended matters more than what came of it, which may be what the platform did not take.
            _log.warning("a result was not taken", command=self._command_id, why=said)
            said = await self._report(ending.state, notes=ending.notes)
        return said

    def close(self) -> None:
        """Stop telling, until there is more to tell."""
        for task in (self._taking, self._progressing):
            if task is not None:
                task.cancel()
        self._progressing = None

    async def _stop_progress(self) -> None:
        progressing, self._progressing = self._progressing, None
        if progressing is not None:
            progressing.cancel()
            await asyncio.wait({progressing})

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
        else:
            _log.debug("told", command=self._command_id, state=state)

    async def _report(
        self,
        state: CommandState,
        *,
        notes: str | None = None,
        result: Notes | None = None,
    ) -> str | None:
        why = ""
        while True:
            try:
                await self._client().update(
                    self._command_id, state, notes=notes, executor=self._executor, result=result
                )
            except ClientError as error:
                if isinstance(error, Refused) and error.status in VERDICTS:
                    return str(error)
                if type(error).__name__ != why:
                    why = type(error).__name__
                    _log.warning(
                        "the platform cannot be told yet", command=self._command_id, state=state, why=str(error)
                    )
            else:
                _log.debug("told", command=self._command_id, state=state)
                return None
            await self._sources.pause(AGAIN)
