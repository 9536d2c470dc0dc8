"""A service manager as a process sees it: a socket that takes what the process tells of itself."""

import asyncio
import os
import secrets
import socket
from pathlib import Path

PATIENCE = 60.0


class Manager:
    """Listens at ``address``, which goes into the environment as NOTIFY_SOCKET."""

    def __init__(self, folder: Path | None) -> None:
        """In ``folder``, or in the abstract name space for None."""
        self.address = (
            f"@nightporter-{os.getpid()}-{secrets.token_hex(4)}" if folder is None else str(folder / "notify")
        )
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address.replace("@", "\0", 1) if folder is None else self.address)
        self._socket.setblocking(False)
        self.heard: list[list[str]] = []
        """Every message as its lines."""

    async def hears(self, line: str, within: float = PATIENCE) -> list[str]:
        """Wait for the next message that has ``line`` (or begins a line with it); its lines. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while True:
                message = await asyncio.get_running_loop().sock_recv(self._socket, 65536)
                self.heard.append(message.decode().split("\n"))
                if any(one.startswith(line) for one in self.heard[-1]):
                    return self.heard[-1]

    def close(self) -> None:
        self._socket.close()
