"""Writing a property file: loading it changes nothing, and it holds what a desk elsewhere needs."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from nightporter.domain.errors import Invalid
from nightporter.operations.administration.export_property import export_property
from nightporter.wire.property_file import RECORDS
from tests.contract import hotel as contract_hotel
from tests.harness import ACCESS_TOKEN, Clock, RunningDesk, copied, running_desk
from tests.operations.administration.test_load_property import (
    COMMAND,
    COMPANION,
    DEVICE,
    ENTERPRISE,
    GUEST,
    INTEGRATION,
    OTHER_ENTERPRISE,
    PIN,
    SECOND,
    STAY,
    TOKEN,
    everything,
    load,
    refusal,
    small_hotel,
)

Exported = dict[str, list[dict[str, Any]]]


async def exported(desk: RunningDesk, *enterprise_ids: str) -> bytes:
    return b"".join([piece async for piece in export_property(desk.desk.database, enterprise_ids or None)])


async def parts(desk: RunningDesk, *enterprise_ids: str) -> Exported:
    found: Exported = json.loads(await exported(desk, *enterprise_ids))
    return found


@pytest.fixture
def fresh(empty_database: Path, tmp_path: Path, clock: Clock) -> Any:
    """Another desk with nothing in it, at the same time."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[RunningDesk]:
        folder = tmp_path / "fresh"
        folder.mkdir()
        async with running_desk(copied(empty_database, folder), None, clock=clock) as running:
            yield running

    return opened


HOTELS = ["demo", "contract", "small"]


@pytest.fixture
def demo_hotel(request: pytest.FixtureRequest, demo_hotel: bytes) -> bytes:
    """The demo, unless a test names another hotel."""
    name = getattr(request, "param", "demo")
    if name == "contract":
        return contract_hotel.printed(contract_hotel.property_file())
    return json.dumps(small_hotel(), indent=3).encode() if name == "small" else demo_hotel


@pytest.mark.parametrize("demo_hotel", HOTELS, indirect=True)
async def test_loading_an_export_changes_nothing(desk: RunningDesk) -> None:
    text, before = await exported(desk), everything(desk)
    desk.clock.move(60)
    await load(desk, text)
    assert everything(desk) == before
    assert await exported(desk) == text


@pytest.mark.parametrize("demo_hotel", HOTELS, indirect=True)
async def test_a_desk_made_from_an_export_exports_the_same(desk: RunningDesk, fresh: Any) -> None:
    text = await exported(desk)
    async with fresh() as elsewhere:
        await load(elsewhere, text)
        assert await exported(elsewhere) == text


async def test_tokens_of_an_export_open_the_desk_that_it_is_loaded_into(desk: RunningDesk, fresh: Any) -> None:
    text = await exported(desk)
    assert ACCESS_TOKEN.encode() not in text
    there = (await desk.call("devices/getAll")).json()
    async with fresh() as elsewhere:
        await load(elsewhere, text)
        assert (await elsewhere.call("devices/getAll")).json() == there


async def test_every_part_is_told_with_one_record_a_line(desk: RunningDesk) -> None:
    text = (await exported(desk)).decode()
    found = json.loads(text)
    assert list(found) == list(RECORDS)
    lines = text.splitlines()
    assert lines[0] == "{"
    assert len(lines) == 2 + 2 * len(found) + sum(map(len, found.values()))
    assert all(json.loads(line.rstrip(","))["Id"] for line in lines if line.startswith('{"'))


async def test_every_column_that_a_file_can_set_comes_back(desk: RunningDesk, fresh: Any) -> None:
    """Each column of the demo and of a device with every field is there with the same value on another desk."""
    device = {
        "Id": SECOND, "EnterpriseId": ENTERPRISE, "Type": "PassportScanner", "Name": "Full", "Identifier": "I",
        "IsActive": False, "ExpiresAfter": "PT1H30M", "StalledAfter": "P1DT1S", "StalledPolicy": "Error",
        "Configuration": {"MachineIdentifier": "1", "ApiUrl": "2", "CustomData": "3", "PrinterName": "4",
                          "PrinterDriverName": "5", "PrinterPortName": "6", "TaxIdentifier": "7", "SerialNumber": "8"},
    }  # fmt: skip
    await load(desk, {"Devices": [device]})
    async with fresh() as elsewhere:
        await load(elsewhere, await exported(desk))
        here, there = everything(desk), everything(elsewhere)
    ended = {row[2] for row in here["commands"] if row[5] in ("Processed", "Cancelled", "Error")}
    assert ended
    for table in set(here) - {"commands", "documents", "resource_access_tokens", "events", "sqlite_sequence"}:
        assert there[table] == here[table], table
    assert sorted(row[1:] for row in there["resource_access_tokens"]) == sorted(
        row[1:] for row in here["resource_access_tokens"]
    )
    assert {row[2]: row[3:] for row in there["commands"]} == {
        row[2]: row[3:] for row in here["commands"] if row[2] not in ended
    }
    assert {row[1:] for row in there["documents"]} == {row[1:] for row in here["documents"] if row[1] not in ended}


@pytest.mark.parametrize("demo_hotel", ["small"], indirect=True)
class TestOfASmallHotel:
    @pytest.fixture
    async def desk(self, desk: RunningDesk) -> RunningDesk:
        return desk.as_("agent-of-the-inn", "client-of-the-inn")

    async def test_an_ended_command_is_history(self, desk: RunningDesk) -> None:
        assert [one["Id"] for one in (await parts(desk))["Commands"]] == [COMMAND]
        await desk.call("commands/update", CommandId=COMMAND, State="Processing")
        assert (await parts(desk))["Commands"][0]["State"] == "Processing"
        await desk.call("commands/update", CommandId=COMMAND, State="Processed")
        assert (await parts(desk))["Commands"] == []

    async def test_a_deleted_pin_is_told_as_deleted(self, desk: RunningDesk) -> None:
        await desk.call("resourceAccessTokens/delete", Ids=[PIN])
        assert not (await parts(desk))["ResourceAccessTokens"][0]["IsActive"]

    async def test_a_revoked_access_token_is_not_told(self, desk: RunningDesk) -> None:
        change(desk, "UPDATE access_tokens SET revoked = 1")
        assert (await parts(desk))["Integrations"][0]["AccessTokens"] == []
        before = everything(desk)
        await load(desk, await exported(desk))
        assert everything(desk) == before

    async def test_a_disabled_integration_stays_disabled(self, desk: RunningDesk) -> None:
        change(desk, "UPDATE integrations SET is_enabled = 0")
        assert (await parts(desk))["Integrations"][0]["IsEnabled"] is False

    @pytest.mark.parametrize(
        ("gone", "left_out"),
        [
            ("customers", {"Reservations": STAY}),
            ("reservations", {"Companionships": COMPANION, "ResourceAccessTokens": PIN}),
            ("companionships", {"ResourceAccessTokens": PIN}),
            ("resources", {"ResourceAccessTokens": PIN}),
            ("devices", {"Commands": COMMAND}),
        ],
    )
    async def test_a_record_whose_reference_is_gone_is_left_out(
        self, desk: RunningDesk, gone: str, left_out: dict[str, str]
    ) -> None:
        change(desk, f"DELETE FROM {gone}")
        found = await parts(desk)
        assert {part: found[part] for part in left_out} == {part: [] for part in left_out}
        if gone == "devices":
            assert found["Integrations"][0]["ConnectedDeviceIds"] == []

    async def test_what_is_over_is_told_without_its_account(self, desk: RunningDesk) -> None:
        change(desk, "DELETE FROM customers")
        change(desk, "UPDATE reservations SET state = 'Processed'")
        assert len((await parts(desk))["Reservations"]) == 1

    async def test_of_some_enterprises_only_theirs_is_told(self, desk: RunningDesk) -> None:
        annex = {"EnterpriseId": OTHER_ENTERPRISE}
        await load(
            desk,
            {
                "Enterprises": [{"Id": OTHER_ENTERPRISE, "Name": "Annex", "AcceptedCurrencies": ["EUR"]}],
                "Portfolios": [{"Id": SECOND, "Name": "Both", "EnterpriseIds": [ENTERPRISE, OTHER_ENTERPRISE]}],
                "Clients": [{"Id": SECOND, "Name": "Chain", "ClientToken": "chain"}],
                "Integrations": [
                    {
                        "Id": SECOND,
                        "ClientId": SECOND,
                        "Name": "Chain",
                        "PortfolioId": SECOND,
                        "AccessTokens": [{"Id": SECOND, "AccessToken": "token-of-the-chain"}],
                        "ConnectedDeviceIds": [DEVICE, SECOND],
                    }
                ],
                "Devices": [{"Id": SECOND, **annex, "Type": "PassportScanner", "Name": "There"}],
                "Customers": [{"Id": SECOND, **annex, "LastName": "There"}],
            },
        )
        found = await parts(desk, OTHER_ENTERPRISE)
        assert {part: [one["Id"] for one in records] for part, records in found.items() if records} == {
            "Enterprises": [OTHER_ENTERPRISE],
            "Portfolios": [SECOND],
            "Clients": [SECOND],
            "Integrations": [SECOND],
            "Devices": [SECOND],
            "Customers": [SECOND],
        }
        assert found["Portfolios"][0]["EnterpriseIds"] == [OTHER_ENTERPRISE]
        assert found["Integrations"][0]["ConnectedDeviceIds"] == [SECOND]
        assert [one["Id"] for one in (await parts(desk, ENTERPRISE))["Integrations"]] == [INTEGRATION, SECOND]
        before = everything(desk)
        await load(desk, await exported(desk, OTHER_ENTERPRISE))
        assert everything(desk) == before

    async def test_an_enterprise_that_is_not_there_is_refused(self, desk: RunningDesk) -> None:
        with pytest.raises(Invalid, match="EnterpriseIds"):
            await exported(desk, SECOND)

    async def test_an_export_is_of_one_moment(self, desk: RunningDesk, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is set while it is written does not get in, nor what refers to it."""
        monkeypatch.setattr("nightporter.operations.administration.export_property.PIECE", 1)
        pieces = export_property(desk.desk.database)
        await load(desk, {"Customers": [{"Id": SECOND, "EnterpriseId": ENTERPRISE, "LastName": "Before"}]})
        text = await anext(pieces)
        assert text.count(b"\n") < 5
        late = "77777777-0000-4000-8000-000000000000"
        await load(desk, {"Customers": [{"Id": late, "EnterpriseId": ENTERPRISE, "LastName": "After"}]})
        text += b"".join([piece async for piece in pieces])
        assert [one["Id"] for one in json.loads(text)["Customers"]] == [GUEST, SECOND]

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            ({}, "Object missing required field `AccessToken` - at `$.AccessTokens[0]`"),
            (
                {"AccessToken": "a", "AccessTokenHash": "a" * 64},
                "Expected either AccessToken or AccessTokenHash - at `$.AccessTokens[0]`",
            ),
            (
                {"AccessTokenHash": "A" * 64},
                "Expected `str` matching regex '^[0-9a-f]{64}$' - at `$.AccessTokens[0].AccessTokenHash`",
            ),
        ],
    )
    async def test_a_token_is_told_once(self, desk: RunningDesk, fields: dict[str, str], problem: str) -> None:
        hotel = small_hotel()
        hotel["Integrations"][0]["AccessTokens"] = [{"Id": TOKEN, **fields}]
        assert (await refusal(desk, hotel)).endswith(problem)

    async def test_a_hash_that_is_another_clients_token_is_refused(self, desk: RunningDesk) -> None:
        known = (await parts(desk))["Clients"][0]["ClientTokenHash"]
        told = await refusal(desk, {"Clients": [{"Id": SECOND, "Name": "Second", "ClientTokenHash": known}]})
        assert "Expected a token of its own" in told


def change(desk: RunningDesk, statement: str) -> None:
    """What no operation does, or not yet."""
    with sqlite3.connect(desk.database) as connection:
        connection.execute(statement)
    connection.close()


async def test_a_record_kept_by_an_older_release_is_told_on_one_line_and_with_its_enterprise(desk: RunningDesk) -> None:
    change(desk, """UPDATE customers SET record = '{"Id": "' || id || '",\n "LastName": "Old", "Number": 1.50}'""")
    lines = (await exported(desk)).splitlines()
    (line, *_) = [line for line in lines if b'"LastName":"Old"' in line]
    assert line.startswith(b'{"EnterpriseId":"')
    assert b'"Number":1.50}' in line
