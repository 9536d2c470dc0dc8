"""agent.toml: every mistake is told with its file, its place and what would do; tokens come from where they are safe."""

import dataclasses
import re
from pathlib import Path

import pytest

from nightporter.agent.configuration import Configuration, InvalidConfiguration, load
from nightporter.agent.driver import Driver, Surroundings
from nightporter.agent.kinds import kinds
from nightporter.agent.running import _try
from nightporter.host.clock import machine_sources
from tests.agent.bell import KINDS
from tests.agent.conftest import BELL, CUTTER, PRINTER

PLATFORM = '[platform]\naddress = "http://127.0.0.1:8080"\n'
TOKENS = 'client_token = "SECRET-ONE"\naccess_token = "SECRET-TWO"\n'


def read(folder: Path, text: str, **environment: str) -> Configuration:
    (folder / "agent.toml").write_text(text)
    return load(folder / "agent.toml", KINDS, "here", environment)


def told(folder: Path, text: str, **environment: str) -> str:
    with pytest.raises(InvalidConfiguration) as caught:
        read(folder, text, **environment)
    message = str(caught.value)
    assert message.startswith(str(folder / "agent.toml"))
    assert "SECRET" not in message
    return message.removeprefix(str(folder / "agent.toml"))


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    one = read(tmp_path, PLATFORM + TOKENS + BELL)
    assert (one.name, one.state) == ("nightporter agent on here", tmp_path / "agent-state")
    assert (str(one.time_zone), one.metrics, one.log_level) == ("UTC", None, "info")
    machine = one.machines[0]
    assert (machine.name, machine.device_id, machine.gives_up_after, machine.too_old_after) == (
        "Front",
        PRINTER,
        120,
        None,
    )
    assert machine.place == "bell front"


def test_everything_can_be_said(tmp_path: Path) -> None:
    top = 'name = "desk"\nstate = "s"\ntime_zone = "Europe/Rome"\nmetrics = "m.prom"\nlog_level = "debug"\n'
    more = 'gives_up_after = "PT5M"\ntoo_old_after = "PT1H"\ntone = "dong"\n'
    one = read(tmp_path, top + PLATFORM + 'socket_address = "ws://127.0.0.1:9"\n' + TOKENS + BELL + more)
    assert (one.name, one.state, one.metrics) == ("desk", tmp_path / "s", tmp_path / "m.prom")
    assert (str(one.time_zone), one.log_level, one.platform.socket_address) == (
        "Europe/Rome",
        "debug",
        "ws://127.0.0.1:9",
    )
    assert (one.machines[0].gives_up_after, one.machines[0].too_old_after) == (300, 3600)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = ", " cannot be read: Invalid value (at end of document)"),
        (
            'log_level = "loud"\n' + PLATFORM + TOKENS,
            ": log_level is 'loud', expected debug, info, warning or error",
        ),
        ("", ": platform is missing"),
        ("[platform]", ": [platform] address is missing"),
        ("platform = 1", ": platform must be a table"),
        ("nam = 1\n" + PLATFORM, ": nam is not known; is name meant?"),
        (
            PLATFORM + "colour = 1",
            ": [platform] colour is not known; known are access_token, access_token_file, address, "
            "client_token, client_token_file, socket_address",
        ),
        (PLATFORM + 'adress = "x"', ": [platform] adress is not known; is address meant?"),
        (PLATFORM + "socket_address = 1", ": [platform] socket_address must be a text, in quotes"),
        (
            'time_zone = "Mars/Base"\n' + PLATFORM + TOKENS,
            ": time_zone is 'Mars/Base', expected one like Europe/Rome",
        ),
        (
            PLATFORM + TOKENS + 'client_token_file = "x"',
            ": [platform] gives both client_token and client_token_file; leave one out",
        ),
        (
            PLATFORM,
            ": [platform] needs client_token_file, a file that holds the client_token; or set NIGHTPORTER_CLIENT_TOKEN "
            "in the environment",
        ),
        (
            PLATFORM + TOKENS + BELL + "colour = 1",
            ": [machines.'Front']: colour is not known; known are bell, device, driver, gives_up_after, tone, too_old_after",
        ),
        (
            PLATFORM + TOKENS + BELL.replace('"bell"', '"bel"'),
            ": [machines.'Front']: driver is 'bel', which is not known; is bell meant?",
        ),
        (
            PLATFORM + TOKENS + BELL.replace('"bell"', '"xyz"'),
            ": [machines.'Front']: driver is 'xyz', which is not known; known are anvil, bell, till",
        ),
        (
            PLATFORM + TOKENS + BELL.replace(PRINTER, "17"),
            ": [machines.'Front']: device must be the id of the device, as `nightporter devices list` shows it",
        ),
        (
            PLATFORM + TOKENS + '[machines.Front]\ndriver = "bell"',
            ": [machines.'Front']: device is missing",
        ),
        (
            PLATFORM + TOKENS + BELL.replace('bell = "front"', ""),
            ": [machines.'Front']: bell is missing",
        ),
        (
            PLATFORM + TOKENS + BELL + BELL.replace("Front", "Back").replace('"front"', '"back"'),
            f": [machines.'Back'] and [machines.'Front'] are the same device, {PRINTER}; each device is one machine, so leave "
            "one out",
        ),
        (
            PLATFORM + TOKENS + BELL + BELL.replace("Front", "Back").replace(PRINTER, CUTTER),
            ": [machines.'Back'] and [machines.'Front'] are the same machine, front; each device is one machine, so "
            "leave one out",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    assert told(tmp_path, text) == message


@pytest.mark.parametrize("key", ["gives_up_after", "too_old_after"])
def test_a_length_of_time_that_is_none_is_told(tmp_path: Path, key: str) -> None:
    assert f"[machines.'Front']: {key} is 'soon': " in told(tmp_path, PLATFORM + TOKENS + BELL + f'{key} = "soon"')


@pytest.mark.parametrize("address", ["desk.example.com", "ftp://desk.example.com", ""])
def test_an_address_that_cannot_be_one_is_told(tmp_path: Path, address: str) -> None:
    assert "[platform]" in told(tmp_path, PLATFORM.replace("http://127.0.0.1:8080", address) + TOKENS)


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match=r"agent\.toml cannot be read: No such file or directory"):
        load(tmp_path / "agent.toml", KINDS, "here", {})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('curency = "EUR"', "curency is not known; is currency meant?"),
        ('gives_up_afer = "PT1M"', "gives_up_afer is not known; is gives_up_after meant?"),
        ('waits = "60"', "waits must be a number, without quotes"),
        ("config_byte = 1.5", "config_byte must be a whole number, without quotes"),
        ("reservations = 1", "reservations must be true or false, without quotes"),
        ("password = 123456", "password must be a text, in quotes"),
    ],
)
def test_a_mistake_in_what_a_driver_takes_is_told_in_plain_words(tmp_path: Path, line: str, message: str) -> None:
    assert _told_of("zvt", 'address = "till:20007"\n' + line, tmp_path) == message


@pytest.mark.parametrize(
    ("driver", "line", "message"),
    [
        ("epson", "timeout = 7", "timeout must be at least 100"),
        ("epson", 'departments = { "IT-10" = "one" }', "each of departments must be a whole number, without quotes"),
        ("epson", 'refunds = { colour = "red" }', "refunds.colour is not known"),
        ("industry-standard", "patience = 0", "patience must be more than 0.0"),
        ("industry-standard", 'eject = "X"', "eject cannot be 'X'; the driver's page says what it can be"),
        ("industry-standard", 'texts = "room"', "texts must be a list, in [ ]"),
    ],
)
def test_what_cannot_stand_at_a_driver_is_told(tmp_path: Path, driver: str, line: str, message: str) -> None:
    assert _told_of(driver, 'address = "http://127.0.0.1:1"\n' + line, tmp_path) == message


def _told_of(driver: str, lines: str, folder: Path) -> str:
    (folder / "agent.toml").write_text(
        PLATFORM + TOKENS + f'[machines.M]\ndevice = "{PRINTER}"\ndriver = "{driver}"\n{lines}'
    )
    with pytest.raises(InvalidConfiguration) as caught:
        load(folder / "agent.toml", kinds(), "here", {})
    return str(caught.value).removeprefix(f"{folder / 'agent.toml'}: [machines.'M']: ")


@pytest.mark.parametrize("other", ["industry-standard", "mrz"])
def test_one_machine_under_two_drivers_is_told(tmp_path: Path, other: str) -> None:
    machine = '[machines.{}]\ndevice = "{}"\ndriver = "{}"\naddress = "192.0.2.7:4001"\n'
    (tmp_path / "agent.toml").write_text(
        PLATFORM + TOKENS + machine.format("Till", PRINTER, "zvt") + machine.format("Other", CUTTER, other)
    )
    with pytest.raises(InvalidConfiguration, match=r"'Other'\] and .*'Till'\] are the same machine, 192.0.2.7:4001;"):
        load(tmp_path / "agent.toml", kinds(), "here", {})


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_bytes(PLATFORM.encode("utf-16"))
    with pytest.raises(InvalidConfiguration, match=r"agent\.toml is not UTF-8; save it as UTF-8"):
        load(tmp_path / "agent.toml", KINDS, "here", {})


FILES = PLATFORM + 'client_token_file = "client"\naccess_token_file = "access"\n'


def test_tokens_stand_in_files_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "client").write_text("SECRET-ONE\n")
    (tmp_path / "access").write_text("SECRET-TWO\n")
    one = read(tmp_path, FILES)
    assert (one.platform.client_token, one.platform.access_token) == ("SECRET-ONE", "SECRET-TWO")


def test_tokens_are_the_service_managers_credentials(tmp_path: Path) -> None:
    (given := tmp_path / "given").mkdir()
    (given / "client").write_text("SECRET-ONE")
    (given / "access").write_text("SECRET-TWO")
    one = read(tmp_path, FILES, CREDENTIALS_DIRECTORY=str(given))
    assert (one.platform.client_token, one.platform.access_token) == ("SECRET-ONE", "SECRET-TWO")


def test_tokens_may_be_in_the_environment(tmp_path: Path) -> None:
    one = read(tmp_path, PLATFORM, NIGHTPORTER_CLIENT_TOKEN="SECRET-ONE", NIGHTPORTER_ACCESS_TOKEN="SECRET-TWO")
    assert (one.platform.client_token, one.platform.access_token) == ("SECRET-ONE", "SECRET-TWO")


def test_a_file_with_a_token_that_is_missing_is_told(tmp_path: Path) -> None:
    message = told(tmp_path, FILES)
    assert message == f": [platform] client_token_file: {tmp_path / 'client'} cannot be read: No such file or directory"


def test_an_empty_file_with_a_token_is_told(tmp_path: Path) -> None:
    (tmp_path / "client").write_text("\n")
    (tmp_path / "access").write_text("SECRET-TWO")
    assert told(tmp_path, FILES) == f": [platform] client_token_file: {tmp_path / 'client'} is empty"


def test_the_state_is_where_the_service_manager_says(tmp_path: Path) -> None:
    given = {"STATE_DIRECTORY": "/var/lib/one:/var/lib/two"}
    assert read(tmp_path, PLATFORM + TOKENS, **given).state == Path("/var/lib/one")
    assert read(tmp_path, 'state = "mine"\n' + PLATFORM + TOKENS, **given).state == tmp_path / "mine"


def test_no_token_is_shown(tmp_path: Path) -> None:
    one = read(tmp_path, PLATFORM + TOKENS + BELL)
    assert "SECRET" not in f"{one!r} {one} {one.platform}"


def test_the_same_machine_has_the_same_lock(tmp_path: Path) -> None:
    first = read(tmp_path, PLATFORM + TOKENS + BELL).machines[0]
    again = read(tmp_path, PLATFORM + TOKENS + BELL.replace("Front", "Other").replace(PRINTER, CUTTER)).machines[0]
    other = read(tmp_path, PLATFORM + TOKENS + BELL.replace('"front"', '"back"')).machines[0]
    assert first.lock_name == again.lock_name != other.lock_name


def test_what_windows_puts_before_a_text_is_passed_over(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    (tmp_path / "client.token").write_bytes(mark + b"SECRET-ONE\r\n")
    tokens = 'client_token_file = "client.token"\naccess_token = "SECRET-TWO"\n'
    (tmp_path / "agent.toml").write_bytes(mark + (PLATFORM + tokens).encode())
    assert load(tmp_path / "agent.toml", KINDS, "here", {}).platform.client_token == "SECRET-ONE"


def test_a_certificate_is_looked_for_beside_the_configuration(tmp_path: Path) -> None:
    machine = (
        f'[machines.P]\ndevice = "{PRINTER}"\ndriver = "ipp"\nuri = "ipps://127.0.0.1/x"\ncertificate = "printer.pem"\n'
    )
    (tmp_path / "agent.toml").write_text(PLATFORM + TOKENS + machine)
    one = load(tmp_path / "agent.toml", kinds(), "here", {})
    surroundings = Surroundings(machine_sources(), one.time_zone, "P", one.folder)
    with pytest.raises(ValueError, match=re.escape(str(tmp_path / "printer.pem"))):
        one.machines[0].kind.make(one.machines[0].options, surroundings)


async def test_a_driver_with_a_fault_is_told_like_a_mistake_in_the_file(tmp_path: Path) -> None:
    def make(options: object, surroundings: Surroundings) -> Driver:
        raise KeyError("colour")

    (tmp_path / "agent.toml").write_text(PLATFORM + TOKENS + BELL)
    faulty = {"bell": dataclasses.replace(KINDS["bell"], make=make)}
    configuration = load(tmp_path / "agent.toml", faulty, "here", {})
    with pytest.raises(InvalidConfiguration, match=r"Front.*the driver 'bell' has a fault \(KeyError\)"):
        await _try(tmp_path / "agent.toml", configuration, machine_sources())
