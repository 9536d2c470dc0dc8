"""One key after the other at a lock system that works, turns down, or is not there."""

import asyncio
import json
import re
import socket
import tomllib
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest

from nightporter.agent.driver import Away, Done, Refused, Surroundings
from nightporter.agent.drivers.key_cutter import KIND
from nightporter.agent.drivers.key_cutter.driver import IndustryStandardOptions
from nightporter.agent.drivers.key_cutter.refusals import SENTENCES
from nightporter.agent.drivers.key_cutter.simulator import CODES, WORDS, LockSystem
from nightporter.domain.device import DeviceType
from tests.agent.drivers.key_cutter.conftest import (
    ENCODER,
    SOURCES,
    SURROUNDINGS,
    Record,
    cut,
    driver_at,
    driver_of,
    key_task,
    settled,
)

FIRST_KEY = {"Effect": "key cut", "Command": "CN", "Rooms": ["101"], "Encoder": ENCODER}
FURTHER_KEY = FIRST_KEY | {"Command": "CC"}


async def test_three_keys_are_one_new_card_and_two_copies(locks: LockSystem, record: Record) -> None:
    driver, task = driver_at(locks), key_task(key_count=3)
    assert driver.steps(task) == 3
    outcomes = [await cut(driver, task, record, step) for step in (1, 2, 3)]
    assert locks.effects == [FIRST_KEY, FURTHER_KEY, FURTHER_KEY]
    assert outcomes[1] == Done(
        f"Key 2 of 3 was cut on the encoder {ENCODER}.", {"Key": 2, "Encoder": ENCODER, "Serial": "04A2B3C4D50002"}
    )
    assert record.written[1] == {"Command": "CC", "Encoder": ENCODER, "Key": 2, "Keys": 3}
    assert record.told[1] == f"Key 2 of 3: put a card on the encoder {ENCODER}."


async def test_a_serial_that_was_not_asked_for_is_not_told(locks: LockSystem, record: Record) -> None:
    outcome = await cut(driver_at(locks, serial=0), key_task(), record)
    assert outcome == Done(f"The key was cut on the encoder {ENCODER}.", {"Key": 1, "Encoder": ENCODER})


async def test_the_lock_system_gets_what_was_asked_for(locks: LockSystem, record: Record) -> None:
    driver = driver_at(locks, authorizations={"gym": 3}, eject="E", texts=["guest"], operator="Desk 2")
    await cut(driver, key_task(lock_ids=["101", "gym"]), record)
    (order,) = locks.orders
    assert order.fields == (
        *("CN", ENCODER, "E", "101", "", "", "", "3", "", "1500010326", "1100040326"),
        *("Desk 2", "Zoe Quixote", "", "", "2"),
    )


@pytest.mark.parametrize("code", CODES)
async def test_every_error_is_told_with_what_to_do_and_leaves_no_card(
    locks: LockSystem, record: Record, code: str
) -> None:
    locks.fail(code)
    outcome = await cut(driver_at(locks), key_task(key_count=2), record)
    assert isinstance(outcome, Refused)
    assert outcome.notes.startswith("Key 1 of 2 was not made. ")
    assert not outcome.is_cancelled
    assert (code in SENTENCES) == (code != "XY")
    assert SENTENCES.get(code, "the code XY").split("{")[0] in outcome.notes
    assert "{" not in outcome.notes
    assert locks.effects == []


async def test_the_lock_systems_own_words_are_passed_on_unless_it_knows_the_guest(
    locks: LockSystem, record: Record
) -> None:
    locks.fail("EG", 2)
    outcome = await cut(driver_at(locks), key_task(), record)
    assert isinstance(outcome, Refused)
    assert WORDS in outcome.notes
    outcome = await cut(driver_at(locks, texts=["guest"]), key_task(), record)
    assert isinstance(outcome, Refused)
    assert WORDS not in outcome.notes


async def test_the_lock_system_itself_objects(record: Record) -> None:
    async with LockSystem(rooms=["101"]) as locks:
        for changes, told in [
            ({"lock_ids": ["999"]}, "does not know one of the rooms 999"),
            ({"key_cutter_id": "Nowhere"}, "The encoder Nowhere does not answer"),
        ]:
            outcome = await cut(driver_at(locks), key_task(**changes), record)
            assert isinstance(outcome, Refused)
            assert told in outcome.notes
        outcome = await cut(driver_at(locks), key_task(key_count=2), record, step=2)
        assert isinstance(outcome, Refused)
        assert "checked out, so no copy can be made" in outcome.notes
        assert locks.effects == []


async def test_a_busy_encoder_is_told(locks: LockSystem, record: Record) -> None:
    locks.fail("slow")
    driver = driver_at(locks, waits=5)
    first = asyncio.create_task(cut(driver, key_task(), record))
    async with asyncio.timeout(5):
        while not locks._busy:  # noqa: ASYNC110 - the simulator tells nobody
            await asyncio.sleep(0)
    outcome = await cut(driver, key_task(), Record())
    assert isinstance(outcome, Refused)
    assert "still busy with another card" in outcome.notes
    locks.card_is_on.set()
    assert isinstance(await first, Done)
    assert locks.effects == [FIRST_KEY]


@pytest.mark.parametrize("times", [1, 2])
async def test_an_order_that_was_turned_back_is_handed_over_again(
    locks: LockSystem, record: Record, times: int
) -> None:
    locks.fail("nak", times)
    locks.fail("not ready")
    assert isinstance(await cut(driver_at(locks), key_task(), record), Done)
    assert locks.effects == [FIRST_KEY]
    assert len(locks.orders) == times + 1


async def test_an_order_that_is_always_turned_back_is_no_key(locks: LockSystem, record: Record) -> None:
    locks.fail("nak", 3)
    outcome = await cut(driver_at(locks), key_task(), record)
    assert isinstance(outcome, Refused)
    assert "did not take the order" in outcome.notes
    assert len(locks.orders) == 3
    assert locks.effects == []


async def test_a_lock_system_that_never_gets_ready_after_turning_back_has_made_no_key(
    locks: LockSystem, record: Record
) -> None:
    locks.fail("nak")
    locks.fail("not ready", 3)
    assert isinstance(await cut(driver_at(locks), key_task(), record), Refused)
    locks.fail("nak")
    locks.fail("silent to an enquiry")
    assert isinstance(await cut(driver_at(locks), key_task(), record), Refused)
    assert locks.effects == []


async def test_check_bytes_that_disagree_are_turned_back_and_can_be_given_up(record: Record) -> None:
    async with LockSystem(is_checking=False) as locks:
        locks.fail("bad check byte")
        assert isinstance(await cut(driver_at(locks, check="none"), key_task(), record), Done)
    async with LockSystem() as locks:
        locks.fail("no check byte")
        assert isinstance(await cut(driver_at(locks), key_task(), record), Done)
        assert isinstance(await cut(driver_at(locks, check="none"), key_task(), record), Done)


@pytest.mark.parametrize("fault", ["byte by byte", "joined", "other encoder", "other command", "dropped after answer"])
async def test_an_answer_is_found_however_it_comes(locks: LockSystem, record: Record, fault: str) -> None:
    locks.fail(fault)
    assert isinstance(await cut(driver_at(locks), key_task(), record), Done)
    assert locks.effects == [FIRST_KEY]


async def test_another_encoders_success_is_not_this_ones(locks: LockSystem, record: Record) -> None:
    locks.fail("other encoder")
    locks.fail("ED")
    locks._faults.rotate()
    outcome = await cut(driver_at(locks), key_task(), record)
    assert isinstance(outcome, Refused)
    assert locks.effects == []


async def test_a_command_that_cannot_be_made_is_refused_before_anything_is_sent(record: Record) -> None:
    nobody = driver_of("127.0.0.1:1")
    for changes in ({"key_count": 0}, {"lock_ids": []}, {"lock_ids": list("12345")}, {"key_cutter_data": "{"}):
        task = key_task(**changes)
        assert isinstance(await nobody.prepare(task, 1), Refused)
        assert isinstance(await nobody.execute(task, 1, {}, record.attempt()), Refused)
    assert nobody.steps(key_task(key_count=0)) == 1
    assert record.written == []


async def test_a_command_that_was_called_off_before_is_not_begun(locks: LockSystem, record: Record) -> None:
    driver, task, attempt = driver_at(locks), key_task(key_count=2), record.attempt()
    attempt.cancelled.set()
    outcome = await driver.execute(task, 2, await _baseline(driver.prepare(task, 2)), attempt)
    assert outcome == Refused("Key 2 of 2 was not made. It was called off before it was begun.", is_cancelled=True)
    assert (record.written, locks.orders) == ([], [])


async def _baseline(prepared: Any) -> dict[str, Any]:
    baseline = await prepared
    assert isinstance(baseline, dict)
    return baseline


async def test_a_lock_system_that_is_not_there_or_busy_is_away_before_anything_is_announced(
    locks: LockSystem, record: Record
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        driver = driver_of(f"127.0.0.1:{nobody.getsockname()[1]}")
        with pytest.raises(Away, match="cannot be reached"):
            await cut(driver, key_task(), record)
        with pytest.raises(Away, match="cannot be reached"):
            await driver.probe()
    driver, task = driver_at(locks), key_task()
    locks.fail("not ready", 3)
    with pytest.raises(Away, match="busy"):
        await driver.execute(task, 1, {}, record.attempt())
    locks.fail("silent to an enquiry")
    with pytest.raises(Away, match="does not answer"):
        await driver.execute(task, 1, {}, record.attempt())
    assert (record.written, locks.orders) == ([], [])


async def test_a_lock_system_that_refuses_or_is_silent_or_busy_is_away_each_time_it_is_prepared(
    locks: LockSystem,
) -> None:
    task = key_task()
    async with LockSystem() as gone:
        pass
    for _ in range(2):
        with pytest.raises(Away, match="cannot be reached"):
            await driver_at(gone).prepare(task, 1)
        locks.fail("silent to an enquiry")
        with pytest.raises(Away, match="does not answer"):
            await driver_at(locks).prepare(task, 1)
        locks.fail("not ready", 3)
        with pytest.raises(Away, match="busy"):
            await driver_at(locks).prepare(task, 1)
    assert await driver_at(locks).prepare(task, 1) == {"Encoder": ENCODER}
    await settled(locks)
    assert (locks.orders, locks.effects) == ([], [])


async def test_a_probe_says_where_and_whether_it_is_ready(locks: LockSystem) -> None:
    driver = driver_at(locks)
    probe = await driver.probe()
    assert probe.identity == f"Industry Standard lock system at 127.0.0.1:{locks.port}, encoder {ENCODER}"
    assert probe.problems == ()
    locks.fail("not ready")
    assert (await driver.probe()).problems == ("The lock system says that it is busy.",)
    assert locks.orders == []


async def test_nothing_written_down_or_told_names_the_guest(locks: LockSystem, record: Record) -> None:
    driver, task = driver_at(locks, texts=["guest", "reservation"]), key_task(key_count=2)
    locks.fail("ED")
    outcomes = [await cut(driver, task, record), await cut(driver, task, record)]
    told = json.dumps([record.written, record.told, await driver.prepare(task, 1), driver.doubt(task, 1, {})])
    assert "Quixote" not in told + repr(outcomes) + repr(locks.orders)


async def test_every_connection_is_closed_when_the_step_ends(locks: LockSystem, record: Record) -> None:
    driver = driver_at(locks)
    await cut(driver, key_task(), record)
    await settled(locks)
    await driver.close()


@pytest.mark.parametrize(
    "address",
    [
        "",
        ":8090",
        "host:0",
        "host:70000",
        "host:port",
        "host/path",
        "user@host:1",
        "hôte",
        "ho st\n:1",
        "::1",
        "a..b",
        "x" * 70,
    ],
)
def test_an_address_that_cannot_be_one_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="address must be"):
        KIND.make(IndustryStandardOptions(address=address), SURROUNDINGS)


@pytest.mark.parametrize("options", [{"encoder": "Réception"}, {"operator": "é"}, {"rooms": {"1": "x" * 25}}])
def test_names_that_cannot_be_sent_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="plain letters"):
        KIND.make(IndustryStandardOptions(address="locks", **options), SURROUNDINGS)


@pytest.mark.parametrize(
    "options",
    [
        {"eject": "X"},
        {"serial": 3},
        {"check": "crc"},
        {"texts": ["email"]},
        {"texts": ["room"] * 4},
        {"authorizations": {"gym": 63}},
        {"authorizations": {"gym": 0}},
        {"operator": "x" * 25},
        {"patience": 0},
        {"unknown": 1},
    ],
)
def test_options_that_cannot_be_right_are_refused(options: dict[str, Any]) -> None:
    assert msgspec.convert({"address": "locks"}, IndustryStandardOptions).encoder == ""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"address": "locks"} | options, IndustryStandardOptions)


def test_the_page_tells_every_option_and_its_example_works() -> None:
    page = (Path(__file__).parents[4] / "docs" / "drivers" / "industry-standard.md").read_text("utf-8")
    names = [field.encode_name for field in msgspec.structs.fields(IndustryStandardOptions)]
    options = page.partition("| option |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", options, re.MULTILINE) == names
    example = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert example
    (machine,) = tomllib.loads(example[1])["machines"].values()
    assert machine.pop("driver") == KIND.name
    assert UUID(machine.pop("device"))
    KIND.make(msgspec.convert(machine, IndustryStandardOptions), SURROUNDINGS)
    codes = page.partition("| error of")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w\w)` \|", codes, re.MULTILINE) == list(SENTENCES)


def test_a_place_is_the_same_for_the_same_encoder_and_another_for_another() -> None:
    def place(address: str, encoder: str = "") -> str:
        return KIND.place(IndustryStandardOptions(address=address, encoder=encoder))

    assert place("Locks.example") == place("locks.example:8090") == "locks.example:8090"
    assert place("locks", "Desk") == place("locks", "desk") != place("locks", "Bar")
    assert place("[::1]:9") == "::1:9"
    assert (KIND.name, KIND.device_type) == ("industry-standard", DeviceType.KEY_CUTTER)


async def test_the_time_zone_is_the_propertys(locks: LockSystem, record: Record) -> None:
    options = IndustryStandardOptions(address=f"{locks.host}:{locks.port}", encoder=ENCODER)
    driver = KIND.make(options, Surroundings(SOURCES, ZoneInfo("America/New_York"), "desk"))
    await driver.execute(key_task(), 1, {}, record.attempt())
    assert locks.orders[0].fields[9:11] == ("0900010326", "0500040326")
