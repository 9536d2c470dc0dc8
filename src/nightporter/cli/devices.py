"""``nightporter devices``."""

from typing import Annotated, Any

import typer

from nightporter.cli.adding import AmongOption, EnterpriseOption, QuietOption, add, new_id
from nightporter.cli.desk import ADMINISTRATION_EXIT_CODES, Administration, Where, administer, with_desk
from nightporter.cli.naming import DEVICE, INTEGRATION, enterprise_of, id_of, member_of, pages, unused
from nightporter.cli.table import tell
from nightporter.domain.device import DeviceType, StalledPolicy

app = typer.Typer(help="The machines of a property.", no_args_is_help=True)

Text = str | None


def _own(name: str, about: str) -> Any:
    return typer.Option(name, help=about, metavar="TEXT")


@app.command("add", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def add_device(
    where: Where,
    kind: Annotated[DeviceType, typer.Argument(help="What it is.", parser=member_of(DeviceType), metavar="TYPE")],
    name: Annotated[str, typer.Argument(help="Its name.", metavar="NAME")],
    enterprise: EnterpriseOption = None,
    connect: Annotated[
        list[str] | None,
        typer.Option(
            help="Name or id of an integration that carries its commands out; may be repeated.", metavar="NAME"
        ),
    ] = None,
    identifier: Annotated[Text, _own("--identifier", "What the hotel calls it, like Reception 1.")] = None,
    machine_identifier: Annotated[
        Text, _own("--machine-identifier", "The machine's own identifier, like FM-001.")
    ] = None,
    printer_name: Annotated[Text, _own("--printer-name", "Printers: the name at the operating system.")] = None,
    printer_driver_name: Annotated[Text, _own("--printer-driver-name", "Printers: the driver.")] = None,
    printer_port_name: Annotated[Text, _own("--printer-port-name", "Printers: the port.")] = None,
    api_url: Annotated[Text, _own("--api-url", "Key cutters and fiscal machines: their address.")] = None,
    custom_data: Annotated[Text, _own("--custom-data", "JSON that is handed through to whoever drives it.")] = None,
    tax_identifier: Annotated[Text, _own("--tax-identifier", "Fiscal machines.")] = None,
    serial_number: Annotated[Text, _own("--serial-number", "Its serial number.")] = None,
    expires_after: Annotated[
        Text, _own("--expires-after", "Cancel what is not begun within this time, like PT10M; PT0S for never.")
    ] = None,
    stalled_after: Annotated[
        Text, _own("--stalled-after", "Silence in Processing that counts as stalled, like PT5M; PT0S for never.")
    ] = None,
    stalled_policy: Annotated[
        StalledPolicy | None, typer.Option(help="What becomes of a stalled command.", parser=member_of(StalledPolicy))
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Add a device. TYPE is Printer, PaymentTerminal, KeyCutter, FiscalMachine or PassportScanner.

    Nobody carries its commands out until an integration is connected to it.
    """
    configuration = {
        "MachineIdentifier": machine_identifier,
        "PrinterName": printer_name,
        "PrinterDriverName": printer_driver_name,
        "PrinterPortName": printer_port_name,
        "ApiUrl": api_url,
        "CustomData": custom_data,
        "TaxIdentifier": tax_identifier,
        "SerialNumber": serial_number,
    }
    own = {
        "Identifier": identifier,
        "ExpiresAfter": expires_after,
        "StalledAfter": stalled_after,
        "StalledPolicy": stalled_policy,
    }

    async def act(ask: Administration) -> dict[str, Any]:
        owner = await enterprise_of(ask, enterprise)
        told = {"Id": new_id(), "Type": kind, "Name": await unused(ask, DEVICE, name, owner), "EnterpriseId": owner}
        integrations = [await id_of(ask, INTEGRATION, one) for one in connect or ()]
        record = {
            **told,
            **{field: given for field, given in own.items() if given is not None},
            "Configuration": {field: given for field, given in configuration.items() if given is not None},
        }
        await ask("devices/set", Devices=[record])
        for integration_id in integrations:
            await ask("integrations/connectDevices", IntegrationId=integration_id, DeviceIds=[told["Id"]])
        return told

    add(where, act, quiet=quiet)


@app.command("list", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def list_devices(where: Where, enterprise: AmongOption = None) -> None:
    """List the devices, those of every enterprise if none is given, deleted ones included."""

    async def act(ask: Administration) -> list[dict[str, Any]]:
        among = None if enterprise is None else [await enterprise_of(ask, enterprise)]
        return [record async for record in pages(ask, DEVICE, EnterpriseIds=among)]

    tell(administer(where, act), ("Id", "Type", "Name", "Identifier", "IsActive"), as_json=where.as_json)


@app.command("delete", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def delete(
    where: Where,
    devices: Annotated[list[str], typer.Argument(help="Names or ids of devices.", metavar="DEVICE...")],
) -> None:
    """Take devices out of service; their commands that have not begun are cancelled."""

    async def act(ask: Administration) -> None:
        await ask("devices/delete", DeviceIds=[await id_of(ask, DEVICE, one) for one in devices])

    administer(where, act)
