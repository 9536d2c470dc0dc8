"""Records as the desk keeps and tells them: as they came, on one line, and with their enterprise."""

import msgspec
from msgspec import Raw, Struct

from nightporter.domain.device import DeviceType, StalledPolicy
from nightporter.domain.duration import print_duration
from nightporter.storage.statements import Row
from nightporter.wire.property_file import ConfigurationRecord, DeviceRecord
from nightporter.wire.scalars import Duration, Id


class _Owner(Struct, rename="pascal"):
    enterprise_id: str | None = None


_owner = msgspec.json.Decoder(_Owner).decode
_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def kept_record(text: str, enterprise_id: str) -> str:
    """The JSON object ``text`` as it is kept; what it holds stays as it is written, names and numbers included."""
    if "\n" in text or "\r" in text:
        text = msgspec.json.format(text, indent=-1)
    if _owner(text).enterprise_id is not None:
        return text
    fields = _fields(text) if '"EnterpriseId"' in text else None
    if fields is None:
        return f'{{"EnterpriseId":"{enterprise_id}",{text.lstrip()[1:]}'
    return msgspec.json.encode({**fields, "EnterpriseId": enterprise_id}).decode()


def device_record(row: Row) -> DeviceRecord:
    """A device as it is told, from its row in the order of the columns of its table."""
    return DeviceRecord(
        enterprise_id=Id(row[0]),
        id=Id(row[1]),
        type=DeviceType(row[2]),
        name=row[3],
        identifier=row[4],
        is_active=bool(row[5]),
        configuration=ConfigurationRecord(**msgspec.json.decode(row[6])),
        expires_after=_duration(row[7]),
        stalled_after=_duration(row[8]),
        stalled_policy=row[9] and StalledPolicy(row[9]),
    )


def _duration(kept: int | None) -> Duration | None:
    return None if kept is None else Duration(print_duration(kept))
