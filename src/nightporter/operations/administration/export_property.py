"""Writing a property file: the whole desk, or some enterprises, so that loading it changes nothing."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from nightporter.domain.command import CommandState, Creator
from nightporter.domain.errors import Invalid
from nightporter.domain.resource_access_token import ResourceAccessTokenType
from nightporter.operations.administration.kept_record import device_record, kept_record
from nightporter.storage import property_export as rows
from nightporter.storage.database import Database, Snapshot
from nightporter.storage.sealing import DATA, VALUE, Seal
from nightporter.storage.statements import Row, Statement
from nightporter.storage.types import moment
from nightporter.wire import property_file as shapes
from nightporter.wire.command_data import with_file
from nightporter.wire.property_file import RECORDS
from nightporter.wire.resource_access_tokens import Permissions
from nightporter.wire.scalars import Id, Utc
from nightporter.wire.shapes import Shape, encode

PIECE = 64 * 1024


async def export_property(
    database: Database, enterprise_ids: Sequence[str] | None = None
) -> AsyncGenerator[bytes, None]:
    """The property file of the enterprises, of the whole desk for None; in pieces, as the desk is at this moment.

    One record a line, in an order that stays the same, so that two exports of the same desk are equal and the differences
    of others are readable. Tokens are told as the hashes that the desk keeps. What is history or belongs to this desk alone
    is left out: commands that have ended, revoked tokens, administrators, audit records, events; so are records that no
    file could bring back, because what they refer to is gone. Raises Invalid("EnterpriseIds") for one that is not there.
    """
    async with database.snapshot() as snapshot:
        there = [row[0] async for row in snapshot.rows(rows.ENTERPRISE_IDS)]
        if enterprise_ids is not None and not set(enterprise_ids) <= set(there):
            raise Invalid("EnterpriseIds")
        export = _Export(
            snapshot, database.seal, there if enterprise_ids is None else enterprise_ids, enterprise_ids is None
        )
        text = bytearray()
        for place, part in enumerate(RECORDS):
            text += b'%s\n"%s": [' % (b"," if place else b"{", part.encode())
            between = b"\n"
            async for line in export.part(part):
                text += between + line
                between = b",\n"
                if len(text) >= PIECE:
                    yield bytes(text)
                    text.clear()
            text += b"\n]" if between == b",\n" else b"]"
        yield bytes(text) + b"\n}\n"


class _Export:
    def __init__(self, snapshot: Snapshot, seal: Seal, enterprise_ids: Sequence[str], is_whole: bool) -> None:
        self._snapshot = snapshot
        self._seal = seal
        self._enterprise_ids = enterprise_ids
        self._is_whole = is_whole

    async def part(self, part: str) -> AsyncIterator[bytes]:
        """The records of a part, each as one line of JSON."""
        if part in rows.FACTS:
            async for enterprise_id, record in self._rows(rows.FACTS[part]):
                yield kept_record(record, enterprise_id).encode()
            return
        others: dict[str, AsyncIterator[Shape]] = {
            "Enterprises": self._enterprises(),
            "Portfolios": self._portfolios(),
            "Clients": self._clients(),
            "Integrations": self._integrations(),
            "Devices": self._devices(),
            "Commands": self._commands(),
            "ResourceAccessTokens": self._resource_access_tokens(),
        }
        async for shape in others[part]:
            yield _line(shape)

    def _rows(self, statement: Statement, **given: Any) -> AsyncIterator[Row]:
        chosen = {"enterprises": self._enterprise_ids} if "enterprises" in statement.lists else {}
        return self._snapshot.rows(statement, **chosen, **given)

    async def _lists(self, statement: Statement) -> dict[str, list[Row]]:
        """What belongs to each owner, which stands first in the rows; few enough to be at hand."""
        found: dict[str, list[Row]] = {}
        async for row in self._rows(statement):
            found.setdefault(row[0], []).append(row[1:])
        return found

    async def _enterprises(self) -> AsyncIterator[Shape]:
        async for row in self._rows(rows.ENTERPRISES):
            currencies = msgspec.json.decode(row[2])
            yield shapes.EnterpriseRecord(
                id=Id(row[0]), name=row[1], accepted_currencies=currencies, is_enabled=bool(row[3])
            )

    async def _portfolios(self) -> AsyncIterator[Shape]:
        members = await self._lists(rows.MEMBERS)
        async for row in self._rows(rows.PORTFOLIOS):
            yield shapes.PortfolioRecord(
                id=Id(row[0]), name=row[1], enterprise_ids=[Id(one[0]) for one in members[row[0]]]
            )

    async def _clients(self) -> AsyncIterator[Shape]:
        async for row in self._rows(rows.CLIENTS, whole=self._is_whole):
            yield shapes.ClientRecord(
                id=Id(row[0]), name=row[1], client_token_hash=row[2], rights=msgspec.json.decode(row[3])
            )

    async def _integrations(self) -> AsyncIterator[Shape]:
        tokens, connected = await self._lists(rows.ACCESS_TOKENS), await self._lists(rows.CONNECTIONS)
        async for row in self._rows(rows.INTEGRATIONS):
            yield shapes.IntegrationRecord(
                id=Id(row[0]),
                client_id=Id(row[1]),
                name=row[2],
                enterprise_id=row[3] and Id(row[3]),
                portfolio_id=row[4] and Id(row[4]),
                is_enabled=bool(row[5]),
                access_tokens=[
                    shapes.AccessTokenRecord(id=Id(one[0]), access_token_hash=one[1]) for one in tokens.get(row[0], ())
                ],
                connected_device_ids=[Id(one[0]) for one in connected.get(row[0], ())],
            )

    async def _devices(self) -> AsyncIterator[Shape]:
        async for row in self._rows(rows.DEVICES):
            yield device_record(row)

    async def _commands(self) -> AsyncIterator[Shape]:
        async for row in self._rows(rows.COMMANDS):
            data = self._seal.open(DATA, row[0], row[1], row[7]).encode()
            if row[8] is not None:
                async for document in self._snapshot.rows(rows.DOCUMENT, enterprise=row[0], command=row[1]):
                    data = with_file(data, self._seal.open_document(row[0], row[1], document[0]))
            creator = msgspec.json.decode(row[6], type=Creator)
            yield shapes.CommandRecord(
                enterprise_id=Id(row[0]),
                id=Id(row[1]),
                device_id=Id(row[2]),
                state=CommandState(row[3]),
                created_utc=_utc(row[4]),
                updated_utc=_utc(row[5]),
                creator=shapes.CreatorRecord(
                    first_name=creator.first_name,
                    last_name=creator.last_name,
                    image_url=creator.image_url,
                    discriminator=creator.discriminator,
                    profile_id=Id(creator.profile_id) if creator.profile_id else None,
                ),
                data=Raw(data),
            )

    async def _resource_access_tokens(self) -> AsyncIterator[Shape]:
        async for row in self._rows(rows.RESOURCE_ACCESS_TOKENS):
            yield shapes.ResourceAccessTokenRecord(
                enterprise_id=Id(row[0]),
                id=Id(row[1]),
                service_order_id=Id(row[2]),
                companionship_id=row[3] and Id(row[3]),
                resource_id=row[4] and Id(row[4]),
                type=ResourceAccessTokenType(row[5]),
                value=self._seal.open(VALUE, row[0], row[1], row[6]),
                serial_number=row[7],
                validity_start_utc=_utc(row[8]),
                validity_end_utc=_utc(row[9]),
                permissions=Permissions(*map(bool, row[10:14])),
                created_utc=_utc(row[14]),
                updated_utc=_utc(row[15]),
                is_active=bool(row[16]),
            )


def _utc(kept: int) -> Utc:
    return Utc.fromisoformat(moment(kept).isoformat())


_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def _line(shape: Shape) -> bytes:
    """A record without the fields that say nothing."""
    return encode({name: told for name, told in _fields(encode(shape)).items() if bytes(told) != b"null"})
