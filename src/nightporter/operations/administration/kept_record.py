"""Records as the desk keeps and tells them: as they came, on one line, and with their enterprise."""

import msgspec
from msgspec import Raw, Struct


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
