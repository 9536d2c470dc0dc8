"""A real ``nightporter agent run`` in a folder of its own, at machines made of software."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nightporter.agent.journal import NAME
from nightporter.agent.simulator import Simulator
from nightporter.agent.status import Status, status
from tests.cli.program import Started, started
from tests.end_to_end.served import PATIENCE, Served, body
from tests.harness import ACCESS_TOKEN, CLIENT_TOKEN, PREFIX

CUTTER = "7dafffff-a727-4917-a203-bd53995f21bf"
ENCODER = "Front desk"
"""What the demo's key cutter is called by the lock system."""
STAY = "be35b39e-ad7e-460a-8de9-4c7581e016a2"


def cutter(locks: Simulator, **options: str) -> str:
    """The demo's key cutter in a configuration."""
    return machine("Encoder", CUTTER, "industry-standard", address=f"{locks.host}:{locks.port}", **options)


def machine(name: str, device: str, driver: str, **options: str) -> str:
    told = {"device": device, "driver": driver, **options}
    return "\n".join([f'[machines."{name}"]', *(f'{key} = "{value}"' for key, value in told.items())])


@dataclass
class Setup:
    """The folder of an agent, with its tokens in two files."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "agent.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def write(self, address: str, *machines: str, **top: str) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "client-token").write_text(f"{CLIENT_TOKEN}\n")
        (self.folder / "access-token").write_text(f"{ACCESS_TOKEN}\n")
        lines = [f'{name} = "{value}"' for name, value in {"state": "state", **top}.items()]
        lines += ["[platform]", f'address = "{address}"']
        lines += ['client_token_file = "client-token"', 'access_token_file = "access-token"']
        self.path.write_text("\n".join([*lines, *machines, ""]))

    @asynccontextmanager
    async def agent(self, **environment: str) -> AsyncIterator[Started]:
        """The agent at work."""
        async with started("agent", "run", "--config", self.path, **environment) as process:
            yield process

    def status(self) -> Status:
        return status(self.state, 10)

    def journal(self) -> bytes:
        """All that is on the disk of the journal."""
        return b"".join(path.read_bytes() for path in sorted(self.state.glob(f"{NAME}*")))


async def cut(desk: Served) -> str:
    """Ask for a key; its command."""
    async with desk.http() as http:
        reply = await http.post(
            f"{PREFIX}commands/addKeyCutter", json=body(KeyCutterId=CUTTER, ReservationId=STAY, KeyCount=1)
        )
    assert reply.is_success, reply.text
    return str(reply.json()["CommandId"])


async def command(desk: Served, command_id: str) -> dict[str, Any]:
    async with desk.http() as http:
        asked = body(CommandIds=[command_id], Extent={"Execution": True})
        reply = await http.post(f"{PREFIX}commands/getAllByIds", json=asked, timeout=PATIENCE)
    found: dict[str, Any] = reply.json()["Commands"][0]
    return found


async def ended(desk: Served, command_id: str) -> dict[str, Any]:
    """The command, once it has ended."""
    async with asyncio.timeout(PATIENCE):
        while (found := await command(desk, command_id))["State"] not in ("Processed", "Cancelled", "Error"):
            pass
    return found


async def until(holds: Callable[[], object]) -> None:
    """Until ``holds``, which nobody announces."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - as said
            await asyncio.sleep(0.02)
