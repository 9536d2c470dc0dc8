"""``agent check``: what the platform and every machine say of themselves, and what does not fit together."""

import asyncio
from contextlib import aclosing
from datetime import datetime
from typing import Any

from nightporter import __version__
from nightporter.agent.configuration import Configuration, MachineConfiguration
from nightporter.agent.driver import Away, Surroundings
from nightporter.client import Client, ClientError, Connection, NotRecognised, Patience
from nightporter.client.address import Address
from nightporter.domain.sources import Sources
from nightporter.domain.value import value
from nightporter.wire.commands import Device

LONGEST = 30.0
"""Seconds that one machine gets to answer."""
IF_IT_IS_ON = "If it is on and not busy, see that its address and driver are right in the configuration."
APART = 5.0
"""Seconds by which two clocks may differ before it is told."""


@value
class Finding:
    """What was found of the platform or a machine; without ``problems`` it works, if not as well as it could: ``remarks``."""

    name: str
    identity: str
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


async def examine(configuration: Configuration, sources: Sources) -> list[Finding]:
    """Ask all of them at the same time."""
    platform, devices = await _platform(configuration, sources)
    machines = await asyncio.gather(
        *(_machine(machine, devices, configuration, sources) for machine in configuration.machines)
    )
    return [platform, *machines]


async def _platform(configuration: Configuration, sources: Sources) -> tuple[Finding, dict[str, Device] | None]:
    told = configuration.platform
    problems: list[str] = []
    remarks: list[str] = []
    try:
        client = Client(
            told.address, told.client_token, told.access_token, f"Nightporter agent {__version__}", told.socket_address,
            patience=Patience(tries=2),
        )  # fmt: skip
        async with client:
            asked = sources.now()
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
    except ClientError as error:
        advice = (
            "Give the agent the two tokens of its integration."
            if isinstance(error, NotRecognised)
            else "See that the address in [platform] is the platform's, and that this computer reaches it."
        )
        return Finding("platform", told.address, (f"{error}. {advice}",)), None
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
        f"Calls work, but the socket {url} cannot be reached: {why}. Commands come up to {Patience().deaf:g} seconds late, "
        "and are called off as late. See that the address is the platform's, and that proxies and firewalls on the way let "
        "WebSocket connections through."
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
