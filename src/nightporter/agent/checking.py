"""``agent check``: what the platform and every machine say of themselves, and what does not fit together."""

import asyncio

from nightporter import __version__
from nightporter.agent.configuration import Configuration, MachineConfiguration
from nightporter.agent.driver import Away, Surroundings
from nightporter.client import Client, ClientError, Patience
from nightporter.domain.sources import Sources
from nightporter.domain.value import value
from nightporter.wire.commands import Device

LONGEST = 30.0
"""Seconds that one machine gets to answer."""


@value
class Finding:
    """What was found of the platform or a machine; without ``problems`` it is well."""

    name: str
    identity: str
    problems: tuple[str, ...]


async def examine(configuration: Configuration, sources: Sources) -> list[Finding]:
    """Ask all of them at the same time."""
    platform, devices = await _platform(configuration)
    machines = await asyncio.gather(
        *(_machine(machine, devices, configuration, sources) for machine in configuration.machines)
    )
    return [platform, *machines]


async def _platform(configuration: Configuration) -> tuple[Finding, dict[str, Device] | None]:
    told = configuration.platform
    try:
        client = Client(
            told.address, told.client_token, told.access_token, f"Nightporter agent {__version__}", told.socket_address,
            patience=Patience(tries=2),
        )  # fmt: skip
    except ValueError as error:
        return Finding("platform", told.address, (str(error),)), None
    try:
        async with client:
            devices = {device.id.lower(): device for device in await client.get_devices()}
    except ClientError as error:
        return Finding("platform", told.address, (str(error),)), None
    driven = {machine.device_id for machine in configuration.machines}
    left = [device.name for id_, device in devices.items() if id_ not in driven]
    rest = f"; nobody drives here: {', '.join(sorted(left))}" if left else ""
    return Finding("platform", f"{told.address}, {len(devices)} devices{rest}", ()), devices


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
                f"{machine.kind.device_type}."
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
    except (Away, ValueError) as error:
        problems.append(str(error))
    except TimeoutError:
        problems.append(f"It did not answer within {LONGEST:g} seconds.")
    except Exception as error:
        problems.append(f"The driver {machine.kind.name} has a fault: {type(error).__name__}.")
    return Finding(machine.name, identity, tuple(problems))
