"""What becomes of bytes that had not left when a link was given up."""

import asyncio
from contextlib import suppress

import pytest

from nightporter.agent.driver import Away
from nightporter.agent.drivers.payment_terminal import messages
from nightporter.agent.drivers.payment_terminal.link import Link
from nightporter.agent.drivers.payment_terminal.messages import Apdu


async def ending_of(link_fails: bool) -> bytes | None:
    """What a terminal hears last of a link: nothing at its end, None when it was reset."""
    heard: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()

    async def terminal(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(3)
        if not link_fails:
            writer.write(Apdu(messages.ACCEPTED).encoded() + Apdu(messages.COMPLETION).encoded())
            await reader.readexactly(3)
        try:
            heard.set_result(await reader.read())
        except ConnectionResetError:
            heard.set_result(None)
        writer.close()

    server = await asyncio.start_server(terminal, "127.0.0.1", 0)
    async with server, asyncio.timeout(5):
        with suppress(Away):
            async with Link("127.0.0.1", server.sockets[0].getsockname()[1], 0.05 if link_fails else 2.0) as link:
                await link.run(Apdu(messages.STATUS_ENQUIRY), 2.0)
        return await heard


@pytest.mark.parametrize(("link_fails", "last"), [(True, None), (False, b"")])
async def test_a_link_that_is_given_up_is_reset_so_that_nothing_of_it_arrives_late(
    link_fails: bool, last: bytes | None
) -> None:
    assert await ending_of(link_fails) == last
