"""What is read with a browser or a probe: health, readiness, metrics, the description of the API and a page to try it."""

import asyncio
from importlib.resources import files

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nightporter import __version__
from nightporter.domain.errors import Unavailable
from nightporter.storage.writer import Probe
from nightporter.web import openapi
from nightporter.web.desk import Desk
from nightporter.web.metrics import CONTENT_TYPE
from nightporter.wire.shapes import encode

_log = structlog.get_logger()

READY_FOR = 1.0
"""Seconds for which an answer of ``/ready`` stands, so that probes cost one write a second at most."""
PROBE_PATIENCE = 5.0

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

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._checked = float("-inf")
        self._trouble: str | None = None
        self._checking = asyncio.Lock()
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
        async with self._checking:
            now = self._desk.sources.elapsed()
            if now - self._checked >= READY_FOR:
                self._trouble = await self._probe()
                self._checked = now
        if self._trouble is None:
            return self._answer(encode({"Status": "ready"}))
        return self._answer(encode({"Status": "not ready", "Reason": self._trouble}), status=503)

    async def _probe(self) -> str | None:
        try:
            async with asyncio.timeout(PROBE_PATIENCE):
                await self._desk.writer.write(Probe())
        except Unavailable as trouble:
            return trouble.message
        except TimeoutError:
            return f"The database took longer than {PROBE_PATIENCE:g} s to write."
        except Exception as defect:
            _log.error("the database cannot be written to", exc_info=defect)
            return "The database cannot be written to; the log says more."
        return None

    async def _metrics(self, request: Request) -> Response:
        return self._answer(self._desk.metrics.text(), CONTENT_TYPE)

    async def _openapi(self, request: Request) -> Response:
        return self._answer(openapi.printed())

    async def _page(self, request: Request) -> Response:
        name, media_type = STATIC[request.url.path]
        answer = self._answer(files("nightporter.web").joinpath("static", name).read_bytes(), media_type)
        answer.headers.update(POLICY)
        return answer
