"""What anybody may ask the desk (beyond the contract: "One call to know"): is it there, can it write, what does it serve."""

import asyncio
import re
import uuid

import pytest

from nightporter import __version__
from nightporter.web import pages, readiness
from tests.harness import RunningDesk, check_reply

SERVED = sorted(pages.PATHS)


@pytest.mark.parametrize("path", SERVED)
async def test_every_page_names_its_reply_and_is_not_kept(desk: RunningDesk, path: str):
    first, second = await desk.http.get(path), await desk.http.get(path)
    assert (first.status_code, second.status_code) == (200, 200)
    assert uuid.UUID(first.headers["request-id"]) != uuid.UUID(second.headers["request-id"])
    assert first.headers["cache-control"] == "no-store"
    head = await desk.http.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == first.headers["content-type"]
    assert head.headers["request-id"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("POST", path) for path in SERVED), *(("DELETE", path) for path in SERVED), *(("OPTIONS", path) for path in SERVED),
        ("GET", "/nothing"), ("GET", "/health/"), ("GET", "/Health"), ("GET", "/static/"),
        ("GET", "/static/../pages.py"), ("GET", "/static/%2e%2e/pages.py"), ("GET", "/%68ealth"), ("GET", "/api"),
        ("GET", "/api/"), ("POST", "/api/connector/v1/"), ("GET", "/api/connector/v1/devices/getAll"),
        ("HEAD", "/nothing"), ("PUT", "/api/connector/v1/devices/getAll"), ("HEAD", "/api/connector/v1/devices/getAll"),
        ("GET", "/favicon.ico"), ("GET", "/ws/connector"), ("POST", "/ws/connector"),
    ],
)  # fmt: skip
async def test_whatever_is_not_there_is_told_with_the_error_body(desk: RunningDesk, method: str, path: str):
    reply = await desk.http.request(method, path)
    assert reply.status_code == 404
    assert reply.headers["request-id"]
    assert reply.headers["content-type"] == "application/json"
    if method == "HEAD":
        assert reply.content == b""
    else:
        check_reply(path, reply)
        assert reply.json()["Message"].startswith("There is no such operation")


async def test_health_tells_the_version(desk: RunningDesk):
    assert (await desk.http.get("/health")).json() == {"Status": "live", "Version": __version__}


async def test_ready_while_the_database_can_write(desk: RunningDesk):
    reply = await desk.http.get("/ready")
    assert (reply.status_code, reply.json()) == (200, {"Status": "ready"})


async def not_ready(desk: RunningDesk) -> str:
    desk.clock.move(readiness.READY_FOR)
    reply = await desk.http.get("/ready")
    assert reply.status_code == 503
    assert reply.headers["request-id"]
    assert set(reply.json()) == {"Status", "Reason"}
    assert reply.json()["Status"] == "not ready"
    assert (await desk.http.get("/health")).status_code == 200
    reason: str = reply.json()["Reason"]
    return reason


async def test_not_ready_while_it_cannot_and_why(desk: RunningDesk):
    await desk.http.get("/ready")
    writing = desk.desk.database._writing
    writing.execute("PRAGMA query_only = ON")
    assert (await desk.http.get("/ready")).status_code == 200, "an answer stands for a second"
    assert "readonly" in await not_ready(desk)
    refused = await desk.call(
        "commands/addPrinter", PrinterId="d117866d-78de-4459-9077-42d7ea0120e3", CopyCount=1, Data="QUJD"
    )
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert (await desk.call("commands/getAllActive")).status_code == 200
    writing.execute("PRAGMA query_only = OFF")
    assert (await desk.http.get("/ready")).status_code == 503
    desk.clock.move(readiness.READY_FOR)
    assert (await desk.http.get("/ready")).status_code == 200


async def test_not_ready_when_the_database_fails_in_a_way_nobody_foresaw(desk: RunningDesk):
    writing = desk.desk.database._writing
    writing.execute("ALTER TABLE desk RENAME TO lost")
    assert "log" in await not_ready(desk)
    writing.execute("ALTER TABLE lost RENAME TO desk")
    desk.clock.move(readiness.READY_FOR)
    assert (await desk.http.get("/ready")).status_code == 200


async def test_not_ready_when_the_database_takes_too_long(desk: RunningDesk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(readiness, "PROBE_PATIENCE", 0.01)
    taken = asyncio.Event()

    async def holding(_transaction) -> None:
        taken.set()

    end = desk.desk.database._end
    holds = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly() -> None:
        asyncio.run_coroutine_threadsafe(holds.wait(), loop).result()
        end()

    monkeypatch.setattr(desk.desk.database, "_end", slowly)
    first = asyncio.ensure_future(desk.desk.database.transact(holding))
    await taken.wait()
    assert "took longer than" in await not_ready(desk)
    holds.set()
    await first


async def test_probes_cost_one_write_a_second_at_most(desk: RunningDesk):
    written = 0
    write = desk.desk.writer.write

    class Counting:
        async def write(self, intent):
            nonlocal written
            written += 1
            return await write(intent)

    desk.desk.writer = Counting()
    await asyncio.gather(*(desk.http.get("/ready") for _ in range(20)))
    assert written == 1
    desk.clock.move(readiness.READY_FOR - 0.001)
    await desk.http.get("/ready")
    assert written == 1
    desk.clock.move(0.001)
    await desk.http.get("/ready")
    assert written == 2


def sample(text: str, line: str) -> float:
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
    assert found, f"{line} in {text}"
    return float(found.group(1))


async def test_metrics_count_requests_sockets_and_events(desk: RunningDesk):
    for _ in range(3):
        await desk.call("devices/getAll")
    await desk.as_("nobody").call("devices/getAll")
    await desk.http.get("/nothing")
    before = (await desk.http.get("/metrics")).text
    async with desk.socket() as socket:
        await desk.call(
            "commands/addPrinter", PrinterId="d117866d-78de-4459-9077-42d7ea0120e3", CopyCount=1, Data="QUJD"
        )
        await socket.recv()
        reply = await desk.http.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=")
    text = reply.text
    assert sample(text, 'nightporter_requests_total{operation="devices/getAll",status="200"}') == 3
    assert sample(text, 'nightporter_requests_total{operation="devices/getAll",status="401"}') == 1
    assert sample(text, 'nightporter_requests_total{operation="",status="404"}') == 1
    assert sample(text, 'nightporter_request_seconds_count{operation="devices/getAll"}') == 4
    assert sample(text, 'nightporter_request_seconds_bucket{le="0.001",operation="devices/getAll"}') == 4
    assert sample(text, 'nightporter_request_seconds_bucket{le="+Inf",operation="devices/getAll"}') == 4
    assert sample(text, "nightporter_sockets") == 1
    assert sample(before, "nightporter_sockets") == 0
    assert sample(text, "nightporter_events_total") == sample(before, "nightporter_events_total") + 1
    for secret in (desk.client_token, desk.access_token):
        assert secret not in text
