"""The reason, told (DESIGN, "Beyond the contract"): Result, and getAllByIds with ``Extent.Execution``."""

import io
import json
from typing import Any

import httpx
import pytest

from nightporter.web.logs import RequestLog
from tests.contract.hotel import (
    BARE_FISCAL,
    PAYLOAD_FISCAL,
    PRINTED,
    PRINTER,
    SCAN,
    STRUCTURED_FISCAL,
    history,
    print_page,
    refused,
    told,
)
from tests.harness import RunningDesk, sql

NOON = "2026-03-01T12:00:00Z"
EMPTY = {"Progress": None, "Notes": None, "Result": None, "Executor": None}
LARGEST = 64 * 1024


async def report(desk: RunningDesk, command_id: str, state: str, **fields: Any) -> httpx.Response:
    return await desk.call("commands/update", CommandId=command_id, State=state, **fields)


async def raw_result(desk: RunningDesk, command_id: str, result: str, state: str = "Processing") -> httpx.Response:
    """Report with a Result in exactly this text."""
    head = json.dumps(desk.body(CommandId=command_id, State=state))[:-1]
    return await desk.send("commands/update", f'{head},"Result":{result}}}'.encode())


async def test_a_command_tells_its_whole_story(agent: RunningDesk) -> None:
    command_id = await print_page(agent)
    assert await told(agent, command_id) == {**EMPTY, "States": [{"State": "Pending", "Utc": NOON}]}
    for state, fields in (
        ("Received", {"Executor": "desk-1"}),
        ("Processing", {"Progress": 12.5}),
        ("Processing", {"Progress": 50}),
        ("Error", {"Notes": "paper jam", "Result": {"JobId": 17}}),
    ):
        agent.clock.move(1)
        assert (await report(agent, command_id, state, **fields)).status_code == 200
    execution = await told(agent, command_id)
    assert history(execution) == [
        ("Pending", NOON),
        ("Received", "2026-03-01T12:00:01Z"),
        ("Processing", "2026-03-01T12:00:02Z"),
        ("Error", "2026-03-01T12:00:04Z"),
    ]
    del execution["States"]
    assert execution == {"Progress": 50, "Notes": "paper jam", "Result": {"JobId": 17}, "Executor": "desk-1"}


@pytest.mark.parametrize("extent", [None, {}, {"Execution": None}, {"Execution": False}, {"Other": True}])
async def test_without_it_the_reply_is_what_it_was(agent: RunningDesk, extent: object) -> None:
    command_id = await print_page(agent)
    await report(agent, command_id, "Processed", Result={"JobId": 17}, Executor="desk-1", Notes="done")
    plain = await agent.call("commands/getAllByIds", CommandIds=[command_id, SCAN, PAYLOAD_FISCAL])
    other = await agent.call("commands/getAllByIds", CommandIds=[command_id, SCAN, PAYLOAD_FISCAL], Extent=extent)
    assert other.content == plain.content
    for one in plain.json()["Commands"]:
        assert list(one) == ["Id", "State", "CreatedUtc", "Creator", "Device", "Data"]


@pytest.mark.parametrize(
    ("extent", "parameter"), [({"Execution": 1}, "Execution"), ({"Execution": "true"}, "Execution"), (True, "Extent")]
)
async def test_an_extent_that_is_none_is_refused(agent: RunningDesk, extent: object, parameter: str) -> None:
    response = await agent.call("commands/getAllByIds", CommandIds=[SCAN], Extent=extent)
    refused(response, 400, f"Invalid {parameter}")


async def test_pages_and_documents_come_with_it_too(agent: RunningDesk) -> None:
    ids = [await print_page(agent, Data="QUJD" * 30_000) for _ in range(3)]
    fields = {"CommandIds": ids, "Limitation": {"Count": 2}}
    plain = (await agent.call("commands/getAllByIds", **fields)).json()
    more = (await agent.call("commands/getAllByIds", **fields, Extent={"Execution": True})).json()
    assert [one.pop("Execution") for one in more["Commands"]] == [
        {**EMPTY, "States": [{"State": "Pending", "Utc": NOON}]}
    ] * 2
    assert more == plain


async def test_what_was_there_before_histories_tells_its_first_and_its_present_state(agent: RunningDesk) -> None:
    """Loaded with a state, or of an older release."""
    created = "2026-02-01T12:00:00Z"
    assert history(await told(agent, PAYLOAD_FISCAL)) == [("Pending", created), ("Processing", "2026-02-02T12:00:00Z")]
    assert history(await told(agent, STRUCTURED_FISCAL)) == [("Pending", "2026-02-01T11:00:00Z")]
    for state in ("Processing", "Processing", "Processed"):
        await report(agent, PAYLOAD_FISCAL, state)
    assert history(await told(agent, PAYLOAD_FISCAL)) == [
        ("Pending", created),
        ("Processing", "2026-02-02T12:00:00Z"),
        ("Processed", NOON),
    ]


async def test_the_latest_result_stays(agent: RunningDesk) -> None:
    command_id = await print_page(agent)
    for state, fields, kept in (
        ("Received", {"Result": {"Step": 1}}, {"Step": 1}),
        ("Processing", {}, {"Step": 1}),
        ("Processing", {"Result": {"Step": 2}}, {"Step": 2}),
        ("Processing", {"Result": None}, {"Step": 2}),
        ("Processed", {"Result": {}}, {}),
    ):
        assert (await report(agent, command_id, state, **fields)).status_code == 200
        assert (await told(agent, command_id))["Result"] == kept


@pytest.mark.parametrize("state", ["Pending", "Received", "Processed", "Cancelled", "Error"])
async def test_a_repeated_state_stores_nothing(agent: RunningDesk, state: str) -> None:
    command_id = await print_page(agent)
    await report(agent, command_id, state)
    before = await told(agent, command_id)
    agent.clock.move(60)
    again = await report(agent, command_id, state, Result={"JobId": 1}, Executor="desk-1", Notes="n")
    assert again.status_code == 200
    assert await told(agent, command_id) == before


async def test_what_is_refused_stores_nothing(agent: RunningDesk) -> None:
    refused(await report(agent, PRINTED, "Error", Result={"JobId": 1}), 400, "Invalid CommandId")
    assert (await told(agent, PRINTED))["Result"] is None


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        ' { "b" : 1.0 , "a" : [ 1e300, -0, null, true ], "b" : 2 } ',
        '{"é":"\\u00e9\\n\\ud83d\\ude00 \\\\u0000 \\\\\\\\u0000"}',
        '{"a":' * 200 + "1" + "}" * 200,
    ],
)
async def test_a_result_is_kept_as_it_came(agent: RunningDesk, text: str) -> None:
    command_id = await print_page(agent)
    assert (await raw_result(agent, command_id, text)).status_code == 200
    response = await agent.call("commands/getAllByIds", CommandIds=[command_id], Extent={"Execution": True})
    assert f'"Result":{text.strip()},"Executor":null' in response.text


@pytest.mark.parametrize("size", [LARGEST, LARGEST + 1])
async def test_a_result_may_have_64_kibibytes(agent: RunningDesk, size: int) -> None:
    command_id = await print_page(agent)
    response = await raw_result(agent, command_id, '{"a":"' + "é" * ((size - 8) // 2) + "x" * (size % 2) + '"}')
    if size > LARGEST:
        refused(response, 400, "Invalid Result")
    else:
        assert response.status_code == 200


@pytest.mark.parametrize("state", ["Pending", "Received", "Processed"])
@pytest.mark.parametrize(
    "text",
    ["[]", '"{}"', "1", "true", "false", '{"a":"\\u0000"}', '{"\\u0000":1}', '{"a":"\\\\\\u0000"}', '{"a":1e400}'],
)
async def test_what_is_no_usable_object_is_refused_whatever_the_state(
    agent: RunningDesk, state: str, text: str
) -> None:
    command_id = await print_page(agent)
    refused(await raw_result(agent, command_id, text, state), 400, "Invalid Result")
    assert (await told(agent, command_id))["States"][-1]["State"] == "Pending"


@pytest.mark.parametrize(
    "text", ["{", "{a:1}", "{'a':1}", '{"a":1,}', '{"a":NaN}', '{"a":01}', "{} {}", '{"a":"\t"}', '{"a":"\\ud800"}']
)
async def test_json_is_strict_inside_a_result_too(agent: RunningDesk, text: str) -> None:
    command_id = await print_page(agent)
    response = await raw_result(agent, command_id, text)
    assert response.status_code == 400
    assert response.json()["Message"] in ("Invalid JSON", "Invalid Result")


async def test_whoever_may_see_the_command_is_told(agent: RunningDesk, kiosk: RunningDesk, spare: RunningDesk) -> None:
    command_id = await print_page(kiosk, PRINTER)
    await report(agent, command_id, "Processed", Result={"JobId": 17})
    assert (await told(kiosk, command_id))["Result"] == {"JobId": 17}
    response = await spare.call("commands/getAllByIds", CommandIds=[command_id], Extent={"Execution": True})
    assert response.json() == {"Commands": []}


async def test_a_result_stands_in_no_log(capfd: pytest.CaptureFixture[str], agent: RunningDesk) -> None:
    lines = io.BytesIO()
    agent.desk.request_log = RequestLog(lines)
    command_id = await print_page(agent)
    await report(agent, command_id, "Processed", Result={"Passport": "X1234567"})
    refused(await report(agent, command_id, "Error", Result={"Passport": "X1234567"}), 400, "Invalid CommandId")
    await told(agent, command_id)
    logged = lines.getvalue().decode() + "".join(capfd.readouterr())
    assert "commands/update" in logged
    assert "X1234567" not in logged


async def test_a_result_lies_beside_its_command_so_that_it_can_go_alone(agent: RunningDesk) -> None:
    await report(agent, SCAN, "Processed", Result={"Passport": "X1234567"})
    sql(agent.database, "DELETE FROM results")
    assert history(await told(agent, SCAN))[-1] == ("Processed", NOON)
    assert (await told(agent, SCAN))["Result"] is None
    assert (await told(agent, BARE_FISCAL))["Result"] is None
