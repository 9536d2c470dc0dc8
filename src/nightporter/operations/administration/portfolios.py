"""portfolios/set, portfolios/getAll: several enterprises under one access token."""

from typing import Annotated

from msgspec import Meta, Raw

from nightporter.operations.administration.records import set_records
from nightporter.operations.operation import AdministrationCall
from nightporter.storage import parties
from nightporter.wire.property_file import PortfolioRecord
from nightporter.wire.scalars import Id, SentId
from nightporter.wire.shapes import Empty, Limitation, Shape


class SetParameters(Shape, kw_only=True):
    """The portfolios to create or replace."""

    portfolios: Annotated[
        list[Annotated[Raw, Meta(extra_json_schema={"$ref": "#/components/schemas/PortfolioRecord"})]],
        Meta(min_length=1, max_length=1000),
    ]


class GetAllParameters(Shape, kw_only=True):
    """Which page to return."""

    limitation: Limitation


class Portfolios(Shape):
    """A page of portfolios."""

    portfolios: list[PortfolioRecord]
    cursor: SentId | None


async def set_all(call: AdministrationCall, parameters: SetParameters) -> Empty:
    """Creates portfolios or adds enterprises to them, all or none; an enterprise does not leave a portfolio this way.

    Raises InvalidRecord.
    """
    await set_records(call, "Portfolios", parameters.portfolios)
    return Empty()


async def get_all(call: AdministrationCall, parameters: GetAllParameters) -> Portfolios:
    """Returns the portfolios with their enterprises in the order of their ids."""
    limitation = parameters.limitation
    rows = await parties.portfolios(call.database, limitation.cursor or "", int(limitation.count))
    found = [
        PortfolioRecord(id=Id(one[0]), name=one[1], enterprise_ids=[Id(member) for member in members])
        for one, members in rows
    ]
    return Portfolios(found, found[-1].id if found else None)
