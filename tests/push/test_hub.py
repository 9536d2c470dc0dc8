import asyncio
import json

import pytest

from nightporter.access.actor import Scope
from nightporter.domain.command import CommandState
from nightporter.push.hub import Hub, Listener, message_of
from nightporter.storage.batch import Event

HOTEL, SISTER = "hotel", "sister"
PENDING = CommandState.PENDING


def event(number=1, device="printer", enterprise=HOTEL, creator=None, state=PENDING):
    return Event(number, enterprise, f"command {number}", device, creator, state)


def scope(*devices, enterprises=(HOTEL,), integration="agent"):
    return Scope(tuple(enterprises), frozenset(devices), integration)


class Ear:
    """A listener's other end: what it was sent, whether it was dropped, and a tap that may be closed."""

    def __init__(self, *devices, limit=10, **fields):
        self.numbers: list[int] = []
        self.drops = 0
        self.open = asyncio.Event()
        self.open.set()
        self.listener = Listener(scope(*devices, **fields), self.send, self.drop, limit)

    async def send(self, message):
        await self.open.wait()
        self.numbers.append(int(json.loads(message)["Cursor"]))

    def drop(self):
        self.drops += 1

    async def heard(self):
        """What it was sent once everything that can be sent is."""
        while (writing := self.listener._writing) is not None and self.open.is_set():
            await writing
        return self.numbers


def joined(hub, *devices, **fields):
    ear = Ear(*devices, **fields)
    hub.add(ear.listener)
    ear.listener.begin()
    return ear


def test_a_message_tells_one_event_and_where_to_resume():
    told = message_of(event(7, state=CommandState.PROCESSED))
    assert json.loads(told) == {
        "Events": [{"Type": "DeviceCommand", "Id": "command 7", "State": "Processed"}],
        "Cursor": "7",
    }


@pytest.mark.parametrize(
    ("told", "hears"),
    [
        (event(device="printer"), True),
        (event(device="cutter"), False),
        (event(device="cutter", creator="agent"), True),
        (event(device="printer", creator="kiosk"), True),
        (event(device="cutter", creator="kiosk"), False),
        (event(device="printer", enterprise=SISTER), False),
        (event(device="cutter", creator="agent", enterprise=SISTER), False),
    ],
)
async def test_who_hears_what(told, hears):
    hub = Hub()
    ear = joined(hub, "printer")
    assert ear.listener.may_hear(told) is hears
    hub.publish([told])
    assert await ear.heard() == ([1] if hears else [])
    assert hub.published == 1


async def test_a_portfolio_hears_its_enterprises():
    hub = Hub()
    ear = joined(hub, "printer", enterprises=[HOTEL, SISTER])
    hub.publish([event(1), event(2, enterprise=SISTER), event(3, enterprise="stranger")])
    assert await ear.heard() == [1, 2]


async def test_an_event_comes_once_to_one_who_hears_it_for_two_reasons():
    hub = Hub()
    both, device, creator = joined(hub, "printer"), joined(hub, "printer", integration="x"), joined(hub)
    hub.publish([event(creator="agent")])
    assert [await ear.heard() for ear in (both, device, creator)] == [[1], [1], [1]]


async def test_every_connection_hears_every_event_in_order():
    hub = Hub()
    ears = [joined(hub, "printer", limit=100) for _ in range(3)]
    for number in range(1, 51):
        hub.publish([event(number)])
    assert [await ear.heard() for ear in ears] == [list(range(1, 51))] * 3


async def test_nothing_is_written_before_the_listener_begins_nor_what_it_knows():
    hub = Hub()
    ear = Ear("printer")
    hub.add(ear.listener)
    hub.publish([event(1), event(2), event(3)])
    assert await ear.heard() == []
    ear.listener.heard = 2
    ear.listener.begin()
    assert await ear.heard() == [3]


async def test_a_slow_listener_is_dropped_and_keeps_nobody_waiting():
    hub = Hub()
    slow, quick = joined(hub, "printer", limit=5), joined(hub, "printer", limit=5)
    slow.open.clear()
    for number in range(1, 6):
        hub.publish([event(number)])
        await asyncio.sleep(0)
        await quick.heard()
    assert slow.drops == 0
    assert len(hub) == 2
    hub.publish([event(6), event(7), event(8)])
    assert (slow.drops, slow.listener.dropped) == (1, True)
    assert len(hub) == 1
    assert await quick.heard() == list(range(1, 9))
    slow.open.set()
    assert await slow.heard() == [1], "what waited is let go; the cursor brings it back"
    hub.publish([event(9)])
    slow.listener.hand(event(10), "")
    assert slow.drops == 1
    assert await slow.heard() == [1]


async def test_as_many_messages_wait_as_the_limit_says():
    hub = Hub()
    ear = Ear("printer", limit=3)
    hub.add(ear.listener)
    hub.publish([event(number) for number in (1, 2, 3)])
    assert ear.drops == 0
    hub.publish([event(4)])
    assert ear.drops == 1


async def test_a_listener_whose_peer_is_gone_is_quiet():
    hub = Hub()
    ear = joined(hub, "printer")

    async def gone(_message):
        raise ConnectionError

    ear.listener._send = gone
    hub.publish([event(1), event(2)])
    await ear.heard()
    assert ear.listener.dropped
    assert ear.drops == 0
    hub.publish([event(3)])
    assert await ear.heard() == []


async def test_a_removed_listener_hears_nothing_and_leaves_no_trace():
    hub = Hub()
    ear = joined(hub, "printer", "cutter")
    assert list(hub.listeners()) == [ear.listener]
    hub.remove(ear.listener)
    hub.remove(ear.listener)
    hub.publish([event(1), event(2, creator="agent")])
    assert await ear.heard() == []
    assert (len(hub), hub._by_device, hub._by_integration) == (0, {}, {})


async def test_devices_are_connected_and_disconnected_at_once():
    hub = Hub()
    ear, other = joined(hub, "printer"), joined(hub, "printer")
    hub.publish([event(1, "printer"), event(2, "cutter")])
    await ear.heard()
    hub.rescope(ear.listener, scope("cutter"))
    hub.publish([event(3, "printer"), event(4, "cutter")])
    await ear.heard()
    hub.rescope(ear.listener, scope("cutter", enterprises=[SISTER]))
    hub.publish([event(5, "cutter"), event(6, "cutter", SISTER)])
    assert await ear.heard() == [1, 4, 6]
    assert await other.heard() == [1, 3]
    assert len(hub) == 2


async def test_what_waits_for_a_device_that_is_disconnected_is_not_told():
    hub = Hub()
    ear = Ear("printer", "cutter")
    hub.add(ear.listener)
    hub.publish([event(1, "printer"), event(2, "cutter")])
    hub.rescope(ear.listener, scope("cutter"))
    ear.listener.begin()
    assert await ear.heard() == [2]


async def test_a_listener_that_is_still_catching_up_gets_its_new_scope_too():
    hub = Hub()
    ear = Ear("printer")
    hub.rescope(ear.listener, scope("cutter"))
    assert len(hub) == 0
    hub.add(ear.listener)
    ear.listener.begin()
    hub.publish([event(1, "printer"), event(2, "cutter")])
    assert await ear.heard() == [2]


async def test_a_listener_that_was_ended_hears_nothing_more_and_is_not_added_again():
    hub = Hub()
    ear = joined(hub, "printer")
    ear.listener._begun = False
    hub.publish([event(1)])
    ear.listener.end()
    hub.remove(ear.listener)
    hub.add(ear.listener)
    ear.listener.begin()
    hub.publish([event(2)])
    assert await ear.heard() == []
    assert (len(hub), ear.drops) == (0, 0)
