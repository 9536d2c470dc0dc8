"""Who listens: sockets that resume by cursor, over as many connections as it takes; some stop reading for a while."""

import asyncio
import random
import socket

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from torture.doors import SMALL, Door
from torture.hotel import CLIENT_TOKEN
from torture.witness import DEFECT, ILLEGAL, UNEXPECTED, Hearing, Witness

OPEN_TIMEOUT = 3
TOO_SLOW = 1013


class Listener:
    """One stream over many connections; what it hears goes into its hearing, at once and in the order of arrival."""

    def __init__(self, witness: Witness, hearing: Hearing, doors: list[Door], dice: random.Random) -> None:
        self.hearing = hearing
        self._witness = witness
        self._doors = doors
        self._dice = dice
        self._reading = asyncio.Event()
        self._reading.set()
        witness.hearings.append(hearing)

    def stop_reading(self) -> None:
        """From now on take nothing from the socket."""
        self._reading.clear()

    def read_on(self) -> None:
        """Take what comes again."""
        self._reading.set()

    async def listen(self) -> None:
        """Listen until cancelled."""
        while True:
            token = self._witness.tokens[self.hearing.integration_id]
            try:
                await self._one_connection(token)
            except InvalidStatus as refusal:
                self._judge(refusal, token)
            except ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.code == TOO_SLOW:
                    self._witness.too_slow += 1
            except (OSError, WebSocketException):
                pass  # the node is gone, or the connection was cut
            await asyncio.sleep(0.05 + self._dice.random() * 0.2)

    async def _one_connection(self, token: str) -> None:
        door = self._dice.choice(self._doors)
        plain = socket.socket()
        plain.setblocking(False)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        try:
            await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", door.port))
        except BaseException:
            plain.close()
            raise
        async with connect(
            f"ws://127.0.0.1:{door.port}/ws/connector?cursor={self.hearing.cursor}",
            sock=plain,
            additional_headers={"Cookie": f"ClientToken={CLIENT_TOKEN}; AccessToken={token}"},
            compression=None,
            open_timeout=OPEN_TIMEOUT,
            close_timeout=0.2,
            ping_interval=None,
            max_queue=1,
        ) as connection:
            if self.hearing.cursor:
                self._witness.resumed += 1
            await self._hear(connection)

    async def _hear(self, connection: ClientConnection) -> None:
        hearing = self.hearing
        while True:
            await self._reading.wait()
            message = msgspec.json.decode(await connection.recv())
            hearing.heard += [(event["Id"].lower(), event["State"]) for event in message["Events"]]
            hearing.cursor = message["Cursor"]
            if hearing.began is None:
                hearing.began = int(hearing.cursor)
            self._witness.operations["events heard"] += len(message["Events"])

    def _judge(self, refusal: InvalidStatus, token: str) -> None:
        status = refusal.response.status_code
        told = f"{self.hearing.name} was refused with {status}: {bytes(refusal.response.body or b'')[:200]!r}"
        if status == 500:
            self._witness.find(DEFECT, told)
        elif status == 401 and token == self._witness.tokens[self.hearing.integration_id]:
            self._witness.find(ILLEGAL, told)
        elif status not in (401, 503):
            self._witness.find(UNEXPECTED, told)
