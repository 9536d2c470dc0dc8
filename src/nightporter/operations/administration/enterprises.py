"""enterprises/set, enterprises/getAll: the properties of the desk."""

import json
from typing import Annotated

from msgspec import Meta, Raw

from nightporter.operations.administration.records import set_records
from nightporter.operations.operation import AdministrationCall
from nightporter.storage import parties
from nightporter.wire.property_file import EnterpriseRecord
from nightporter.wire.scalars import Id, SentId
from nightporter.wire.shapes import Empty, Limitation, Shape


class SetParameters(Shape, kw_only=True):
    """The enterprises to create or replace."""

    enterprises: Annotated[
        list[Annotated[Raw, Meta(extra_json_schema={"$ref": "#/components/schemas/EnterpriseRecord"})]],
        Meta(min_length=1, max_length=1000),
    ]


class GetAllParameters(Shape, kw_only=True):
    """Which page to return."""

    limitation: Limitation


class Enterprises(Shape):
    """A page of enterprises."""

    enterprises: list[EnterpriseRecord]
    cursor: SentId | None


async def set_all(call: AdministrationCall, parameters: SetParameters) -> Empty:
    """Creates enterprises or replaces them by their ``Id``, all or none. One that is disabled serves nobody.

    Raises InvalidRecord, and Invalid("EnterpriseId") for one that is not the administrator's.
    """
    await set_records(call, "Enterprises", parameters.enterprises)
    return Empty()


async def get_all(call: AdministrationCall, parameters: GetAllParameters) -> Enterprises:
    """Returns the administrator's enterprises in the order of their ids."""
    limitation = parameters.limitation
    rows = await parties.enterprises(
        call.database, call.administrator.among(None), limitation.cursor or "", int(limitation.count)
    )
    found = [
        EnterpriseRecord(id=Id(row[0]), name=row[1], accepted_currencies=json.loads(row[2]), is_enabled=bool(row[3]))
        for row in rows
    ]
    return Enterprises(found, found[-1].id if found else None)
