"""What is read with a browser or a probe: health, readiness, metrics, the description of the API and a page to try it."""

import asyncio
from importlib.resources import files

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nightporter import __version__
from nightporter.domain.device import DeviceType
from nightporter.domain.errors import Unavailable
from nightporter.storage.queue_age import queue_ages
from nightporter.web import openapi
from nightporter.web.desk import Desk
from nightporter.web.metrics import CONTENT_TYPE, Found, text
from nightporter.web.readiness import PROBE_PATIENCE, Readiness
from nightporter.wire.shapes import encode

_log = structlog.get_logger()

STATIC = {
    "/": ("try.html", "text/html; charset=utf-8"),
    "/static/try.css": ("try.css", "text/css; charset=utf-8"),
    "/static/try.js": ("try.js", "text/javascript; charset=utf-8"),
    "/static/icon.svg": ("icon.svg", "image/svg+xml"),
}
"""The page to read and try the API, and its parts: the path, the file and what it is."""
POLICY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""The page holds tokens, so a browser loads, runs and calls nothing but this desk on its behalf."""
PATHS = frozenset({*STATIC, "/health", "/ready", "/metrics", "/openapi.json"})
"""Every path that is served here."""


class Pages:
    """The pages of one desk."""

    def __init__(self, desk: Desk, readiness: Readiness) -> None:
        self._desk = desk
        self._readiness = readiness
        self.routes = [
            *(Route(path, self._page) for path in STATIC),
            Route("/health", self._health),
            Route("/ready", self._ready),
            Route("/metrics", self._metrics),
            Route("/openapi.json", self._openapi),
        ]

    def _answer(self, body: bytes, media_type: str = "application/json", status: int = 200) -> Response:
        headers = {"Request-Id": self._desk.sources.new_id(), "Cache-Control": "no-store"}
        return Response(body, status, headers, media_type)

    async def _health(self, request: Request) -> Response:
        return self._answer(encode({"Status": "live", "Version": __version__}))

    async def _ready(self, request: Request) -> Response:
        trouble = await self._readiness.trouble()
        if trouble is None:
            return self._answer(encode({"Status": "ready"}))
        return self._answer(encode({"Status": "not ready", "Reason": trouble}), status=503)

    async def _metrics(self, request: Request) -> Response:
        trouble, ages = await asyncio.gather(self._readiness.trouble(), self._ages())
        found = Found(trouble is None, ages)
        return self._answer(text(self._desk.metrics.told(), found), CONTENT_TYPE)

    async def _ages(self) -> dict[str, float] | None:
        desk = self._desk
        try:
            async with asyncio.timeout(PROBE_PATIENCE):
                ages = await queue_ages(desk.database, desk.sources.now())
        except Exception as error:
            # Whatever is wrong with the database, the other numbers must be told.
            trace = None if isinstance(error, Unavailable) else error
            _log.warning("the age of the queues cannot be read", exc_info=trace)
            return None
        return {kind.value: ages.get(kind.value, 0.0) for kind in DeviceType}

    async def _openapi(self, request: Request) -> Response:
        return self._answer(openapi.printed())

    async def _page(self, request: Request) -> Response:
        name, media_type = STATIC[request.url.path]
        answer = self._answer(files("nightporter.web").joinpath("static", name).read_bytes(), media_type)
        answer.headers.update(POLICY)
        return answer
