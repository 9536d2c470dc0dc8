"""What becomes of a request that had not left as a whole when it counted as lost."""

import asyncio
import socket

import pytest

from nightporter.agent.driver import Away
from nightporter.agent.drivers.fiscal_machine.link import Link

BODY = b"<x>" + b"1" * 20_000 + b"</x>"


async def test_a_receipt_that_counts_as_lost_does_not_arrive_afterwards() -> None:
    loop, link = asyncio.get_running_loop(), Link("local_printer", 100)
    with socket.socket() as machine:
        # It takes in so little at a time that most of the request waits in this computer.
        machine.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        machine.bind(("127.0.0.1", 0))
        machine.listen(1)
        machine.setblocking(False)
        asking = asyncio.create_task(link.ask(f"http://127.0.0.1:{machine.getsockname()[1]}", BODY))
        till, _ = await loop.sock_accept(machine)
        with till:
            with pytest.raises(Away, match="did not answer in time"):
                await asking
            await link.close()
            heard = bytearray()

            async def hear() -> None:
                while piece := await loop.sock_recv(till, 4096):
                    heard.extend(piece)

            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(hear(), 5)
    assert heard.startswith(b"POST /cgi-bin/fpmate.cgi")
    assert BODY not in heard
