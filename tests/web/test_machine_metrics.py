"""The counts of a machine are the same whichever of its workers is asked, and never become less."""

from pathlib import Path

import pytest

from nightporter.web.machine_metrics import MachineMetrics, end_sockets


def counting(folder: Path, number: int, events: int, sockets: int) -> MachineMetrics:
    one = MachineMetrics(folder, number)
    one.published(events)
    one.connected(sockets)
    one.answered("devices/getAll", 200, 0.1)
    return one


def test_whoever_is_asked_adds_what_the_others_wrote(tmp_path: Path) -> None:
    one, other = counting(tmp_path, 0, 3, 1), counting(tmp_path, 1, 4, 2)
    other.write()
    told = one.told()
    assert (told.events, told.sockets, told.requests) == (7, 3, {"devices/getAll": {200: 2}})
    assert other.told() == told
    assert one.snapshot().events == 3


def test_what_was_told_once_stays_told_when_its_worker_is_killed(tmp_path: Path) -> None:
    one, other = counting(tmp_path, 0, 3, 1), counting(tmp_path, 1, 4, 2)
    other.write()
    assert one.told().events == 7
    end_sockets(tmp_path, 0)
    told = other.told()
    assert (told.events, told.sockets) == (7, 2)
    replaced = counting(tmp_path, 0, 1, 1)
    replaced.write()
    assert (other.told().events, other.told().sockets) == (8, 3)


@pytest.mark.parametrize("left", [b"", b"{", b'{"events": "many"}'])
def test_a_file_that_cannot_be_read_counts_as_nothing(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "1.json").write_bytes(left)
    assert counting(tmp_path, 0, 3, 1).told().events == 3


def test_a_folder_that_is_gone_keeps_nobody_from_telling_its_own(tmp_path: Path) -> None:
    one = counting(tmp_path / "gone", 0, 3, 1)
    assert one.told().events == 3
