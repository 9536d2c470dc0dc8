"""A node of a run: the server as it ships, on a clock that steps when a signal says so.

``python -m torture.served CLOCK serve …``: the file CLOCK holds the seconds by which the clock is wrong; it is read at the
start and at SIGUSR1. Everything after it is the command line of the program. Its sockets hold little.
"""

import dataclasses
import os
import signal
import socket
import sys
from datetime import timedelta
from pathlib import Path

from nightporter.domain.sources import Sources
from nightporter.host import clock as host_clock
from nightporter.web import server

SMALL = 4096


def step_by(clock: Path) -> None:
    """Let the wall clock of the server be wrong by what ``clock`` says; seconds that elapse stay as they are."""
    machine_sources = host_clock.machine_sources
    wrong = timedelta()

    def read(*_: object) -> None:
        nonlocal wrong
        wrong = timedelta(seconds=float(clock.read_text()))

    def sources() -> Sources:
        machine = machine_sources()
        return dataclasses.replace(machine, now=lambda: machine.now() + wrong)

    read()
    signal.signal(signal.SIGUSR1, read)
    host_clock.machine_sources = sources


def hold_little() -> None:
    """Let the system hold little of what a client does not read, so that a socket that stops reading is noticed soon."""
    startup = server.Server.startup

    async def narrowed(self: server.Server, sockets: list[socket.socket] | None = None) -> None:
        await startup(self, sockets)
        for listening in self.servers[0].sockets if self.started else ():
            with socket.socket(fileno=os.dup(listening.fileno())) as same:
                same.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)  # those that it accepts have it from it

    server.Server.startup = narrowed  # type: ignore[method-assign]


def main() -> None:
    """Run the program."""
    from nightporter.cli import main as program

    step_by(Path(sys.argv.pop(1)))
    hold_little()
    program()


if __name__ == "__main__":
    main()
