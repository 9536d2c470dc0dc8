"""``nightporter commands add-fiscal-machine``."""

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from nightporter.cli.adding import AmongOption, QuietOption, add, content_of
from nightporter.cli.asking import FAILED, USAGE, plain
from nightporter.cli.desk import Administration, Where, with_desk
from nightporter.cli.naming import ENTERPRISE, device_of, id_of
from nightporter.cli.running import fail
from nightporter.domain.device import DeviceType


@with_desk
def add_fiscal_machine(
    where: Where,
    bill: Annotated[
        UUID | None, typer.Option(help="Id of a bill that the desk has: nightporter records list bills.", metavar="ID")
    ] = None,
    bill_file: Annotated[
        Path | None, typer.Option(help="Instead, the bill itself as JSON; - reads it from the input.", metavar="FILE")
    ] = None,
    machine: Annotated[
        str | None, typer.Option(help="Name or id of the fiscal machine. [default: the only one]", metavar="NAME")
    ] = None,
    payload: Annotated[
        Path | None, typer.Option(help="A ready-made file that the machine is given as it is.", metavar="FILE")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="JSON of BillFiscalMachineData, for what is no simple sale: a refund.", metavar="FILE"),
    ] = None,
    enterprise: AmongOption = None,
    quiet: QuietOption = False,
) -> None:
    """Add a command that fiscalises a bill; what the bill says is a snapshot taken now.

    Without --payload and --data it is a sale, with the serial number that the machine is configured with.
    """
    if (bill is None) == (bill_file is None):
        raise fail("give either --bill or --bill-file", USAGE)
    if payload is not None and data is not None:
        raise fail("give either --payload or --data, or none of them for a sale", USAGE)
    told = {
        "BillId": None if bill is None else str(bill),
        "Bill": None if bill_file is None else _object(bill_file),
        "PayloadData": None if payload is None else _payload(payload),
        "BillFiscalMachineData": None if data is None else _object(data),
    }

    async def act(ask: Administration) -> dict[str, Any]:
        owner = None if enterprise is None else await id_of(ask, ENTERPRISE, enterprise)
        machine_id = await device_of(ask, DeviceType.FISCAL_MACHINE, "--machine", machine, owner)
        return await ask("commands/addFiscalMachine", EnterpriseId=owner, FiscalMachineId=machine_id, **told)

    add(where, act, quiet=quiet)


def _object(file: Path) -> Any:
    import msgspec

    content = content_of(file)
    try:
        msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise fail(f"{plain(str(file))} is not a JSON object: {plain(str(error))}", FAILED) from None
    return msgspec.Raw(content)


def _payload(file: Path) -> dict[str, str]:
    from base64 import b64encode

    return {"Discriminator": "ItalianFiscalMachine", "Value": b64encode(content_of(file)).decode()}
