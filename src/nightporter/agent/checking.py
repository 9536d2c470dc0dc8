"""``agent check``: what the platform and every machine say of themselves, and what does not fit together."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import Any

from nightporter import __version__
from nightporter.agent.configuration import Configuration, MachineConfiguration
from nightporter.agent.driver import Away, Surroundings
from nightporter.client import Client, ClientError, Connection, NotRecognised, Patience, Unreachable
from nightporter.client.address import Address, proxy_of
from nightporter.domain.sources import Sources
from nightporter.domain.value import value
from nightporter.wire.commands import Device

LONGEST = 30.0
"""Seconds that one machine gets to answer."""
PATIENCE = 10.0
"""Seconds that the platform gets: somebody sits before this and waits."""
IF_IT_IS_ON = "If it is on and not busy, see that its address and driver are right in the configuration."
IF_IT_IS_THE_PLATFORM = "See that the address in [platform] is the platform's, and that this computer reaches it."
BY_PROXY = (
    "It is asked by way of a proxy: correct that in the environment (http_proxy, https_proxy), or add the platform to "
    "no_proxy there."
)
APART = 5.0
"""Seconds by which two clocks may differ before it is told."""


@value
class Finding:
    """What was found of the state, the platform or a machine; ``remarks`` say that it works, though not as well as it could."""

    name: str
    identity: str
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


async def examine(configuration: Configuration, sources: Sources) -> AsyncGenerator[Finding, None]:
    """What is found of the state and the platform, then of the machines, which are asked at the same time, as they answer."""
    yield _state(configuration.state)
    platform, devices = await _platform(configuration, sources)
    yield platform
    asked = [_machine(machine, devices, configuration, sources) for machine in configuration.machines]
    for answered in asyncio.as_completed(asked):
        yield await answered


def _state(folder: Path) -> Finding:
    try:
        # Whether one may write is only known by writing: it is not a matter of permissions alone, least of all on Windows.
        with tempfile.TemporaryFile(dir=next(one for one in (folder, *folder.absolute().parents) if one.exists())):
            return Finding("state", str(folder))
    except OSError as error:
        told = (
            f"It cannot be written: {error.strerror}. Whoever runs the agent must be allowed to write there; or give another "
            "folder as state."
        )
        return Finding("state", str(folder), (told,))


async def _platform(configuration: Configuration, sources: Sources) -> tuple[Finding, dict[str, Device] | None]:
    told = configuration.platform
    problems: list[str] = []
    remarks: list[str] = []
    try:
        client = Client(
            told.address, told.client_token, told.access_token, f"Nightporter agent {__version__}", told.socket_address,
            patience=Patience(tries=1, connect_timeout=PATIENCE),
        )  # fmt: skip
        async with client:
            asked = sources.now()
            async with asyncio.timeout(PATIENCE):
                devices = {device.id.lower(): device for device in await client.get_devices()}
            answered = sources.now()
            if client.server_time is not None:
                apart = _apart(client.server_time, asked, answered)
                aged = [machine.name for machine in configuration.machines if machine.too_old_after is not None]
                if abs(apart) > APART:
                    (problems if aged else remarks).append(_of_clocks(apart, aged))
            await _try_the_socket(client, Address.of(told.address, told.socket_address).socket, problems, remarks)
    except ValueError as error:
        return Finding("platform", told.address, (str(error),)), None
    except NotRecognised as error:
        return Finding("platform", told.address, (f"{error}. Give the agent the two tokens of its integration.",)), None
    except (ClientError, TimeoutError) as error:
        why = str(error) or f"{told.address} did not answer within {PATIENCE:g} seconds"
        is_by_proxy = isinstance(error, Unreachable | TimeoutError) and proxy_of(told.address) is not None
        return Finding(
            "platform", told.address, (f"{why}. {BY_PROXY if is_by_proxy else IF_IT_IS_THE_PLATFORM}",)
        ), None
    driven = {machine.device_id for machine in configuration.machines}
    left = [device.name for id_, device in devices.items() if id_ not in driven]
    rest = f"; no machine here stands for: {', '.join(sorted(left))}" if left else ""
    identity = f"{told.address}, {len(devices)} devices{rest}"
    return Finding("platform", identity, tuple(problems), tuple(remarks)), devices


def _apart(theirs: datetime, asked: datetime, answered: datetime) -> float:
    """How many seconds this computer's clock is at least ahead of the server's, which told whole seconds; below 0, behind."""
    ahead, behind = (asked - theirs).total_seconds() - 1, (theirs - answered).total_seconds()
    return ahead if ahead > 0 else -max(behind, 0.0)


def _of_clocks(apart: float, aged: list[str]) -> str:
    told = (
        f"This computer's clock is {abs(apart):.0f} seconds {'ahead of' if apart > 0 else 'behind'} the platform's: "
        "set both by NTP."
    )
    if not aged:
        return told
    harm = "not begun though they are not too old" if apart > 0 else "begun though they are too old"
    return f"{told} Commands are {harm} at machines with too_old_after: {', '.join(aged)}."


async def _try_the_socket(client: Client, url: str, problems: list[str], remarks: list[str]) -> None:
    """Connect as the agent would, and leave again."""
    told: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()

    def saw(connection: Connection) -> None:
        if not told.done():
            told.set_result(connection)

    async def listen() -> None:
        async with aclosing(client.listen(saw)) as events:
            async for _ in events:
                pass

    listening = asyncio.create_task(listen())
    both: set[asyncio.Future[Any]] = {told, listening}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if told.done():
            connection = told.result()
            if not connection.is_open:
                remarks.append(_without_socket(url, connection.reason))
        else:
            listening.result()
    except NotRecognised as error:
        problems.append(f"Calls work, but the socket {url} does not take the tokens: {error}. No commands come.")
    except ClientError as error:
        remarks.append(_without_socket(url, str(error)))
    finally:
        listening.cancel()
        await asyncio.wait({listening})


def _without_socket(url: str, why: str) -> str:
    return (
        f"Calls work, but the socket {url} cannot be reached: {why}. Commands reach the machines up to {Patience().deaf:g} "
        "seconds late, and so does calling one off. See that the address is the platform's, and that proxies and firewalls on "
        "the way let WebSocket connections through."
    )


async def _machine(
    machine: MachineConfiguration, devices: dict[str, Device] | None, configuration: Configuration, sources: Sources
) -> Finding:
    problems: list[str] = []
    if devices is not None:
        device = devices.get(machine.device_id)
        if device is None:
            problems.append(
                f"The platform shows no device {machine.device_id} with these tokens: see that the id is right and that "
                "the device is connected to this integration."
            )
        elif device.type is not machine.kind.device_type:
            problems.append(
                f"The device {device.name} is a {device.type}, and the driver {machine.kind.name} is for a "
                f"{machine.kind.device_type}: correct device or driver."
            )
    identity = machine.place
    try:
        driver = machine.kind.make(
            machine.options, Surroundings(sources, configuration.time_zone, machine.name, configuration.folder)
        )
        try:
            async with asyncio.timeout(LONGEST):
                probe = await driver.probe()
            identity = probe.identity
            problems += probe.problems
        finally:
            await driver.close()
    except ValueError as error:
        problems.append(str(error))
    except Away as error:
        problems.append(f"{error} {IF_IT_IS_ON}")
    except TimeoutError:
        problems.append(f"It did not answer within {LONGEST:g} seconds. {IF_IT_IS_ON}")
    except Exception as error:
        problems.append(f"The driver {machine.kind.name} has a fault: {type(error).__name__}.")
    return Finding(machine.name, identity, tuple(problems))
