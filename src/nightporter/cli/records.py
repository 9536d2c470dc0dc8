"""``nightporter records``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from nightporter.cli.adding import AmongOption, EnterpriseOption, content_of
from nightporter.cli.asking import FAILED, USAGE, plain, say, say_json
from nightporter.cli.desk import ADMINISTRATION_EXIT_CODES, Administration, Where, administer, with_desk
from nightporter.cli.naming import enterprise_of, member_of, pages
from nightporter.cli.running import fail

app = typer.Typer(help="Facts of any kind, as the vendor's own replies print them.", no_args_is_help=True)

AT_ONCE = 1000


class Kind(StrEnum):
    """The kinds of record, as the administration operations call them."""

    RESOURCES = "resources"
    CUSTOMERS = "customers"
    COMPANIES = "companies"
    RESERVATIONS = "reservations"
    COMPANIONSHIPS = "companionships"
    BILLS = "bills"
    PAYMENT_REQUESTS = "paymentRequests"
    DEVICES = "devices"
    ENTERPRISES = "enterprises"
    PORTFOLIOS = "portfolios"

    @property
    def part(self) -> str:
        """Its part of a property file."""
        return self.value[0].upper() + self.value[1:]


WITHOUT_OWNER = (Kind.ENTERPRISES, Kind.PORTFOLIOS)
KindArgument = Annotated[Kind, typer.Argument(help="The kind of record.", parser=member_of(Kind), metavar="KIND")]


@app.command("set", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def set_records(
    where: Where,
    kind: KindArgument,
    file: Annotated[Path, typer.Argument(help="JSON; - reads it from the input.", metavar="FILE")],
    enterprise: EnterpriseOption = None,
) -> None:
    """Create or replace records by their Id: one JSON object, a list of them, or a whole reply of the vendor's.

    KIND is resources, customers, companies, reservations, companionships, bills, paymentRequests, devices, enterprises or
    portfolios. A thousand at a time are taken or refused together. Records that name no enterprise belong to the one given,
    else to the only one.
    """
    import msgspec

    content = content_of(file)
    try:
        if content.lstrip()[:1] == b"[":
            records = msgspec.json.decode(content, type=list[msgspec.Raw])
        else:
            reply = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
            records = [msgspec.Raw(content)]
            if kind.part in reply:
                records = msgspec.json.decode(reply[kind.part], type=list[msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise fail(f"{plain(str(file))} is not a JSON object or a list of them: {plain(str(error))}", FAILED) from None

    async def act(ask: Administration) -> None:
        owner: dict[str, Any] = {}
        if kind not in WITHOUT_OWNER and (enterprise is not None or not all(map(_names_owner, records))):
            owner = {"EnterpriseId": await enterprise_of(ask, enterprise)}
        for place in range(0, len(records), AT_ONCE):
            await ask(f"{kind}/set", **{kind.part: records[place : place + AT_ONCE]}, **owner)

    administer(where, act)
    if where.as_json:
        say_json({kind.part: len(records)})
    else:
        say(f"{len(records)} {kind.part}")


def _names_owner(record: Any) -> bool:
    import msgspec

    try:
        return msgspec.json.decode(record, type=dict[str, msgspec.Raw]).get("EnterpriseId", b"null") != b"null"
    except msgspec.MsgspecError:
        return True


@app.command("list", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def list_records(where: Where, kind: KindArgument, enterprise: AmongOption = None) -> None:
    """Print records as they are kept, one JSON object a line."""

    async def act(ask: Administration) -> None:
        among = None if enterprise is None else [await enterprise_of(ask, enterprise)]
        filters = {} if kind in WITHOUT_OWNER else {"EnterpriseIds": among}
        async for record in pages(ask, kind.part, **filters):
            say_json(record)

    administer(where, act)


@app.command("delete", epilog=ADMINISTRATION_EXIT_CODES)
@with_desk
def delete(
    where: Where,
    kind: KindArgument,
    ids: Annotated[list[str], typer.Argument(help="Ids of records.", metavar="ID...")],
) -> None:
    """Delete records; commands keep what they were made from. Enterprises and portfolios cannot be deleted."""
    if kind in WITHOUT_OWNER:
        raise fail(f"{kind} cannot be deleted", USAGE)
    name = "CompanyIds" if kind is Kind.COMPANIES else f"{kind.part[:-1]}Ids"

    async def act(ask: Administration) -> None:
        await ask(f"{kind}/delete", **{name: ids})

    administer(where, act)
