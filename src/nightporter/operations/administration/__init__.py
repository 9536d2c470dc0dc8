"""What a property system or an operator does (DESIGN, "The administration operations")."""

from collections.abc import Awaitable, Callable

from nightporter.operations.administration import (
    access_tokens,
    adding,
    audit_records,
    clients,
    commands,
    desk,
    devices,
    enterprises,
    events,
    facts,
    integrations,
    keys,
    portfolios,
    properties,
    retention,
)
from nightporter.operations.administration import (
    administration_tokens as administrators,
)
from nightporter.operations.operation import Minimal, Operation, Streamed
from nightporter.wire.commands import AddedCommand
from nightporter.wire.shapes import Empty, Shape


def _line(
    path: str,
    run: Callable[..., Awaitable[Shape | Streamed]],
    parameters: type[Shape],
    reply: type[Shape] = Empty,
    *,
    whole: bool = False,
    file: bool = False,
) -> Operation:
    """One line of the table; ``whole`` is for administrators of the whole desk alone, ``file`` says that it takes one."""
    paged = "cursor" in reply.__struct_fields__
    minimal = Minimal.ALWAYS if reply is Empty else Minimal.EMPTY_PAGE if paged else Minimal.NEVER
    return Operation(
        path, run, parameters, reply, minimal=minimal, is_administration=True, whole_desk=whole, takes_file=file
    )


ADMINISTRATION: tuple[Operation, ...] = (
    _line("enterprises/set", enterprises.set_all, enterprises.SetParameters),
    _line("enterprises/getAll", enterprises.get_all, enterprises.GetAllParameters, enterprises.Enterprises),
    _line("portfolios/set", portfolios.set_all, portfolios.SetParameters, whole=True),
    _line("portfolios/getAll", portfolios.get_all, portfolios.GetAllParameters, portfolios.Portfolios, whole=True),
    _line("clients/add", clients.add, clients.AddParameters, clients.AddedClient, whole=True),
    _line("clients/update", clients.update, clients.UpdateParameters, whole=True),
    _line("clients/getAll", clients.get_all, clients.GetAllParameters, clients.Clients),
    _line("integrations/add", integrations.add, integrations.AddParameters, integrations.AddedIntegration),
    _line("integrations/enable", integrations.enable, integrations.ChangeParameters),
    _line("integrations/disable", integrations.disable, integrations.ChangeParameters),
    _line("integrations/connectDevices", integrations.connect_devices, integrations.DeviceParameters),
    _line("integrations/disconnectDevices", integrations.disconnect_devices, integrations.DeviceParameters),
    _line("integrations/getAll", integrations.get_all, integrations.GetAllParameters, integrations.Integrations),
    _line("accessTokens/add", access_tokens.add, access_tokens.AddParameters, access_tokens.AddedAccessToken),
    _line("accessTokens/revoke", access_tokens.revoke, access_tokens.RevokeParameters),
    _line("accessTokens/getAll", access_tokens.get_all, access_tokens.GetAllParameters, access_tokens.AccessTokens),
    _line(
        "administrationTokens/add",
        administrators.add,
        administrators.AddParameters,
        administrators.AddedAdministrationToken,
        whole=True,
    ),
    _line("administrationTokens/revoke", administrators.revoke, administrators.RevokeParameters, whole=True),
    _line(
        "administrationTokens/getAll",
        administrators.get_all,
        administrators.GetAllParameters,
        administrators.AdministrationTokens,
        whole=True,
    ),
    _line("devices/set", devices.set_all, devices.SetParameters),
    _line("devices/getAll", devices.get_all, devices.GetAllParameters, devices.Devices),
    _line("devices/delete", devices.delete, devices.DeleteParameters),
    *(operation for kind in facts.KINDS for operation in facts.operations(kind)),
    _line("commands/addFiscalMachine", adding.add_fiscal_machine, adding.FiscalMachineParameters, AddedCommand),
    _line("commands/addPassportScanner", adding.add_passport_scanner, adding.PassportScannerParameters, AddedCommand),
    _line("commands/cancel", commands.cancel, commands.CancelParameters, commands.CancelledCommands),
    _line("commands/addAgain", commands.add_again, commands.AddAgainParameters, AddedCommand),
    _line("commands/getAll", commands.get_all, commands.GetAllParameters, commands.CommandPage),
    _line("properties/load", properties.load, properties.PropertyFile, properties.LoadedRecords, whole=True, file=True),
    _line("properties/export", properties.export, properties.ExportParameters, properties.PropertyFile),
    _line("retention/purge", retention.purge, retention.Parameters, retention.Purged, whole=True),
    _line("keys/rotate", keys.rotate, keys.Parameters, keys.RotatedKinds, whole=True),
    _line("desk/freeze", desk.freeze, desk.Parameters, whole=True),
    _line("events/getAll", events.get_all, events.Parameters, events.CommandEvents),
    _line("auditRecords/getAll", audit_records.get_all, audit_records.Parameters, audit_records.AuditRecords),
)
"""The administration operations; addresses are ``/api/administration/v1/{path}``."""
