"""Keys on the command line: made, given, missed, changed (docs/encryption.md)."""

import base64
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from nightporter.settings import InvalidSetting, Settings, load, read_keys
from nightporter.storage.sealing import key_id, key_of
from tests.cli.program import Ran, free_port, run, started
from tests.cli.test_doctor import told
from tests.cli.test_purge import database

ONE, TWO = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
ID = {key: key_id(base64.b64decode(key)) for key in (ONE, TWO)}


def keys_of(database: Path) -> set[str | None]:
    """The keys that what is in the file is encrypted with."""
    connection = sqlite3.connect(database)
    try:
        rows = connection.execute("SELECT data FROM commands UNION ALL SELECT content FROM documents").fetchall()
    finally:
        connection.close()
    assert len(rows) == 8
    return {key_of(row[0]) for row in rows}


async def rotated(database: Path, *keys: str) -> tuple[Ran, dict[str, tuple[int, int]]]:
    ran = await run("rotate-keys", "--database", str(database), "--json", NIGHTPORTER_KEYS=",".join(keys))
    lines = [json.loads(line) for line in ran.out.splitlines()]
    return ran, {one["Kind"]: (one["Count"], one["Left"]) for one in lines}


async def test_each_new_key_is_another_and_can_be_used() -> None:
    made = [(await run("new-key")).out.strip() for _ in range(2)]
    assert len({*made}) == 2
    assert [len(key) for key in read_keys(", ".join(made))] == [32, 32]


@pytest.mark.parametrize("wrong", ["short", "A" * 42, "A" * 44, f"{ONE},", f"{ONE};{TWO}", "ü" * 43 + "="])
async def test_a_key_that_cannot_be_used_is_refused_and_not_told(wrong: str) -> None:
    with pytest.raises(InvalidSetting, match="nightporter new-key") as refused:
        load(environment={"NIGHTPORTER_KEYS": wrong})
    assert wrong not in str(refused.value)


def test_settings_that_are_printed_tell_no_key() -> None:
    assert ONE not in repr(Settings(keys=ONE))


def test_only_a_desk_with_keys_loads_what_encrypts() -> None:
    code = (
        "import sys, nightporter.web.app, nightporter.storage.dialects.postgres; from nightporter.storage.sealing import Seal; "
        "print('cryptography' in sys.modules); Seal([b'1' * 32]); print('cryptography' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True"]


async def test_no_flag_takes_a_key() -> None:
    ran = await run("serve", "--keys", ONE)
    assert (ran.code, "No such option" in ran.err) == (2, True)


async def test_on_the_file_everything_comes_under_the_first_key_and_again(database: Path) -> None:
    assert keys_of(database) == {None}
    for keys in ([ONE], [TWO, ONE]):
        ran, counts = await rotated(database, *keys)
        assert (ran.code, ran.err) == (0, "")
        assert (counts["Commands"], counts["Documents"]) == ((4, 0), (4, 0))
        assert keys_of(database) == {ID[keys[0]]}
    assert {count for count, _ in (await rotated(database, TWO))[1].values()} == {0}


async def test_at_a_server_its_keys_count(database: Path) -> None:
    serve = ("serve", "--database", database, "--port", str(free_port()))
    async with started(*serve, NIGHTPORTER_KEYS=ONE) as serving:
        await serving.says("the desk of")
        ran, counts = await rotated(database)
        assert (ran.code, counts["Commands"]) == (0, (4, 0))
        assert not [line for line in serving.err if "nothing is encrypted" in line]
    assert keys_of(database) == {ID[ONE]}


async def test_without_a_key_a_server_says_so_once_and_there_is_nothing_to_change(database: Path) -> None:
    async with started("serve", "--database", database, "--port", str(free_port())) as serving:
        await serving.says("the desk of")
        (line,) = [json.loads(line) for line in serving.err if "nothing is encrypted" in line]
        assert (line["level"], "docs/encryption.md" in line["advice"]) == ("warning", True)
        ran, _ = await rotated(database)
        assert (ran.code, "The desk has no key" in ran.err) == (1, True)


@pytest.mark.parametrize("keys", ["", TWO])
async def test_a_server_that_lacks_the_key_does_not_start_and_names_it(database: Path, keys: str) -> None:
    await rotated(database, ONE)
    for words in (["serve", "--port", str(free_port())], ["commands", "list"]):
        ran = await run(*words, "--database", str(database), NIGHTPORTER_KEYS=keys)
        assert ran.code == (2 if words[0] == "serve" else 1)
        (told,) = ran.err.splitlines()
        assert f"encrypted with keys this desk does not have ({ID[ONE]})" in told
        assert "NIGHTPORTER_KEYS" in told


async def test_what_cannot_be_decrypted_is_left_and_told(database: Path) -> None:
    await rotated(database, ONE)
    connection = sqlite3.connect(database)
    connection.execute("UPDATE documents SET content = substr(content, 1, 50) WHERE rowid = 2")
    connection.commit()
    connection.close()
    ran, counts = await rotated(database, TWO, ONE)
    assert (ran.code, counts["Documents"], counts["Commands"]) == (1, (3, 1), (4, 0))
    assert "keep the older keys" in ran.err
    assert "changed or moved outside the desk" in ran.err


async def test_the_doctor_tells_how_it_stands(database: Path) -> None:
    async def said(level: str, keys: str) -> str:
        ran = await run("doctor", "--database", str(database), NIGHTPORTER_KEYS=keys)
        assert ran.code == (1 if level == "problem" else 0), ran
        (line,) = [line for line in told(ran, level) if line.startswith("keys ")]
        assert ONE not in ran.out
        return line

    assert "there is none" in await said("warning", "")
    assert "run: nightporter rotate-keys" in await said("warning", ONE)
    await rotated(database, ONE)
    assert f"encrypted with key {ID[ONE]}" in await said("ok", ONE)
    assert "run: nightporter rotate-keys" in await said("warning", f"{TWO},{ONE}")
    assert f"keys that are not here: {ID[ONE]}" in await said("problem", TWO)


__all__ = ["database"]
