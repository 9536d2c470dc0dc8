"""Time intervals and instants (contract 2.10, 2.11)."""

from typing import Any

import pytest

from tests.contract.hotel import FISCAL, PAYLOAD_FISCAL, SECOND_FISCAL, STAY, add_token, refused
from tests.harness import RunningDesk

PATH = "fiscalMachineCommands/getAll"
UPDATED = "2026-02-02T12:00:00Z"
"""When PAYLOAD_FISCAL was last updated."""


async def ask(desk: RunningDesk, interval: object) -> Any:
    return await desk.call(
        PATH,
        DeviceIds=[FISCAL, SECOND_FISCAL],
        States=["Processing"],
        UpdatedUtc=interval,
        Limitation={"Count": 10},
    )


async def finds(desk: RunningDesk, start: str, end: str) -> bool:
    response = await ask(desk, {"StartUtc": start, "EndUtc": end})
    assert response.status_code == 200, response.text
    ids = [one["Id"] for one in response.json()["Commands"]]
    assert ids in ([], [PAYLOAD_FISCAL])
    return bool(ids)


@pytest.mark.parametrize(
    "written",
    [
        "2026-02-02T12:00:00Z",
        "2026-02-02T12:00:00",
        "2026-02-02T12:00:00.0Z",
        "2026-02-02T12:00:00.9999999Z",
        "2026-02-02T12:00:00.123",
        "2026-02-02T13:00:00+01:00",
        "2026-02-02T06:30:00-05:30",
        "2026-02-03T02:00:00+14:00",
        "2026-02-02T12:00:00+00:00",
        "2026-02-02T12:00:00-00:00",
    ],
)
async def test_rule_1_instants_in_utc_however_written(agent: RunningDesk, written: str) -> None:
    """2.11 rule 1. D32. D33. Fractions are cut off."""
    assert await finds(agent, written, written)


async def test_rule_1_a_date_alone_is_midnight(agent: RunningDesk) -> None:
    """2.11 rule 1. 2.10."""
    assert await finds(agent, "2026-02-02", "2026-02-03")
    assert not await finds(agent, "2026-02-03", "2026-02-04")
    assert not await finds(agent, "2026-02-02", "2026-02-02"), "midnight, not the whole day"


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        ("2026-02-02T12:00:00Z", "2026-02-02T12:00:01Z", True),
        ("2026-02-02T11:59:59Z", "2026-02-02T12:00:00Z", False),
        ("2026-02-02T11:59:59Z", "2026-02-02T12:00:01Z", True),
        ("2026-02-02T12:00:01Z", "2026-02-02T12:00:02Z", False),
        ("2026-02-02T12:00:00Z", "2026-02-02T12:00:00Z", True),
        ("2026-02-02T11:59:59Z", "2026-02-02T11:59:59Z", False),
        ("2026-02-02T12:00:01Z", "2026-02-02T12:00:01Z", False),
    ],
)
async def test_rule_2_start_inclusive_end_exclusive(agent: RunningDesk, start: str, end: str, found: bool) -> None:
    """2.11 rule 2. D34. V38. Equal ends mean that very instant."""
    assert await finds(agent, start, end) == found


async def test_rule_3_not_reversed(agent: RunningDesk) -> None:
    """2.11 rule 3. D35."""
    response = await ask(agent, {"StartUtc": "2026-02-02T12:00:00Z", "EndUtc": "2026-02-02T11:59:59Z"})
    refused(response, 400, "Invalid UpdatedUtc")
    zoned = await ask(agent, {"StartUtc": "2026-02-02T12:00:00Z", "EndUtc": "2026-02-02T12:30:00+01:00"})
    refused(zoned, 400, "Invalid UpdatedUtc")


@pytest.mark.parametrize(
    ("start", "end", "allowed"),
    [
        ("2026-01-01", "2026-04-01", True),
        ("2026-01-01", "2026-04-01T00:00:01Z", False),
        ("2026-01-31", "2026-04-30", True),
        ("2026-01-31", "2026-05-01", False),
        ("2025-11-30", "2026-02-28", True),
        ("2025-11-30", "2026-03-01", False),
        ("2023-11-30", "2024-02-29", True),
        ("2025-12-31T23:59:59Z", "2026-03-31T23:59:59Z", True),
        ("9999-11-30", "9999-12-31T23:59:59Z", True),
        ("0001-01-01", "0001-04-01", True),
        ("0001-01-01", "9999-12-31", False),
    ],
)
async def test_rule_4_at_most_three_calendar_months(agent: RunningDesk, start: str, end: str, allowed: bool) -> None:
    """2.11 rule 4. D35."""
    response = await ask(agent, {"StartUtc": start, "EndUtc": end})
    if allowed:
        assert response.status_code == 200
    else:
        refused(response, 400, "Invalid UpdatedUtc")


@pytest.mark.parametrize("bound", ["StartUtc", "EndUtc"])
@pytest.mark.parametrize("operation", [PATH, "resourceAccessTokens/getAll"])
async def test_rule_5_both_bounds(agent: RunningDesk, operation: str, bound: str) -> None:
    """2.11 rule 5. V39. Missing or null."""
    other = {"StartUtc": UPDATED, "EndUtc": UPDATED}
    asked = {"DeviceIds": [FISCAL], "States": ["Pending"], "ServiceOrderIds": [STAY], "Limitation": {"Count": 1}}
    for interval in ({**other, bound: None}, {name: at for name, at in other.items() if name != bound}):
        refused(await agent.call(operation, **asked, UpdatedUtc=interval), 400, f"Invalid {bound}")


@pytest.mark.parametrize(
    "written",
    [
        "", "now", "2026", "2026-02", "2026-2-2", "20260202", "20260202T120000Z", "02/02/2026", "2026-02-02 12:00:00Z",
        "2026-02-02T12:00Z", "2026-02-02T12Z", "2026-02-02T12:00:00z", "2026-02-02t12:00:00Z", "2026-02-02T12:00:00 Z",
        "2026-02-02T12:00:00.Z", "2026-02-02T12:00:00.12345678Z", "2026-02-02T12:00:00,5Z", "2026-02-02T12:00:00+1:00",
        "2026-02-02T12:00:00+0100", "2026-02-02T12:00:00+01", "2026-02-02T12:00:00+24:00", "2026-02-02T12:00:00+01:60",
        "2026-02-02T12:00:00+01:00:00", "2026-02-02T24:00:00Z", "2026-02-02T12:60:00Z", "2026-02-02T12:00:60Z",
        "2026-02-30", "2025-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "0000-01-01", "10000-01-01",
        "-0001-01-01", "+2026-02-02", " 2026-02-02", "2026-02-02 ", "2026-02-02Z", "2026-02-02T", "2026-W06-1",
        "2026-033", "Mon, 02 Feb 2026 12:00:00 GMT", "1770033600", "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-00:01", "\N{ARABIC-INDIC DIGIT TWO}026-02-02", "2026-02-02T12:00:00Z\n", "2026-02-02\0",
        1770033600, 1770033600.5, True, [], {}, {"Value": "2026-02-02"},
    ],
)  # fmt: skip
async def test_dates_in_a_form_that_is_refused(agent: RunningDesk, written: object) -> None:
    """2.10. The bound is named."""
    refused(await ask(agent, {"StartUtc": written, "EndUtc": UPDATED}), 400, "Invalid StartUtc")
    refused(await ask(agent, {"StartUtc": UPDATED, "EndUtc": written}), 400, "Invalid EndUtc")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("2026-05-01", "2026-05-01T00:00:00Z"),
        ("2026-05-01T10:11:12.9999999", "2026-05-01T10:11:12Z"),
        ("2026-05-01T10:11:12+02:00", "2026-05-01T08:11:12Z"),
    ],
)
async def test_what_is_told_is_whole_seconds_in_utc(kiosk: RunningDesk, written: str, told: str) -> None:
    """2.10. D33."""
    assert (await add_token(kiosk, ValidityEndUtc=written))["ValidityEndUtc"] == told
