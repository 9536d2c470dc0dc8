"""The one path of every call, where the contract's own tests do not reach: defects, time, sizes, callers that leave."""

import asyncio
import base64
import json
import sqlite3

import httpx
import pytest

from nightporter.settings import Settings
from nightporter.storage.dialects import sqlite
from nightporter.storage.writer import Probe
from nightporter.web import dispatch
from tests.harness import PREFIX, RunningDesk

PRINTER = "d117866d-78de-4459-9077-42d7ea0120e3"


@pytest.mark.parametrize("settings", [Settings(request_limit=0, port=0), Settings(request_limit=0, port=0, debug=True)])
async def test_a_defect_is_told_as_one_and_its_details_only_when_asked_for(desk: RunningDesk, settings: Settings):
    desk.desk.database._near.close()
    desk.desk.recognition.forget()
    reply = await desk.call("devices/getAll")
    assert reply.status_code == 500
    assert reply.json()["Message"] == "Something went wrong inside the desk. It is logged under the request id."
    if settings.debug:
        assert "ProgrammingError" in reply.json()["Details"]
    else:
        assert reply.json()["Details"] is None


@pytest.mark.parametrize("settings", [Settings(request_limit=0, port=0, time_budget=0.05)])
async def test_what_takes_too_long_is_408_and_may_have_been_done_but_never_half(desk: RunningDesk, settings: Settings):
    held = asyncio.Event()
    loop = asyncio.get_running_loop()
    database = desk.desk.database
    end = database._end

    def slowly() -> None:
        asyncio.run_coroutine_threadsafe(held.wait(), loop).result()
        end()

    database._end = slowly
    reply = await desk.call("commands/addPrinter", PrinterId=PRINTER, CopyCount=1, Data="QUJD")
    assert reply.status_code == 408
    assert reply.json()["Message"] == "The request took longer than 0.05 s. Ask for less at once."
    held.set()
    database._end = end
    await desk.desk.writer.write(Probe())  # carried out after it, so that it has come to its end
    active = (await desk.call("commands/getAllActive")).json()["Commands"]
    assert sum(one["Device"]["Id"] == PRINTER and one["Data"]["FileData"] == "QUJD" for one in active) == 1


@pytest.mark.parametrize("settings", [Settings(request_limit=0, port=0, body_limit=1000)])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_may_be_as_large_as_the_limit_and_no_larger(desk: RunningDesk, settings: Settings, chunked: bool):
    plain = json.dumps(desk.body()).encode()
    for size, status in ((1000, 200), (1001, 413)):
        body = plain[:-1] + b" " * (size - len(plain)) + b"}"

        async def pieces(whole=body):
            yield whole[:400]
            yield whole[400:]

        headers = {"Content-Type": "application/json"}
        reply = await desk.http.post(PREFIX + "devices/getAll", content=pieces() if chunked else body, headers=headers)
        assert reply.status_code == status, reply.text


async def test_a_body_that_is_announced_too_large_is_refused_unread(desk: RunningDesk):
    host, port = desk.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST {PREFIX}devices/getAll HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n".encode())
    assert (await reader.readline()).split()[1] == b"413"
    writer.close()


async def test_a_caller_that_leaves_in_the_middle_of_its_request_leaves_nothing(desk: RunningDesk):
    host, port = desk.address.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST {PREFIX}devices/getAll HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    assert (await desk.call("devices/getAll")).status_code == 200
    assert 500 not in desk.desk.metrics.snapshot().requests["devices/getAll"]


async def test_a_caller_that_leaves_in_the_middle_of_a_stream_ends_it(
    desk: RunningDesk, monkeypatch: pytest.MonkeyPatch
):
    document = base64.b64encode(bytes(3_000_000)).decode()
    for _ in range(8):
        await desk.call("commands/addPrinter", PrinterId=PRINTER, CopyCount=1, Data=document)
    ended = asyncio.Event()
    reply_ = dispatch._reply

    async def watched(*arguments):
        try:
            await reply_(*arguments)
        finally:
            ended.set()

    monkeypatch.setattr(dispatch, "_reply", watched)
    async with desk.http.stream("POST", PREFIX + "commands/getAllActive", json=desk.body()) as reply:
        assert reply.status_code == 200
        async for _ in reply.aiter_raw():
            break
        assert not ended.is_set()
    await asyncio.wait_for(ended.wait(), 10)
    assert (await desk.call("devices/getAll")).status_code == 200


@pytest.mark.parametrize(
    ("value", "minimal"),
    [
        ("return=minimal", True), ("RETURN=Minimal", True), ('return="minimal"', True), ("return = minimal", True),
        ("respond-async, return=minimal; foo=bar", True), ("return=minimal,wait=10", True), ("return=representation", False),
        ("minimal", False), ("", False), ("return", False), ("x-return=minimal", False),
    ],
)  # fmt: skip
async def test_preferences(desk: RunningDesk, value: str, minimal: bool):
    fields = {"CommandId": "aa20961f-6d9e-4b35-ad25-071213530aec", "State": "Pending"}
    reply = await desk.call("commands/update", headers={"Prefer": value}, **fields)
    assert reply.status_code == (204 if minimal else 200)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("application/json", 200), ("Application/JSON", 200), ("application/json;charset=utf-8", 200),
        ("application/json ; charset=latin-1", 200), ("text/json", 400), ("application/jsonx", 400), ("", 400),
        ("application/x-www-form-urlencoded", 400), ("text/plain;application/json", 400),
    ],
)  # fmt: skip
async def test_content_types(desk: RunningDesk, value: str, status: int):
    body = json.dumps(desk.body()).encode()
    reply = await desk.send("devices/getAll", body, {"Content-Type": value})
    assert reply.status_code == status
    if status == 400:
        assert reply.json()["Message"] == "Invalid JSON"


@pytest.mark.parametrize("settings", [Settings(request_limit=0, port=0, tolerant_paths=True)])
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("devices/getAll", 200), ("DEVICES/GETALL", 200), ("fiscalMachineCommands/getAll", 400),
        ("fiscalmachinecommands/getall", 404), ("FiscalMachineCommands/GetAll", 404), ("devices/getAll/", 404),
    ],
)  # fmt: skip
async def test_paths_without_regard_to_letter_case_where_that_is_set(
    desk: RunningDesk, settings: Settings, path: str, status: int
):
    reply = await desk.http.post(PREFIX + path, json=desk.body())
    assert reply.status_code == status


async def test_a_key_that_comes_twice_is_refused(desk: RunningDesk):
    headers = [("Content-Type", "application/json"), ("Idempotency-Key", "a"), ("Idempotency-Key", "a")]
    body = json.dumps(desk.body(PrinterId=PRINTER, CopyCount=1, Data="QUJD")).encode()
    reply = await desk.http.post(PREFIX + "commands/addPrinter", content=body, headers=headers)
    assert (reply.status_code, reply.json()["Message"]) == (400, "Invalid Idempotency-Key")


async def test_a_reply_that_fails_half_way_is_cut_off_and_counted(desk: RunningDesk, monkeypatch: pytest.MonkeyPatch):
    document = base64.b64encode(b"page" * 100_000).decode()
    assert (await desk.call("commands/addPrinter", PrinterId=PRINTER, CopyCount=1, Data=document)).status_code == 200
    read = sqlite._piece

    def failing(connection: sqlite3.Connection, row: int, offset: int) -> bytes:
        if offset > 2 * sqlite.PIECE:
            raise sqlite3.OperationalError("disk I/O error")
        return read(connection, row, offset)

    monkeypatch.setattr(sqlite, "_piece", failing)
    with pytest.raises(httpx.RemoteProtocolError):
        await desk.call("commands/getAllActive")
    counted = (await desk.http.get("/metrics")).text
    assert 'nightporter_requests_total{operation="commands/getAllActive",status="500"} 1.0' in counted
    monkeypatch.undo()
    assert (await desk.call("commands/getAllActive")).status_code == 200
