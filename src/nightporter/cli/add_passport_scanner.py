"""``nightporter commands add-passport-scanner``."""

from typing import Annotated, Any
from uuid import UUID

import typer

from nightporter.cli.adding import AmongOption, QuietOption, add
from nightporter.cli.desk import Administration, Where, with_desk
from nightporter.cli.naming import ENTERPRISE, GUEST, device_of, id_of
from nightporter.domain.device import DeviceType


@with_desk
def add_passport_scanner(
    where: Where,
    scanner: Annotated[
        str | None, typer.Option(help="Name or id of the passport scanner. [default: the only one]", metavar="NAME")
    ] = None,
    guest: Annotated[
        str | None, typer.Option(help="Name or id of the guest whose document it is.", metavar="NAME")
    ] = None,
    reservation: Annotated[
        UUID | None, typer.Option(help="Id of the stay that it is for: nightporter stays list.", metavar="ID")
    ] = None,
    enterprise: AmongOption = None,
    quiet: QuietOption = False,
) -> None:
    """Add a command that scans a document, for a guest or a stay or nobody in particular."""

    async def act(ask: Administration) -> dict[str, Any]:
        owner = None if enterprise is None else await id_of(ask, ENTERPRISE, enterprise)
        among = None if owner is None else [owner]
        return await ask(
            "commands/addPassportScanner",
            EnterpriseId=owner,
            PassportScannerId=await device_of(ask, DeviceType.PASSPORT_SCANNER, "--scanner", scanner, owner),
            CustomerId=guest and await id_of(ask, GUEST, guest, EnterpriseIds=among),
            ReservationId=None if reservation is None else str(reservation),
        )

    add(where, act, quiet=quiet)
