"""Things of the desk by the names that people give them: an id, or a name that fits exactly one."""

from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import typer

from nightporter.cli.asking import FAILED, plain
from nightporter.cli.desk import Administration
from nightporter.cli.running import fail
from nightporter.domain.device import DeviceType
from nightporter.domain.value import value

PAGE = 1000
E = TypeVar("E", bound=StrEnum)


def member_of(kind: type[E]) -> Callable[[str], E]:
    """What reads a member of ``kind`` without regard to case; it raises typer.BadParameter, with all as they are written."""

    def read(text: str) -> E:
        for one in kind:
            if one.casefold() == text.casefold():
                return one
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(kind)}.")

    return read


@value
class Named:
    """What has names: the part that lists it, and how one of them is called."""

    part: str
    one: str

    @property
    def path(self) -> str:
        """The operation that lists them."""
        return f"{self.part[0].lower()}{self.part[1:]}/getAll"


ENTERPRISE = Named("Enterprises", "enterprise")
PORTFOLIO = Named("Portfolios", "portfolio")
CLIENT = Named("Clients", "client")
INTEGRATION = Named("Integrations", "integration")
DEVICE = Named("Devices", "device")
ROOM = Named("Resources", "room")
GUEST = Named("Customers", "guest")


async def pages(ask: Administration, named: Named | str, **fields: Any) -> AsyncIterator[dict[str, Any]]:
    """All records of a part of the desk, page by page."""
    named = named if isinstance(named, Named) else Named(named, "")
    cursor: str | None = None
    while True:
        reply = await ask(named.path, **fields, Limitation={"Count": PAGE, "Cursor": cursor})
        for record in reply[named.part]:
            yield record
        cursor = reply["Cursor"]
        if cursor is None or len(reply[named.part]) < PAGE:
            return


async def id_of(ask: Administration, named: Named, given: str, **fields: Any) -> str:
    """The id that ``given`` is, or that of the only record with that name; raises typer.Exit with the reason told."""
    if _is_id(given):
        return given.lower()
    found = [record async for record in pages(ask, named, **fields) if given in names_of(record)]
    active = [record for record in found if record.get("IsActive", True)]
    if len(active) == 1:
        return str(active[0]["Id"])
    if not active:
        raise fail(f"there is no {named.one} with the name {plain(given)}", FAILED)
    ids = ", ".join(record["Id"] for record in active[:5])
    raise fail(f"{len(active)} of the name {plain(given)} are there; give the id: {ids}", FAILED)


async def enterprise_of(ask: Administration, given: str | None) -> str:
    """The enterprise that is meant: the ``given`` one, else the only one; raises typer.Exit with the reason told."""
    if given is not None:
        return await id_of(ask, ENTERPRISE, given)
    found = [record["Id"] async for record in pages(ask, ENTERPRISE)]
    if len(found) == 1:
        return str(found[0])
    if not found:
        raise fail("there is no enterprise yet; make one: nightporter enterprises add NAME --currency CODE", FAILED)
    raise fail(f"there are {len(found)} enterprises; choose one: --enterprise NAME", FAILED)


async def one_of(ask: Administration, named: Named, record_id: str) -> dict[str, Any]:
    """The record with the id; raises typer.Exit with the reason told."""
    async for record in pages(ask, named):
        if record["Id"] == record_id:
            return record
    raise fail(f"there is no {named.one} with the id {record_id}", FAILED)


async def unused(ask: Administration, named: Named, name: str, owner: str | None = None) -> str:
    """``name``, which no other of its kind may have, since people call it by that; raises typer.Exit.

    ``owner`` is the enterprise within which it must be the only one.
    """
    among = {} if owner is None else {"EnterpriseIds": [owner]}
    async for record in pages(ask, named, **among):
        if record.get("Name") == name and record.get("IsActive", True):
            raise fail(f"there is a {named.one} {plain(name)} already, with the id {record['Id']}", FAILED)
    return name


async def device_of(ask: Administration, kind: DeviceType, flag: str, given: str | None, owner: str | None) -> str:
    """The device that is meant: the ``given`` one, else the only one of its ``kind`` that is in service.

    ``owner`` is the enterprise to look at, None for every one. Raises typer.Exit with the reason told.
    """
    among = None if owner is None else [owner]
    devices = [one async for one in pages(ask, DEVICE, EnterpriseIds=among)]
    if given is not None:
        device_id = await id_of(ask, DEVICE, given, EnterpriseIds=among)
        if others := [one["Type"] for one in devices if one["Id"] == device_id and one["Type"] != kind]:
            raise fail(f"{plain(given)} is a {others[0]}, not a {kind}", FAILED)
        return device_id
    found = [one["Id"] for one in devices if one["Type"] == kind and one["IsActive"]]
    if len(found) == 1:
        return str(found[0])
    if not found:
        raise fail(f"there is no device of type {kind}; make one: nightporter devices add {kind} NAME", FAILED)
    raise fail(f"there are {len(found)} devices of type {kind}; choose one: {flag} NAME", FAILED)


def names_of(record: dict[str, Any]) -> tuple[str, ...]:
    """What a record may be called: its name, or the last name of a guest with or without the first."""
    if "LastName" not in record:
        return (record["Name"],) if record.get("Name") else ()
    first, last = record.get("FirstName") or "", record.get("LastName") or ""
    return tuple(name for name in (last, f"{first} {last}".strip()) if name)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return len(text) == 36
