"""Property files over HTTP: all or nothing, whoever leaves; other callers are served meanwhile; what comes out goes in."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any, BinaryIO

import httpx
import msgspec
import pytest

from nightporter.operations.administration import load_property, property_text
from nightporter.operations.administration.export_property import export_property
from nightporter.operations.administration.properties import PropertyFile
from nightporter.settings import Settings
from nightporter.wire.property_file import RECORDS
from tests.administration.test_who_may import made
from tests.contract.hotel import AGENT_INTEGRATION, FOREIGN_HOTEL, HOTEL, NOBODY, SISTER_HOTEL
from tests.harness import ADMINISTRATION_PREFIX, LOCAL_TOKEN, RunningDesk, check_reply, everything
from tests.operations.administration.test_large_property_file import many

LOAD = ADMINISTRATION_PREFIX + "properties/load"
EXPORT = ADMINISTRATION_PREFIX + "properties/export"
PAGE = {"Limitation": {"Count": 1000}}


async def load(desk: RunningDesk, content: Any, token: str = LOCAL_TOKEN, **headers: str) -> httpx.Response:
    """Send a property file; the reply is held against the document."""
    desk.desk.recognition.trust(LOCAL_TOKEN)
    sent = {"Content-Type": "application/json", "Authorization": f"Bearer {token}", **headers}
    reply = await desk.http.post(LOAD, content=content, headers=sent)
    check_reply(LOAD, reply)
    return reply


def kept(desk: RunningDesk) -> dict[str, Any]:
    """All that the desk keeps, but for the record of what administrators did."""
    return {table: rows for table, rows in everything(desk.database).items() if table not in ("audit_records", "desk")}


async def pieces(content: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


async def sending(
    desk: RunningDesk, content: bytes, announced: int, path: str = LOAD
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A caller that has sent ``content`` as the beginning of a file, or as all of it, and may leave."""
    desk.desk.recognition.trust(LOCAL_TOKEN)
    host, port = desk.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer {LOCAL_TOKEN}\r\n"
    )
    writer.write(head.encode() + f"Content-Length: {announced}\r\n\r\n".encode() + content)
    return reader, writer


class Held:
    """Stops a load at its first piece, in the writer's thread, until it is let on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = asyncio.Event()
        self.let_on = threading.Event()
        self.file: BinaryIO | None = None
        loop, read_piece = asyncio.get_running_loop(), load_property.read_piece

        def held(file: BinaryIO, piece: Any) -> Any:
            read = read_piece(file, piece)
            self.file = file
            loop.call_soon_threadsafe(self.begun.set)
            assert self.let_on.wait(60)
            return read

        monkeypatch.setattr(load_property, "read_piece", held)
        monkeypatch.setattr(property_text, "PIECE", 4096)


async def test_a_file_is_loaded_and_told_part_by_part(front_desk: RunningDesk, demo_hotel: bytes) -> None:
    reply = await load(front_desk, demo_hotel)
    assert reply.status_code == 200
    parts = {part: len(records) for part, records in json.loads(demo_hotel).items() if part in RECORDS and records}
    assert {part: count for part, count in reply.json()["Records"].items() if count} == parts
    assert len(everything(front_desk.database)["enterprises"]) == 4 + parts["Enterprises"]


async def test_the_loading_is_one_act_of_the_audit(front_desk: RunningDesk) -> None:
    token_id, token = await made(front_desk)
    await load(front_desk, json.dumps(many(100)).encode(), token)
    record = (await front_desk.administer("auditRecords/getAll", **PAGE)).json()["AuditRecords"][0]
    assert (record["Administrator"], record["Operation"]) == ("Night manager", "properties/load")
    assert record["After"]["Customers"] == 101
    assert token_id in {row[2] for row in everything(front_desk.database)["audit_records"]}


async def test_a_file_in_chunks_of_no_announced_length_is_loaded(front_desk: RunningDesk) -> None:
    reply = await load(front_desk, pieces(json.dumps(many(3000)).encode(), 60_000))
    assert reply.status_code == 200
    assert reply.json()["Records"]["Customers"] == 3001


async def test_a_mistake_in_record_812_of_3000_is_told_and_nothing_is_loaded(front_desk: RunningDesk) -> None:
    hotel, before = many(2999), kept(front_desk)
    hotel["Customers"][812]["LastName"] = 7
    reply = await load(front_desk, json.dumps(hotel).encode())
    assert reply.status_code == 400
    told = f"Customers[812] (Id {hotel['Customers'][812]['Id']}): Expected `str | null`, got `int` - at `$.LastName`"
    assert reply.json()["Message"] == told
    assert kept(front_desk) == before


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"Customers": [', "The file is not a JSON object: "),
        (b"", "The file is not a JSON object: "),
        (b"[]", "The file is not a JSON object: "),
        (b'{"Guests": []}', "The file has unknown parts: Guests. Known are "),
        (b'{"Customers": [{"LastName": "\xff"}]}', "Customers[0]: 'utf-8' codec can't decode byte 0xff"),
        (b"[" * 100_000, "The file is not "),
    ],
)
async def test_what_is_no_property_file_is_told(front_desk: RunningDesk, content: bytes, problem: str) -> None:
    reply = await load(front_desk, content)
    assert reply.status_code == 400
    assert reply.json()["Message"].startswith(problem)


async def test_a_file_is_announced_as_json(front_desk: RunningDesk) -> None:
    reply = await load(front_desk, b"{}", **{"Content-Type": "text/plain"})
    assert (reply.status_code, reply.json()["Message"]) == (400, "Invalid JSON")


@pytest.mark.parametrize("settings", [Settings(request_limit=0, port=0, body_limit=600, file_limit=1000)])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_file_may_be_as_large_as_its_own_limit_and_no_larger(front_desk: RunningDesk, chunked: bool) -> None:
    for size, status in ((1000, 200), (1001, 413)):
        content = b"{" + b" " * (size - 2) + b"}"
        reply = await load(front_desk, pieces(content, 400) if chunked else content)
        assert reply.status_code == status
    assert reply.json()["Message"] == "The request body is larger than 1000 bytes. Send less at once."


async def test_strangers_and_administrators_of_some_enterprises_load_nothing(front_desk: RunningDesk) -> None:
    _, token = await made(front_desk, HOTEL)
    before = kept(front_desk)
    content = json.dumps(many(3000)).encode()
    assert (await load(front_desk, content, "unknown")).status_code == 401
    refused = await load(front_desk, content, token)
    assert refused.status_code == 401
    assert "whole desk" in refused.json()["Message"]
    assert kept(front_desk) == before


async def test_a_stranger_is_refused_before_its_file_has_come(front_desk: RunningDesk) -> None:
    host, port = front_desk.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {LOAD} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
    writer.write(head.encode())
    assert (await reader.readline()).split()[1] == b"401"
    writer.close()


@pytest.mark.parametrize("settings", [Settings(request_limit=0, port=0, time_budget=0.05)])
async def test_who_stops_sending_is_told_so(front_desk: RunningDesk, settings: Settings) -> None:
    reader, writer = await sending(front_desk, b'{"Customers": [', 100)
    assert (await reader.readline()).split()[1] == b"408"
    await reader.readuntil(b"\r\n\r\n")
    told = b'{"Message":"For 0.05 s nothing more came of the body, and it was not whole. Send it again."'
    assert await reader.readexactly(len(told)) == told
    writer.close()


@pytest.mark.parametrize("settings", [Settings(request_limit=0, port=0, time_budget=0.5)])
async def test_a_load_may_take_longer_than_the_time_budget(
    front_desk: RunningDesk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    loading = asyncio.create_task(load(front_desk, json.dumps(many(100)).encode()))
    await held.begun.wait()
    waiting = await front_desk.administer("integrations/disable", IntegrationId=AGENT_INTEGRATION)
    assert waiting.status_code == 408, "another write waits meanwhile, and its own time runs out"
    held.let_on.set()
    assert (await loading).status_code == 200


async def test_other_callers_are_answered_while_a_file_is_loaded(
    front_desk: RunningDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    loading = asyncio.create_task(load(front_desk, json.dumps(many(100)).encode()))
    await held.begun.wait()
    assert (await front_desk.call("commands/getAllActive")).status_code == 200
    listed = (await front_desk.administer("enterprises/getAll", **PAGE)).json()["Enterprises"]
    assert len(listed) == 4
    held.let_on.set()
    assert (await loading).status_code == 200
    assert len((await front_desk.administer("enterprises/getAll", **PAGE)).json()["Enterprises"]) == 5


async def test_who_leaves_while_it_sends_has_changed_nothing(front_desk: RunningDesk) -> None:
    content, before = json.dumps(many(100)).encode(), everything(front_desk.database)
    _, caller = await sending(front_desk, content, len(content) + 1)
    await caller.drain()
    caller.close()
    await caller.wait_closed()
    await front_desk.administer("enterprises/getAll", **PAGE)
    assert everything(front_desk.database) == before


async def test_who_leaves_while_it_is_loaded_has_changed_nothing(
    front_desk: RunningDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, before = Held(monkeypatch), kept(front_desk)
    content = json.dumps(many(100)).encode()
    _, caller = await sending(front_desk, content, len(content))
    await held.begun.wait()
    caller.close()
    assert held.file is not None
    async with asyncio.timeout(30):
        while not held.file.closed:  # noqa: ASYNC110 - nobody is told when the desk notices
            await asyncio.sleep(0)
    held.let_on.set()
    await load(front_desk, b"{}")  # the next in the queue of the writer
    assert kept(front_desk) == before


async def test_a_disk_without_room_is_told(front_desk: RunningDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.TemporaryFile", lambda: open("/dev/full", "w+b", buffering=0))  # noqa: SIM115
    reply = await load(front_desk, b"{}")
    assert reply.status_code == 503
    assert "No space left on device" in reply.json()["Message"]


async def test_an_export_is_that_of_the_command_line_and_changes_nothing(
    front_desk: RunningDesk, demo_hotel: bytes
) -> None:
    await load(front_desk, demo_hotel)
    before = kept(front_desk)
    exported = await front_desk.administer("properties/export")
    assert exported.status_code == 200
    assert exported.content == b"".join([piece async for piece in export_property(front_desk.desk.database)])
    assert (await load(front_desk, exported.content)).status_code == 200
    assert kept(front_desk) == before


async def test_an_administrator_exports_its_own_enterprises(front_desk: RunningDesk) -> None:
    _, token = await made(front_desk, HOTEL, SISTER_HOTEL)
    both = (await front_desk.administer("properties/export", token=token)).json()
    assert [one["Id"] for one in both["Enterprises"]] == [HOTEL, SISTER_HOTEL]
    one = (await front_desk.administer("properties/export", token=token, EnterpriseIds=[HOTEL])).json()
    assert [one["Id"] for one in one["Enterprises"]] == [HOTEL]
    assert {one["EnterpriseId"] for one in one["Reservations"]} == {HOTEL}


@pytest.mark.parametrize("other", [FOREIGN_HOTEL, NOBODY])
async def test_an_enterprise_of_others_or_of_nobody_is_refused(front_desk: RunningDesk, other: str) -> None:
    _, token = await made(front_desk, HOTEL)
    refused = await front_desk.administer("properties/export", token=token, EnterpriseIds=[HOTEL, other])
    assert (refused.status_code, refused.json()["Message"]) == (400, "Invalid EnterpriseIds")
    refused = await front_desk.administer("properties/export", EnterpriseIds=[HOTEL, NOBODY])
    assert (refused.status_code, refused.json()["Message"]) == (400, "Invalid EnterpriseIds")


async def long_hotel(desk: RunningDesk) -> None:
    """Load a hotel whose export is more than the buffers of a connection hold."""
    hotel = many(1000)
    for guest in hotel["Customers"]:
        guest["Notes"] = "long " * 4000
    assert (await load(desk, json.dumps(hotel).encode())).status_code == 200


def broken_off(desk: RunningDesk, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set when a snapshot of the database is given up before its end."""
    given_up = asyncio.Event()
    snapshot = desk.desk.database.snapshot

    @asynccontextmanager
    async def noticed() -> AsyncIterator[Any]:
        async with snapshot() as one:
            try:
                yield one
            except GeneratorExit:
                given_up.set()
                raise

    monkeypatch.setattr(desk.desk.database, "snapshot", noticed)
    return given_up


async def test_a_long_export_ends_with_its_reader(front_desk: RunningDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    await long_hotel(front_desk)
    given_up = broken_off(front_desk, monkeypatch)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {LOCAL_TOKEN}"}
    async with front_desk.http.stream("POST", EXPORT, content=b"{}", headers=headers) as reply:
        assert reply.status_code == 200
        await anext(reply.aiter_raw())
    async with asyncio.timeout(30):
        await given_up.wait()


@pytest.mark.parametrize("settings", [Settings(request_limit=0, port=0, time_budget=0.5)])
async def test_who_stays_and_reads_nothing_of_an_export_loses_it(
    front_desk: RunningDesk, settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    await long_hotel(front_desk)
    given_up = broken_off(front_desk, monkeypatch)
    reader, writer = await sending(front_desk, b"{}", 2, EXPORT)
    assert (await reader.readline()).split()[1] == b"200"
    async with asyncio.timeout(30):
        await given_up.wait()
        read = await reader.read()
    assert not read.endswith(b"0\r\n\r\n"), "nobody takes the piece for the whole"
    assert "reply not read" in "".join(capfd.readouterr())
    writer.close()


async def test_the_examples_of_the_document_are_what_happens(front_desk: RunningDesk) -> None:
    shown = json.loads(files("nightporter.web").joinpath("administration_examples.json").read_bytes())
    loading, exporting = shown["properties/load"], shown["properties/export"]
    assert (await load(front_desk, json.dumps(loading["request"]).encode())).json() == loading["reply"]
    assert (await front_desk.administer("properties/export", **exporting["request"])).json() == exporting["reply"]


def test_the_document_tells_every_part_of_a_file() -> None:
    assert {field.encode_name for field in msgspec.structs.fields(PropertyFile)} == set(RECORDS)
