"""Whatever arrives at an administration operation gets a documented error, changes nothing, and is never a 500."""

import asyncio
import io

import pytest

from nightporter.operations import ADMINISTRATION
from nightporter.web.logs import RequestLog
from tests.contract.hotel import AGENT_INTEGRATION, HOTEL, KIOSK_INTEGRATION, NOBODY, PRINTER, command, print_page
from tests.harness import ADMINISTRATION_PREFIX, LOCAL_TOKEN, RunningDesk, check_reply, everything

PATHS = [operation.path for operation in ADMINISTRATION if operation.path != "properties/load"]
STRANGE = [
    None,
    True,
    0,
    -1,
    1e300,
    "",
    "x",
    "\0",
    "\ud800",
    [],
    [[]],
    {},
    [None],
    [{}],
    {"Value": {}},
    NOBODY,
    "9" * 300,
]
MAKES_OF_A_NAME = ("clients/add", "administrationTokens/add")
"""A strange name is a name."""
PAGE = {"Limitation": {"Count": 1000}}


def example(path: str, desk_document: dict) -> dict:
    """The names that an operation reads, each with a value of the right kind or none."""
    post = desk_document["paths"][ADMINISTRATION_PREFIX + path]["post"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    return desk_document["components"]["schemas"][schema["$ref"].split("/")[-1]]["properties"]


@pytest.mark.parametrize("path", PATHS)
async def test_strange_values_are_refused_or_harmless(front_desk: RunningDesk, path: str):
    document = (await front_desk.http.get("/openapi.json")).json()
    names = [name for name in example(path, document) if name != "Limitation"]
    before = everything(front_desk.database)
    for name in names:
        for value in STRANGE:
            # Everything else is left out, so that a request which lacks something else too is the rule here.
            for fields in ({name: value}, {name: value, **PAGE}):
                reply = await front_desk.administer(path, **fields)
                assert reply.status_code < 500, (fields, reply.text)
    if path not in MAKES_OF_A_NAME:
        assert everything(front_desk.database) == before


NO_OBJECT = [
    (b"", "application/json"),
    (b"{", "application/json"),
    (b"[]", "application/json"),
    (b"null", "application/json"),
    (b'{"a": NaN}', "application/json"),
    (b"\xff\xfe", "application/json"),
    (b'{"a":' * 5000, "application/json"),
    (b"{}", "text/plain"),
]


async def test_what_is_no_json_object_is_refused(front_desk: RunningDesk):
    front_desk.desk.recognition.trust(LOCAL_TOKEN)
    for path in PATHS:
        for body, content_type in NO_OBJECT:
            headers = {"Content-Type": content_type, "Authorization": f"Bearer {LOCAL_TOKEN}"}
            reply = await front_desk.http.post(ADMINISTRATION_PREFIX + path, content=body, headers=headers)
            check_reply(ADMINISTRATION_PREFIX + path, reply)
            assert (reply.status_code, reply.json()["Message"]) == (400, "Invalid JSON"), (path, body[:20])


@pytest.mark.parametrize("path", ["enterprises/getall", "Enterprises/getAll", "enterprises/getAll/", "enterprises", ""])
async def test_paths_are_exact(front_desk: RunningDesk, path: str):
    assert (await front_desk.administer(path, **PAGE)).status_code == 404


@pytest.mark.parametrize("kind", ["sqlite"])  # the middle of a request is held there by its writer's thread
async def test_a_token_revoked_in_the_middle_of_a_request_lets_the_request_end_and_is_refused_then(
    front_desk: RunningDesk,
):
    made = (await front_desk.administer("accessTokens/add", IntegrationId=KIOSK_INTEGRATION)).json()
    caller = front_desk.as_(made["AccessToken"], front_desk.client_token)
    database, loop, begun, held = front_desk.desk.database, asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    end = database._end

    def slowly() -> None:
        database._end = end
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(held.wait(), loop).result()
        end()

    database._end = slowly
    under_way = asyncio.create_task(print_page(caller))
    await begun.wait()
    revoking = asyncio.create_task(front_desk.administer("accessTokens/revoke", AccessTokenIds=[made["AccessTokenId"]]))
    held.set()
    printed, revoked = await asyncio.gather(under_way, revoking)
    assert revoked.status_code == 200
    assert (await command(front_desk, printed))["State"] == "Pending"
    assert (await caller.call("devices/getAll")).status_code == 401


async def test_stamps_of_the_record_never_go_backwards_when_the_clock_jumps(front_desk: RunningDesk):
    await front_desk.administer("integrations/disable", IntegrationId=AGENT_INTEGRATION)
    front_desk.clock.move(-3600)
    await front_desk.administer("integrations/enable", IntegrationId=AGENT_INTEGRATION)
    front_desk.clock.move(7200)
    await front_desk.administer("devices/delete", DeviceIds=[PRINTER], EnterpriseId=HOTEL)
    records = (await front_desk.administer("auditRecords/getAll", **PAGE)).json()["AuditRecords"]
    assert [one["TimeUtc"] for one in records] == [
        "2026-03-01T13:00:00Z",
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00:00Z",
    ]


async def test_no_token_is_logged(capfd: pytest.CaptureFixture[str], front_desk: RunningDesk):
    lines = io.BytesIO()
    front_desk.desk.request_log = RequestLog(lines)
    made = (await front_desk.administer("administrationTokens/add", Name="Night manager")).json()
    await front_desk.administer("enterprises/getAll", token=made["AdministrationToken"], **PAGE)
    await front_desk.administer("enterprises/getAll", token="unknown token", **PAGE)
    await asyncio.sleep(0)  # lines are written once per turn of the loop
    told = lines.getvalue().decode() + "".join(capfd.readouterr())
    assert told.count('"operation":"enterprises/getAll"') == 2
    for secret in (made["AdministrationToken"], LOCAL_TOKEN, "unknown token"):
        assert secret not in told
