"""``set``, ``getAll`` and ``delete`` of the facts that commands are made from, the same for each kind.

Records come and go in the shapes in which the vendor's own ``getAll`` operations return them; what the desk does not look
at is kept as it came.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from msgspec import Meta, Raw, defstruct

from nightporter.domain.value import value
from nightporter.operations.administration.kept_record import kept_record
from nightporter.operations.administration.pages import PageLimitation, cursor_after, place
from nightporter.operations.administration.records import one_of_his, set_records
from nightporter.operations.operation import AdministrationCall, Minimal, Operation
from nightporter.storage import fact_records
from nightporter.storage.fact_records import DeleteFacts, FactRecord
from nightporter.wire.property_file import RECORDS
from nightporter.wire.scalars import Id
from nightporter.wire.shapes import Empty, Ids, Shape


@value
class Kind:
    """One kind of fact: its part of a property file, its table, and how its ids are called."""

    part: str
    table: str
    ids: str

    @property
    def path(self) -> str:
        """The first half of the paths: the part in camel case."""
        return self.part[0].lower() + self.part[1:]


KINDS = (
    Kind("Resources", "resources", "ResourceIds"),
    Kind("Customers", "customers", "CustomerIds"),
    Kind("Companies", "companies", "CompanyIds"),
    Kind("Reservations", "reservations", "ReservationIds"),
    Kind("Companionships", "companionships", "CompanionshipIds"),
    Kind("Bills", "bills", "BillIds"),
    Kind("PaymentRequests", "payment_requests", "PaymentRequestIds"),
)


def _record(kept: FactRecord) -> Raw:
    """A record as it came, with its enterprise where it did not tell it."""
    return Raw(kept_record(kept.record, kept.enterprise_id))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _shape(name: str, kind: Kind, *fields: Any) -> type[Shape]:
    made = defstruct(f"{name}{kind.part}", list(fields), bases=(Shape,), module=__name__, kw_only=True)
    assert issubclass(made, Shape)
    return made


def _some(part: str) -> Any:
    reference = {"$ref": f"#/components/schemas/{RECORDS[part].__name__}"}
    return Annotated[list[Annotated[Raw, Meta(extra_json_schema=reference)]], Meta(min_length=1, max_length=1000)]


def operations(kind: Kind) -> tuple[Operation, ...]:
    """The three operations of one kind."""
    records, ids = _snake(kind.part), _snake(kind.ids)
    told = kind.part if kind.part != "PaymentRequests" else "payment requests"
    told = told.lower()

    async def set_all(call: AdministrationCall, parameters: Any) -> Empty:
        await set_records(call, kind.part, getattr(parameters, records), one_of_his(call, parameters.enterprise_id))
        return Empty()

    async def get_all(call: AdministrationCall, parameters: Any) -> Shape:
        limitation = parameters.limitation
        found = await fact_records.page(
            call.database,
            kind.table,
            call.administrator.among(parameters.enterprise_ids),
            getattr(parameters, ids),
            place(limitation.cursor),
            int(limitation.count),
        )
        cursor = cursor_after(found[-1].enterprise_id, found[-1].id) if found else None
        return page(**{records: [_record(one) for one in found], "cursor": cursor})

    async def delete(call: AdministrationCall, parameters: Any) -> Empty:
        asked = None if parameters.enterprise_id is None else [parameters.enterprise_id]
        enterprise_ids = call.administrator.among(asked)
        await call.writer.write(
            DeleteFacts(kind.table, enterprise_ids, tuple(map(str, getattr(parameters, ids))), call.audit)
        )
        return Empty()

    set_all.__doc__ = f"""Creates {told} or replaces them by their ``Id``, all or none, in the vendor's own shape.

    ``EnterpriseId`` is that of records that name none. Raises InvalidRecord and Invalid("EnterpriseId")."""
    get_all.__doc__ = (
        f"""Returns {told} as they were set, in the order of their enterprises and ids. Raises Invalid("Cursor")."""
    )
    delete.__doc__ = f"""Deletes {told}; ids that are not there are left out. Commands keep what they were made from."""
    page = _shape("Page", kind, (records, list[Raw]), ("cursor", str | None))
    owner = ("enterprise_id", Id | None, None)
    setting = _shape("Set", kind, owner, (records, _some(kind.part)))
    asking = _shape(
        "GetAll", kind, ("enterprise_ids", Ids | None, None), (ids, Ids | None, None), ("limitation", PageLimitation)
    )
    deleting = _shape("Delete", kind, owner, (ids, Ids))
    steps: tuple[tuple[str, Callable[..., Awaitable[Shape]], type[Shape], type[Shape], Minimal], ...] = (
        ("set", set_all, setting, Empty, Minimal.ALWAYS),
        ("getAll", get_all, asking, page, Minimal.EMPTY_PAGE),
        ("delete", delete, deleting, Empty, Minimal.ALWAYS),
    )
    return tuple(
        Operation(f"{kind.path}/{action}", run, parameters, reply, minimal=minimal, is_administration=True)
        for action, run, parameters, reply, minimal in steps
    )
