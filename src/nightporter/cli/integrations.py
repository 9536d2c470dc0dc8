"""``nightporter integrations``."""

from typing import Annotated, Any

import typer

from nightporter.cli.adding import AmongOption, EnterpriseOption, QuietOption, add
from nightporter.cli.asking import USAGE
from nightporter.cli.desk import ADMINISTRATION_EXIT_CODES, Administration, Where, administer, with_desk
from nightporter.cli.naming import CLIENT, DEVICE, INTEGRATION, PORTFOLIO, enterprise_of, id_of, pages, unused
from nightporter.cli.running import fail
from nightporter.cli.table import tell

app = typer.Typer(help="Clients at a property: which devices they are connected to.", no_args_is_help=True)

IntegrationArgument = Annotated[str, typer.Argument(help="Name or id of the integration.", metavar="NAME")]
DevicesArgument = Annotated[list[str], typer.Argument(help="Names or ids of devices.", metavar="DEVICE...")]


@app.command("add", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def add_integration(
    where: Where,
    name: Annotated[str, typer.Argument(help="Its name.", metavar="NAME")],
    client: Annotated[str, typer.Option(help="Name or id of the client.", metavar="NAME")],
    enterprise: EnterpriseOption = None,
    portfolio: Annotated[
        str | None, typer.Option(help="Name or id of a portfolio, instead of an enterprise.", metavar="NAME")
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(help="Name or id of a device to connect; may be given several times.", metavar="NAME"),
    ] = None,
    all_devices: Annotated[bool, typer.Option("--all-devices", help="Connect every device that is there now.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Add an integration: a client at an enterprise, connected to devices. It needs a token: nightporter tokens add."""
    if portfolio is not None and (enterprise is not None or all_devices):
        raise fail("give either --portfolio with each --device, or an --enterprise", USAGE)

    async def act(ask: Administration) -> dict[str, Any]:
        place: dict[str, Any] = {"PortfolioId": portfolio and await id_of(ask, PORTFOLIO, portfolio)}
        if portfolio is None:
            place = {"EnterpriseId": await enterprise_of(ask, enterprise)}
        among = [place["EnterpriseId"]] if portfolio is None else None
        devices = [await id_of(ask, DEVICE, one, EnterpriseIds=among) for one in device or ()]
        if all_devices:
            devices = [one["Id"] async for one in pages(ask, DEVICE, EnterpriseIds=among) if one["IsActive"]]
        client_id = await id_of(ask, CLIENT, client)
        await unused(ask, INTEGRATION, name)
        return await ask("integrations/add", ClientId=client_id, Name=name, DeviceIds=devices or None, **place)

    add(where, act, quiet=quiet)


@app.command("list", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def list_integrations(where: Where, enterprise: AmongOption = None) -> None:
    """List the integrations, those of every enterprise if none is given."""

    async def act(ask: Administration) -> list[dict[str, Any]]:
        among = None if enterprise is None else [await enterprise_of(ask, enterprise)]
        return [record async for record in pages(ask, INTEGRATION, EnterpriseIds=among)]

    fields = ("Id", "Name", "ClientId", "EnterpriseId", "PortfolioId", "IsEnabled", "ConnectedDeviceIds")
    tell(administer(where, act), fields, as_json=where.as_json)


@app.command("enable", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def enable(where: Where, integration: IntegrationArgument) -> None:
    """Let an integration call again."""
    _change(where, "integrations/enable", integration)


@app.command("disable", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def disable(where: Where, integration: IntegrationArgument) -> None:
    """Refuse an integration from now on; its sockets are closed, its tokens stay."""
    _change(where, "integrations/disable", integration)


@app.command("connect", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def connect(where: Where, integration: IntegrationArgument, devices: DevicesArgument) -> None:
    """Connect devices: the integration sees their commands from now on, also on open sockets."""
    _change(where, "integrations/connectDevices", integration, devices)


@app.command("disconnect", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def disconnect(where: Where, integration: IntegrationArgument, devices: DevicesArgument) -> None:
    """Disconnect devices: the integration does not see their commands any more."""
    _change(where, "integrations/disconnectDevices", integration, devices)


def _change(where: Where, path: str, integration: str, devices: list[str] | None = None) -> None:
    async def act(ask: Administration) -> None:
        device_ids = None if devices is None else [await id_of(ask, DEVICE, one) for one in devices]
        await ask(path, IntegrationId=await id_of(ask, INTEGRATION, integration), DeviceIds=device_ids)

    administer(where, act)
