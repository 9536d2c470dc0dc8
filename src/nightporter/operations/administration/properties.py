"""properties/load, export: the desk as one property file (DESIGN, "The administration operations")."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any, BinaryIO

from msgspec import UNSET, UnsetType

from nightporter.domain.errors import InvalidRecord
from nightporter.domain.value import value
from nightporter.operations.administration.export_property import export_property
from nightporter.operations.administration.load_property import InvalidPropertyFile, load_property
from nightporter.operations.operation import AdministrationCall
from nightporter.storage.database import Database
from nightporter.wire.shapes import Ids, Shape

Records = list[dict[str, Any]] | UnsetType


class PropertyFile(Shape, kw_only=True):
    """A hotel, or many, in one document. The JSON Schema that describes each record is printed by: nightporter schema."""

    enterprises: Records = UNSET
    portfolios: Records = UNSET
    clients: Records = UNSET
    integrations: Records = UNSET
    devices: Records = UNSET
    resources: Records = UNSET
    customers: Records = UNSET
    companies: Records = UNSET
    reservations: Records = UNSET
    companionships: Records = UNSET
    bills: Records = UNSET
    payment_requests: Records = UNSET
    commands: Records = UNSET
    resource_access_tokens: Records = UNSET


class LoadedRecords(Shape):
    """How many records of each part the file had."""

    records: dict[str, int]


class ExportParameters(Shape, kw_only=True):
    """Which enterprises; without them all that are the administrator's."""

    enterprise_ids: Ids | None = None


@value
class ExportedFile:
    """A property file that is written while it is sent."""

    database: Database
    enterprise_ids: Sequence[str] | None

    def pieces(self) -> AsyncGenerator[bytes, None]:
        """The file; raises Invalid("EnterpriseIds") before the first piece."""
        return export_property(self.database, self.enterprise_ids)


async def load(call: AdministrationCall, file: BinaryIO) -> LoadedRecords:
    """Loads a property file, all of it or nothing: creates and replaces records by their Id, deletes none.

    The body is the file itself, up to file_limit bytes. The time budget does not hold here: a load takes as long as the
    file is large, and what others write waits meanwhile. A caller that leaves before the answer finds all of it done, or
    nothing. Raises InvalidRecord, which names the record, the field and what was expected.
    """
    try:
        return LoadedRecords(await load_property(call.writer, call.sources, file, audit=call.audit))
    except InvalidPropertyFile as refused:
        raise InvalidRecord(str(refused)) from None


async def export(call: AdministrationCall, parameters: ExportParameters) -> ExportedFile:
    """Returns a property file, which changes nothing when it is loaded again, as the desk is at this moment.

    It holds guests and the PINs of their rooms; tokens are told as hashes. Who reads nothing of it for the time
    budget loses the rest. Raises Invalid("EnterpriseIds") for an enterprise that is not there, or not the administrator's.
    """
    for asked in parameters.enterprise_ids or ():
        call.administrator.enterprise(asked, "EnterpriseIds")
    return ExportedFile(call.database, call.administrator.among(parameters.enterprise_ids))
