"""``docs/your-own-hotel.md``, typed word by word into a shell: its commands, in its order, real processes all of them."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.cli.program import DEADLINE, PROGRAM, clean_environment, free_port
from tests.end_to_end.pdf import real_pdf
from tests.house.repository import ROOT

LINES = re.findall(r"^ {4}(\S.*)$", (ROOT / "docs" / "your-own-hotel.md").read_text("utf-8"), re.MULTILINE)
GOES_ON = ("nightporter serve", "nightporter watch")
"""What the page starts in a terminal of its own."""
END = "\x04"


class Shell:
    """A shell in the folder of the hotel; what it runs in other terminals ends with it."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder

    async def types(self, line: str) -> str:
        """What the line prints; it must end well."""
        said = await self._answer(f"{{ {line}\n}} 2>&1; echo {END}$?")
        out, _, code = said.rpartition(END)
        assert code == "0", (line, out, self.terminals())
        return out

    async def opens_a_terminal(self, line: str, ready: str) -> None:
        """Run the line until the end of the shell, and wait for what it says when it is ready."""
        log = f"{line.split()[1]}.terminal"
        await self._answer(f"mkfifo {log}.pipe; {line} > {log}.pipe 2>&1 & echo {END}")
        # Kept open, so that the program can say more than is read here.
        await self._answer(f"exec 9< {log}.pipe; while read -r -u 9 said; do echo \"$said\" >> {log}; "
                           f"case \"$said\" in *'{ready}'*) break;; esac; done; cat <&9 >> {log} & echo {END}")  # fmt: skip

    def terminals(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self._folder.glob("*.terminal")}

    async def _answer(self, text: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(text.encode() + b"\n")
        said = b""
        async with asyncio.timeout(DEADLINE):
            while END.encode() not in said:
                said += await self._process.stdout.readline()
        return said.decode().rstrip("\n")


@asynccontextmanager
async def shell(folder: Path, port: int) -> AsyncIterator[Shell]:
    process = await asyncio.create_subprocess_exec(
        "bash",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=folder,
        start_new_session=True,
        env=clean_environment(
            PATH=f"{PROGRAM.parent}:{os.environ['PATH']}",
            NIGHTPORTER_PORT=str(port),
            NIGHTPORTER_ADDRESS=f"http://127.0.0.1:{port}",
        ),
    )
    try:
        yield Shell(process, folder)
    finally:
        os.killpg(process.pid, 9)
        await process.communicate()


async def test_a_hotel_from_nothing_prints_cuts_keys_and_takes_payments(tmp_path: Path) -> None:
    bill = real_pdf(pages=6, seed=1)
    (tmp_path / "bill.pdf").write_bytes(bill)
    said: dict[str, str] = {}
    async with shell(tmp_path, free_port()) as bash:
        for line in LINES:
            if line.startswith(GOES_ON):
                await bash.opens_a_terminal(line, "the desk of" if "serve" in line else "waiting for commands")
            else:
                said[line] = await bash.types(line)
        assert set(bash.terminals()) == {"serve.terminal", "watch.terminal"}
    for line in ("nightporter print", "nightporter cut-key", "nightporter pay"):
        (told,) = (out for typed, out in said.items() if typed.startswith(line))
        assert told.splitlines()[-1].endswith(" Processed"), told
    (printed,) = (tmp_path / "printed").iterdir()
    assert printed.read_bytes() == bill
    assert f"{printed.stem} Processed" in said["nightporter print bill.pdf --wait"]
    assert said["nightporter commands list"].count("Processed") == 3
    assert "problem" not in said["nightporter doctor"]
