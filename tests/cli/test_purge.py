"""``nightporter purge``: at the server with its settings, on the file with those that are given."""

import json
from pathlib import Path

import pytest

from tests.cli.program import free_port, run, started

HOTEL, PRINTER = "10000000-0000-4000-8000-000000000001", "20000000-0000-4000-8000-000000000001"
USED = {
    "CopyCount": 1, "FileType": "application/pdf", "FileData": "JVBE", "PrinterName": "", "PrinterDriverName": "",
    "PrinterPortName": "",
}  # fmt: skip
FILE = {
    "Enterprises": [{"Id": HOTEL, "Name": "Hotel Post", "AcceptedCurrencies": ["EUR"]}],
    "Devices": [{"EnterpriseId": HOTEL, "Id": PRINTER, "Type": "Printer", "Name": "Printer"}],
    "Commands": [
        {
            "EnterpriseId": HOTEL, "Id": f"30000000-0000-4000-8000-{number:012d}", "DeviceId": PRINTER, "State": state,
            "CreatedUtc": "2020-01-01T00:00:00Z", "UpdatedUtc": "2020-01-01T00:00:00Z",
            "Creator": {"LastName": "Kiosk", "Discriminator": "Integration"}, "Data": USED,
        }
        for number, state in enumerate(["Processed", "Error", "Cancelled", "Processing"])
    ],
}  # fmt: skip


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    """A hotel with a printer, three commands that ended long ago and one that has not."""
    (tmp_path / "hotel.json").write_text(json.dumps(FILE), "utf-8")
    loaded = await run("load", str(tmp_path / "hotel.json"), "--database", str(tmp_path / "desk.db"))
    assert loaded.code == 0, loaded.err
    return tmp_path / "desk.db"


async def purged(database: Path, *words: str, **environment: str) -> dict[str, int]:
    ran = await run("purge", "--database", str(database), "--json", *words, **environment)
    assert (ran.code, ran.err) == (0, ""), ran
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert len(lines) == 8
    return {one["Kind"]: one["Count"] for one in lines if one["Count"]}


async def test_on_the_file_it_tells_what_would_go_and_then_takes_it(database: Path) -> None:
    assert await purged(database, "--dry-run") == {"Documents": 3, "Commands": 3}
    assert await purged(database) == {"Documents": 3, "Commands": 3}
    assert await purged(database) == {}
    listed = await run("commands", "list", "--json", "--database", str(database))
    assert [json.loads(line)["State"] for line in listed.out.splitlines()] == ["Processing"]


async def test_a_table_is_told_to_people(database: Path) -> None:
    ran = await run("purge", "--dry-run", "--database", str(database), NIGHTPORTER_KEEP_AUDIT="")
    lines = [line.split("\t") for line in ran.out.splitlines()]
    assert [(line[0], line[2]) for line in lines][2:4] == [("Documents", "3"), ("Commands", "3")]
    assert lines[-1] == ["AuditRecords", "", "0"]


async def test_settings_of_the_file_and_of_the_environment_count_where_no_server_runs(database: Path) -> None:
    settings = database.with_name("desk.toml")
    settings.write_text('keep_commands = ""\nkeep_documents = "P36500D"\n', "utf-8")
    assert await purged(database, "--settings", str(settings)) == {}
    assert await purged(database, "--dry-run", NIGHTPORTER_KEEP_COMMANDS="") == {"Documents": 3}
    refused = await run("purge", "--database", str(database), NIGHTPORTER_KEEP_EVENTS="soon")
    assert (refused.code, refused.out) == (2, "")
    assert "keep_events is 'soon': expected a duration" in refused.err


async def test_at_a_server_its_own_settings_count(database: Path) -> None:
    serve = (
        "serve",
        "--database",
        database,
        "--port",
        str(free_port()),
        "--keep-commands",
        "",
        "--keep-documents",
        "P1D",
    )
    async with started(*serve) as serving:
        await serving.says("the desk of")
        assert await purged(database, NIGHTPORTER_KEEP_DOCUMENTS="") == {"Documents": 3}
    audit = await run("audit", "--database", str(database))
    assert "retention/purge\tretention" in audit.out
