"""Locks between processes: of one state, and of one machine for all agents of a computer."""

import fcntl
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nightporter.agent.running import hold
from nightporter.host.locks import ComputerLock, FileLock, InUse, LockFailed, is_held
from tests.harness import Clock

HOLDING = """
import sys
from pathlib import Path
from nightporter.host.locks import ComputerLock
with ComputerLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_that_somebody_holds_is_in_use_until_he_lets_go(tmp_path: Path) -> None:
    with FileLock(tmp_path / "one"), pytest.raises(InUse):
        FileLock(tmp_path / "one")
    FileLock(tmp_path / "one").release()


def test_a_lock_that_cannot_be_made_is_told_as_that(tmp_path: Path) -> None:
    with pytest.raises(LockFailed) as failed:
        FileLock(tmp_path / "missing" / "one")
    assert str(failed.value).startswith(f"{tmp_path}/missing/one cannot be locked: No such file or directory. See that")
    with pytest.raises(LockFailed, match="Is a directory"):
        FileLock(tmp_path)


def test_a_disk_without_locks_is_not_taken_for_somebody_who_holds_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(file: int, operation: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(LockFailed, match="one cannot be locked: No locks available"):
        FileLock(tmp_path / "one")


def test_whoever_looks_at_a_lock_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "one"
    assert not is_held(path)
    assert not path.exists()
    lock = FileLock(path)
    os.utime(path, (0, 0))
    assert is_held(path)
    lock.release()
    assert not is_held(path)
    assert path.stat().st_mtime == 0


async def test_an_agent_that_starts_while_somebody_looks_is_not_refused(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.touch()
    with path.open("rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH | fcntl.LOCK_NB)

        async def pause(_seconds: float) -> None:
            fcntl.flock(looking, fcntl.LOCK_UN)

        lock = await hold(path, replace(Clock().sources(), pause=pause))
        assert is_held(path)
        lock.release()


def test_a_machine_is_held_for_the_whole_computer_until_its_holder_dies(tmp_path: Path) -> None:
    name = Path("nightporter-tests") / tmp_path.name / str(os.getpid())
    elsewhere = {**os.environ, "TMPDIR": str(tmp_path), "HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(name)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=elsewhere
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InUse):
            ComputerLock(name)
        ComputerLock(name.with_name("another")).release()
        holder.kill()
        holder.wait()
        ComputerLock(name).release()
