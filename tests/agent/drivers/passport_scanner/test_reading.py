"""The driver at a scanner over TCP: one document for one guest, whatever the machine and the line do."""

import asyncio
import logging
from contextlib import suppress

import pytest

from nightporter.agent.driver import Away, Done, NotHappened, Outcome, Probe, Refused
from nightporter.agent.drivers.passport_scanner.messages import FRAMINGS, framed
from nightporter.agent.drivers.passport_scanner.simulator import ANOTHER, SPECIMEN, PassportScanner
from tests.agent.drivers.passport_scanner.conftest import DEADLINE, TASK, WAITING, Told, at, driver_of, executing

AGAIN = "The scanner can be reached again; scan the document once more."
NUMBER = "The document was not read cleanly (check digit of the number); scan it again."


def name_of(outcome: Outcome) -> str:
    assert isinstance(outcome, Done), outcome
    assert outcome.result is not None
    name: str = outcome.result["Identity"]["LastName"]
    return name


def kind_of(outcome: Outcome) -> str:
    assert isinstance(outcome, Done), outcome
    assert outcome.result is not None
    kind: str = outcome.result["Identity"]["Document"]["Type"]
    return kind


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_a_document_is_read_in_every_framing(framing: str) -> None:
    async with PassportScanner(framing, hesitation=0) as scanner, executing(at(scanner)) as command:
        await command.told.until(WAITING)
        scanner.present()
        outcome = await command.outcome()
    assert name_of(outcome) == "ERIKSSON"
    assert isinstance(outcome, Done)
    assert outcome.notes.startswith("A passport was read; its data is in the result.")
    assert "ERIKSSON" not in outcome.notes
    assert command.told.statuses == [WAITING]
    assert scanner.effects == [{"Effect": "read"}]


async def test_a_read_of_before_the_command_is_never_taken(scanner: PassportScanner) -> None:
    scanner.fail("stray")
    async with executing(at(scanner)) as command:
        await command.told.until(WAITING)
        scanner.present(SPECIMEN)
        assert kind_of(await command.outcome()) == "Passport", "the card was of the guest before"


async def test_a_read_that_is_still_on_its_way_as_the_command_begins_is_never_taken(scanner: PassportScanner) -> None:
    scanner.present(ANOTHER)  # goes out as soon as the driver is connected
    async with executing(at(scanner)) as command:
        await command.told.until(WAITING)
        assert scanner.effects == [{"Effect": "read"}]
        scanner.present(SPECIMEN)
        assert kind_of(await command.outcome()) == "Passport"


async def test_a_guest_who_waits_for_the_desk_needs_no_hand() -> None:
    """As in a demonstration: the document is held ready before the command comes."""
    async with PassportScanner() as scanner, executing(at(scanner)) as command:
        scanner.present()
        assert kind_of(await command.outcome()) == "Passport"


async def test_a_wrong_check_digit_is_told_and_waited_on(scanner: PassportScanner) -> None:
    scanner.fail("bad digit")
    async with executing(at(scanner)) as command:
        await command.told.until(WAITING)
        scanner.present()
        await command.told.until(NUMBER)
        scanner.present()
        assert name_of(await command.outcome()) == "ERIKSSON"


async def test_at_the_end_of_the_window_it_says_which_digit_was_wrong(scanner: PassportScanner) -> None:
    scanner.fail("bad digit")
    async with executing(at(scanner, window=2.0)) as command:
        await command.told.until(WAITING)
        scanner.present()
        assert await command.outcome() == Refused(
            "No document was read cleanly within 2 seconds; the last one was turned down (check digit of the number). "
            "Start anew, or enter the data by hand."
        )


async def test_when_nothing_came_it_says_so(scanner: PassportScanner) -> None:
    async with executing(at(scanner, window=0.5)) as command:
        assert await command.outcome() == Refused(
            "No document was read within 0.5 seconds. Ask for the document again and start anew."
        )


async def test_half_a_document_is_told_and_never_joined_with_the_next(scanner: PassportScanner) -> None:
    scanner.fail("half")
    async with executing(at(scanner)) as command:
        await command.told.until(WAITING)
        scanner.present()
        await command.told.until("The document was not read cleanly (it came only in part)")
        scanner.present(ANOTHER)
        assert kind_of(await command.outcome()) == "IdentityCard"


async def test_of_two_documents_at_once_none_is_taken(scanner: PassportScanner) -> None:
    scanner.fail("burst")
    async with executing(at(scanner)) as command:
        await command.told.until(WAITING)
        scanner.present()
        await command.told.until("Two different documents came at once")
        scanner.present()
        assert kind_of(await command.outcome()) == "Passport"


async def test_the_same_document_twice_at_once_is_one(scanner: PassportScanner) -> None:
    async with executing(at(scanner)) as command:
        await command.told.until(WAITING)
        scanner.present()
        scanner.present()
        assert kind_of(await command.outcome()) == "Passport"


async def test_noise_is_passed_over(scanner: PassportScanner) -> None:
    scanner.fail("garbage")
    async with executing(at(scanner)) as command:
        await command.told.until(WAITING)
        scanner.present()
        assert kind_of(await command.outcome()) == "Passport"


async def test_a_link_that_is_cut_in_the_middle_is_made_anew_within_the_window(scanner: PassportScanner) -> None:
    scanner.fail("cut")
    scanner.fail("deaf", 2)
    async with executing(at(scanner)) as command:
        await command.told.until(WAITING)
        scanner.present()
        await command.told.until(AGAIN)
        scanner.present(ANOTHER)
        assert kind_of(await command.outcome()) == "IdentityCard"
    assert scanner.effects == [{"Effect": "read"}]


async def test_a_link_that_is_cut_behind_a_whole_document_does_no_harm(scanner: PassportScanner) -> None:
    scanner.fail("gone")
    async with executing(at(scanner)) as command:
        await command.told.until(WAITING)
        scanner.present()
        assert kind_of(await command.outcome()) == "Passport"
    assert command.told.statuses == [WAITING]
    assert scanner.effects == [{"Effect": "read"}]


async def test_a_link_that_is_cut_as_soon_as_it_is_made_is_away(scanner: PassportScanner) -> None:
    scanner.fail("deaf")
    async with executing(at(scanner)) as command:
        with pytest.raises(Away, match="broke"):
            await command.outcome()
    assert command.told.statuses == []


async def test_a_read_of_while_the_link_was_down_is_thrown_away(scanner: PassportScanner) -> None:
    scanner.fail("cut")
    scanner.fail("stray")
    async with executing(at(scanner)) as command:
        await command.told.until(WAITING)
        scanner.present()
        await command.told.until(AGAIN)
        scanner.present(SPECIMEN)
        assert kind_of(await command.outcome()) == "Passport"


async def test_a_scanner_that_is_gone_as_the_window_closes_is_away(scanner: PassportScanner) -> None:
    async with executing(at(scanner, window=1.0)) as command:
        await command.told.until(WAITING)
        await scanner.close()
        with pytest.raises(Away):
            await command.outcome()


async def test_a_scanner_that_cannot_be_reached_is_away() -> None:
    async with PassportScanner(hesitation=0) as scanner:
        driver = at(scanner)
    with pytest.raises(Away, match="does not answer"):
        await driver.probe()
    async with executing(driver) as command:
        with pytest.raises(Away, match="does not answer"):
            await command.outcome()


async def test_a_scanner_that_refuses_or_puts_off_is_away_each_time_it_is_prepared(scanner: PassportScanner) -> None:
    async with PassportScanner() as gone:
        pass
    for _ in range(2):
        with pytest.raises(Away, match="does not answer"):
            await at(gone).prepare(TASK, 1)
        scanner.fail("deaf")
        with pytest.raises(Away, match="broke"):
            await at(scanner).prepare(TASK, 1)
        scanner.fail("deaf")
        with pytest.raises(Away, match="broke"):
            await at(scanner).probe()
    assert await at(scanner).prepare(TASK, 1) == {}, "a scanner says nothing by itself"


async def test_a_read_that_comes_while_it_is_prepared_is_never_taken(scanner: PassportScanner) -> None:
    driver = at(scanner)
    scanner.present(ANOTHER)
    assert await driver.prepare(TASK, 1) == {}
    async with executing(driver) as command:
        await command.told.until(WAITING)
        scanner.present(SPECIMEN)
        assert kind_of(await command.outcome()) == "Passport"


async def test_a_probe_claims_no_more_than_is_known(scanner: PassportScanner) -> None:
    assert await at(scanner).probe() == Probe(
        f"something answers at 127.0.0.1:{scanner.port}; whether it is a scanner shows when a document is laid on it"
    )


async def test_a_command_that_is_called_off_ends_at_once(scanner: PassportScanner) -> None:
    async with executing(at(scanner)) as command:
        await command.told.until(WAITING)
        command.told.attempt.cancelled.set()
        outcome = await command.outcome()
    assert isinstance(outcome, Refused)
    assert outcome.is_cancelled


async def test_a_command_that_was_called_off_before_does_not_begin() -> None:
    told = Told()
    told.attempt.cancelled.set()
    outcome = await driver_of(address="127.0.0.1:1").execute(TASK, 1, {}, told.attempt)
    assert isinstance(outcome, Refused)
    assert outcome.is_cancelled
    assert told.statuses == []


async def test_it_is_connected_only_while_a_command_waits() -> None:
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read()
        left.set()
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        driver = driver_of(address=f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        async with executing(driver) as command:
            await command.told.until(WAITING)
            assert not left.is_set()
            command.told.attempt.cancelled.set()
            await command.outcome()
            async with asyncio.timeout(DEADLINE):
                await left.wait()


@pytest.mark.parametrize("noise", [b"\x06", b"\x06" * 4000, b"0123456789" * 400], ids=("beats", "flood", "digits"))
async def test_a_scanner_that_never_falls_silent_is_heard_all_the_same(noise: bytes) -> None:
    is_laid_down = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        leaving = asyncio.ensure_future(reader.read())
        while not (await asyncio.wait((leaving,), timeout=0.05))[0]:
            writer.write(framed(SPECIMEN, "CRLF") if is_laid_down.is_set() else noise)
        await asyncio.gather(leaving, return_exceptions=True)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, executing(driver_of(address=f"127.0.0.1:{server.sockets[0].getsockname()[1]}")) as command:
        await command.told.until(WAITING)
        is_laid_down.set()
        assert kind_of(await command.outcome()) == "Passport"


async def test_the_same_driver_reads_one_after_the_other(scanner: PassportScanner) -> None:
    driver = at(scanner)
    for document, kind in ((SPECIMEN, "Passport"), (ANOTHER, "IdentityCard"), (SPECIMEN, "Passport")):
        assert isinstance(await driver.probe(), Probe)
        async with executing(driver) as command:
            await command.told.until(WAITING)
            scanner.present(document)
            assert kind_of(await command.outcome()) == kind


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_a_document_split_anywhere_is_the_same(framing: str) -> None:
    """Each split is a segment of its own to a driver of its own, all at the same time."""
    whole = framed(SPECIMEN, framing)

    async def read(split: int) -> Outcome:
        heard: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await heard.put(writer)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, executing(driver_of(address=f"127.0.0.1:{port}")) as command:
            writer = await heard.get()
            await command.told.until(WAITING)
            for part in (whole[:split], whole[split:]):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)  # so that the driver hears it before the next
            outcome = await command.outcome()
            writer.transport.abort()
        return outcome

    outcomes = await asyncio.gather(*(read(split) for split in range(1, len(whole))))
    assert {kind_of(outcome) for outcome in outcomes} == {"Passport"}
    assert len({str(outcome) for outcome in outcomes}) == 1


# Never twice: nothing here is an effect; after a cut or a death it is just read again, and never by itself.


async def test_nothing_is_ever_announced_and_so_nothing_is_in_doubt(scanner: PassportScanner) -> None:
    driver = at(scanner)
    assert driver.steps(TASK) == 1
    assert await driver.prepare(TASK, 1) == {}
    assert await driver.resolve(TASK, 1, {}, {}, Told().attempt) == NotHappened()
    assert (
        driver.doubt(TASK, 1, {}) == "Nobody knows whether a document was read; nothing was kept of it. Scan it again."
    )
    assert scanner.effects == []


@pytest.mark.parametrize("sent", range(0, len(framed(SPECIMEN, "CRLF")) + 1, 6))
async def test_an_agent_that_dies_anywhere_reads_anew_and_takes_only_what_comes_then(sent: int) -> None:
    """The death is the task's; what was on its way is of the command of before, and the guest lays it down again."""
    whole = framed(ANOTHER, "CRLF")
    heard: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard.put(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        async with executing(driver_of(address=address)) as command:
            before = await heard.get()
            await command.told.until(WAITING)
            before.write(whole[:sent])
        before.transport.abort()
        async with executing(driver_of(address=address)) as command:
            after = await heard.get()
            after.write(whole[sent:])  # what the box between still had
            await command.told.until(WAITING)
            after.write(framed(SPECIMEN, "CRLF"))
            assert kind_of(await command.outcome()) == "Passport"
            after.transport.abort()


async def test_no_log_and_no_task_tells_what_was_read(
    scanner: PassportScanner, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    scanner.fail("bad digit")
    driver = at(scanner)
    async with executing(driver) as command:
        await command.told.until(WAITING)
        scanner.present()
        await command.told.until(NUMBER)
        scanner.present()
        await command.outcome()
        told = caplog.text + "".join(capfd.readouterr()) + "".join(command.told.statuses) + repr(vars(driver))
    for word in ("ERIKSSON", "ANNA", "L898902C", "740812", "1974"):
        assert word not in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "either port"),
        ({"port": "COM3", "address": "192.0.2.7:4001"}, "either port"),
        ({"address": "192.0.2.7"}, "address must be a host and a port, like"),
        ({"address": "192.0.2.7:99999"}, "address must be a host and a port, like"),
        ({"address": ":4001"}, "address must be a host and a port, like"),
        ({"port": "COM3", "window": 0}, "window"),
        ({"port": "COM3", "window": float("nan")}, "window"),
        ({"port": "COM3", "baud": 0}, "baud"),
    ],
)
def test_options_that_cannot_be_right_are_told(options: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        driver_of(**options)
