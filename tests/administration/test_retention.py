"""retention/purge over HTTP, and what clients see of what has left."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select
from websockets.exceptions import InvalidStatus

from nightporter.domain.retention import Retention
from nightporter.settings import Settings
from nightporter.storage.statements import Statement
from nightporter.storage.tables import commands, results
from tests.contract import hotel
from tests.harness import RunningDesk

DAY = 24 * 3600
PDF = base64.b64encode(b"%PDF-1.7\n% a bill\n%%EOF\n").decode()


@pytest.fixture
def settings() -> Settings:
    return Settings(request_limit=0, port=0, keep_commands="P60D", keep_audit="", keep_tokens="")


@pytest.fixture
async def quiet(front_desk: RunningDesk) -> RunningDesk:
    """The hotel's desk once all that was loaded has ended and left, but for the newest event."""
    desk, keeping = front_desk.desk, front_desk.desk.retention
    listed = await front_desk.administer("commands/getAll", Limitation={"Count": 1000})
    ids = [one["Id"] for one in listed.json()["Commands"]]
    assert (await front_desk.administer("commands/cancel", CommandIds=ids)).status_code == 200
    desk.retention = Retention(dict.fromkeys(keeping.seconds, 0))
    assert (await told(front_desk))["Commands"] == len(ids)
    desk.retention = keeping
    return front_desk


async def told(desk: RunningDesk, *, dry_run: bool = False) -> dict[str, int]:
    response = await desk.administer("retention/purge", DryRun=dry_run)
    assert response.status_code == 200, response.text
    assert response.json()["IsComplete"] is True
    return {one["Kind"]: one["Count"] for one in response.json()["Leaving"] if one["Count"]}


async def a_print(desk: RunningDesk, state: str | None = "Processed", **fields: Any) -> str:
    added = await desk.call("commands/addPrinter", PrinterId=hotel.PRINTER, CopyCount=1, Data=PDF)
    return await _ended(desk, added.json()["CommandId"], state, **fields)


async def a_key(desk: RunningDesk, state: str | None = "Processed") -> str:
    added = await desk.call("commands/addKeyCutter", KeyCutterId=hotel.CUTTER, ReservationId=hotel.STAY, KeyCount=1)
    return await _ended(desk, added.json()["CommandId"], state)


async def _ended(desk: RunningDesk, command: str, state: str | None, **fields: Any) -> str:
    if state is not None:
        assert (await desk.call("commands/update", CommandId=command, State=state, **fields)).status_code == 200
    return command


async def seen(desk: RunningDesk, *ids: str) -> dict[str, dict[str, Any]]:
    response = await desk.call("commands/getAllByIds", CommandIds=list(ids), Extent={"Execution": True})
    return {one["Id"]: one for one in response.json()["Commands"]}


async def test_a_dry_run_tells_what_would_go_and_takes_nothing(quiet: RunningDesk):
    printed, _ = await a_print(quiet, Result={"JobId": 7}), await a_key(quiet)
    await a_print(quiet, None)
    quiet.clock.move(61 * DAY)
    expected = {"Results": 1, "Guests": 1, "Documents": 1, "Commands": 2, "Events": 5}
    assert await told(quiet, dry_run=True) == expected
    assert (await seen(quiet, printed))[printed]["Execution"]["Result"] == {"JobId": 7}
    records = (await quiet.administer("auditRecords/getAll", Limitation={"Count": 10})).json()["AuditRecords"]
    assert len([one for one in records if one["Kind"] == "retention"]) == 1, "that of the fixture"
    assert await told(quiet) == expected
    assert await told(quiet) == await told(quiet, dry_run=True) == {}


async def test_moments_are_told_for_each_kind_and_null_for_what_stays_for_ever(quiet: RunningDesk):
    leaving = (await quiet.administer("retention/purge", DryRun=True)).json()["Leaving"]
    assert [(one["Kind"], one["BeforeUtc"]) for one in leaving] == [
        ("Results", "2026-02-22T12:00:00Z"),
        ("Guests", "2026-02-22T12:00:00Z"),
        ("Documents", "2026-01-30T12:00:00Z"),
        ("Commands", "2025-12-31T12:00:00Z"),
        ("ResourceAccessTokens", None),
        ("Events", "2026-01-30T12:00:00Z"),
        ("IdempotencyKeys", "2026-02-28T12:00:00Z"),
        ("AuditRecords", None),
    ]


async def test_personal_data_leaves_first_and_replies_keep_their_shape(quiet: RunningDesk):
    printed, cut = await a_print(quiet, Result={"JobId": 7}), await a_key(quiet)
    before = await seen(quiet, printed, cut)
    quiet.clock.move(8 * DAY)
    assert await told(quiet) == {"Results": 1, "Guests": 1}
    after = await seen(quiet, printed, cut)
    assert before[printed]["Execution"]["Result"] == {"JobId": 7}
    before[printed]["Execution"]["Result"] = None
    gone = {"FirstName": None, "LastName": "", "NormalizedFirstName": None, "NormalizedLastName": None,
            "Telephone": None, "Email": None}  # fmt: skip
    assert before[cut]["Data"]["LastName"]
    before[cut]["Data"] |= gone
    assert after == before
    quiet.clock.move(23 * DAY)
    assert (await told(quiet))["Documents"] == 1
    before[printed]["Data"]["FileData"] = ""
    assert await seen(quiet, printed, cut) == before
    quiet.clock.move(30 * DAY)
    assert (await told(quiet))["Commands"] == 2
    assert await seen(quiet, printed, cut) == {}


async def test_what_has_not_ended_is_carried_out_however_late(quiet: RunningDesk):
    waiting, taken = await a_print(quiet, None), await a_key(quiet, "Processing")
    quiet.clock.move(1000 * DAY)
    await told(quiet)
    active = (await quiet.call("commands/getAllActive")).json()["Commands"]
    assert [one["Data"]["FileData"] for one in active] == [PDF]
    for command in (waiting, taken):
        await _ended(quiet, command, "Processed")
    assert (await seen(quiet, taken))[taken]["Data"]["LastName"]


async def test_what_has_lost_its_document_or_its_guest_is_not_added_again(quiet: RunningDesk):
    printed, cut = await a_print(quiet), await a_key(quiet)
    quiet.clock.move(8 * DAY)
    await told(quiet)
    again = await quiet.administer("commands/addAgain", CommandId=cut)
    assert again.status_code == 403
    assert "kept no longer" in again.json()["Message"]
    assert (await quiet.administer("commands/addAgain", CommandId=printed)).status_code == 200
    quiet.clock.move(23 * DAY)
    await told(quiet)
    again = await quiet.administer("commands/addAgain", CommandId=printed)
    assert (again.status_code, "kept no longer" in again.json()["Message"]) == (403, True)


async def test_a_cursor_from_before_the_purge_is_refused_and_the_newest_one_goes_on(quiet: RunningDesk):
    began = quiet.desk.hub.published
    for _ in range(3):
        await a_print(quiet, None)
    quiet.clock.move(31 * DAY)
    assert await told(quiet) == {"Events": 3}
    for gone in (0, 1, began, began + 1):
        with pytest.raises(InvalidStatus) as refused:
            async with quiet.socket(f"?cursor={gone}"):
                pass
        assert refused.value.response.status_code == 400
        assert b"Invalid Cursor" in refused.value.response.body
    async with quiet.socket(f"?cursor={began + 2}") as socket:
        assert f'"Cursor":"{began + 3}"' in await socket.recv()
    async with quiet.socket(f"?cursor={began + 3}") as socket:
        await a_print(quiet, None)
        assert f'"Cursor":"{began + 4}"' in await socket.recv()


async def test_keys_outlive_their_commands(quiet: RunningDesk):
    """A retry after two hours, with commands that are kept for one, gets the first result."""
    quiet.desk.retention = replace(quiet.desk.retention, seconds={**quiet.desk.retention.seconds, "Commands": 3600})
    body = {"PrinterId": hotel.PRINTER, "CopyCount": 1, "Data": PDF}
    first = await quiet.call("commands/addPrinter", headers={"Idempotency-Key": "k"}, **body)
    await _ended(quiet, first.json()["CommandId"], "Processed")
    quiet.clock.move(2 * 3600)
    assert (await told(quiet))["Commands"] == 1
    again = await quiet.call("commands/addPrinter", headers={"Idempotency-Key": "k"}, **body)
    assert (again.status_code, again.json()) == (200, first.json())
    assert await how_many(quiet, commands) == 0


async def test_the_act_is_on_record_with_what_was_asked_for(quiet: RunningDesk):
    await a_print(quiet, Result={})
    quiet.clock.move(8 * DAY)
    await told(quiet)
    (record,) = (await quiet.administer("auditRecords/getAll", Limitation={"Count": 1})).json()["AuditRecords"]
    assert (record["Operation"], record["Kind"], record["Before"]) == ("retention/purge", "retention", None)
    assert record["After"]["Results"] == "2026-03-02T12:00:00+00:00"
    assert "ResourceAccessTokens" not in record["After"]


async def test_a_long_purge_answers_soon_and_goes_on_when_it_is_called_again(quiet: RunningDesk):
    for _ in range(3):
        await a_print(quiet, Result={})
    quiet.clock.move(8 * DAY)
    slow = quiet.desk.sources
    quiet.desk.sources = replace(slow, elapsed=lambda: _ticked(quiet))
    reply = (await quiet.administer("retention/purge")).json()
    assert (reply["IsComplete"], reply["Leaving"][0]) == (
        False, {"Kind": "Results", "BeforeUtc": "2026-03-02T12:00:00Z", "Count": 3},
    )  # fmt: skip
    quiet.desk.sources = slow
    assert await told(quiet) == {}
    assert await how_many(quiet, results) == 0


def _ticked(desk: RunningDesk) -> float:
    desk.clock.elapsed += 6
    return desk.clock.elapsed


async def test_only_who_runs_the_whole_desk_may_ask_for_it(quiet: RunningDesk):
    added = await quiet.administer("administrationTokens/add", Name="One", EnterpriseIds=[hotel.HOTEL])
    token = added.json()["AdministrationToken"]
    refused = await quiet.administer("retention/purge", token=token, DryRun=True)
    assert refused.status_code == 401
    assert (await quiet.administer("retention/purge", DryRun="yes")).json()["Message"] == "Invalid DryRun"


async def how_many(desk: RunningDesk, table: Any) -> int:
    return int((await desk.desk.database.many(Statement(select(func.count()).select_from(table))))[0][0])
