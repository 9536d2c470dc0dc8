"""docs/property-file.md keeps its word: its hotel works, and its refusals are what a load says."""

import json
import re
from typing import Any

import pytest

from tests.harness import RunningDesk
from tests.house.repository import ROOT
from tests.operations.administration.test_load_property import Hotel, load, refusal

PAGE = (ROOT / "docs" / "property-file.md").read_text("utf-8")
REFUSALS = re.findall(r"^    (\w+(?:\[\d+\] \(Id .*?\))?: .*)$", PAGE, re.MULTILINE)


@pytest.fixture
def demo_hotel() -> bytes:
    """These tests begin with an empty desk."""
    return b"{}"


@pytest.fixture
def hotel() -> Hotel:
    """The hotel of the page."""
    shown, *_ = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    told: Hotel = json.loads(shown)
    return told


async def test_a_key_is_cut_in_the_hotel_of_the_page(desk: RunningDesk, hotel: Hotel) -> None:
    await load(desk, hotel)
    agent = desk.as_("a-secret-of-the-integration", "a-secret-of-the-client")
    key = {"KeyCutterId": hotel["Devices"][0]["Id"], "KeyCount": 1, "ReservationId": hotel["Reservations"][0]["Id"]}
    assert (await agent.call("commands/addKeyCutter", **key)).status_code == 200
    (command,) = (await agent.call("commands/getAllActive")).json()["Commands"]
    assert command["Data"]["LockIds"] == ["101", "Front door"]
    assert command["Data"]["LastName"] == "Lovelace"


def without(record: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != field}


async def test_every_refusal_of_the_page_is_what_a_load_says(desk: RunningDesk, hotel: Hotel) -> None:
    stay, guest, device = (hotel[part][0] for part in ("Reservations", "Customers", "Devices"))
    stays = [{**stay, "Id": f"4f1f5e2c-0000-4000-9000-{n:012d}"} for n in range(811)]
    wrong: list[dict[str, Any]] = [
        {"Reservations": [*stays, without(stay, "ScheduledStartUtc")]},
        {"Reservations": [{**stay, "AccountId": stay["Id"]}]},
        {"Customers": [without(guest, "LastName")]},
        {"Devices": [{**device, "Type": "Scanner"}]},
        {"Customers": {}},
    ]
    assert [await refusal(desk, {**hotel, **parts}) for parts in wrong] == REFUSALS
