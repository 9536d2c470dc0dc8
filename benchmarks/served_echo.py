"""A plain ASGI echo on the same uvicorn: reads the same struct, answers the same one, keeps nothing."""

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

from nightporter.operations.commands.add_key_cutter import Parameters
from nightporter.wire.commands import AddedCommand
from nightporter.wire.shapes import decoder, encode

decode = decoder(Parameters)
Message = MutableMapping[str, Any]


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    if scope["type"] != "http":
        return
    body = (await receive())["body"]
    reply = encode(AddedCommand(decode(body).key_cutter_id)) if body else b"{}"
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(reply)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": reply})


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[1]), loop="uvloop", http="httptools", ws="none", lifespan="off", log_config=None, access_log=False,
        server_header=False, date_header=False,
    )  # fmt: skip
