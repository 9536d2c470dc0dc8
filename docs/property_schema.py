"""The JSON Schema of property files, which ships in the package: ``make docs`` writes it, a test finds it stale."""

import json
from pathlib import Path
from typing import Any

import msgspec

import nightporter
from nightporter.operations.administration.property_text import SCHEMA
from nightporter.wire.command_data import DATA_OF
from nightporter.wire.property_file import LEFT_OUT, RECORDS
from nightporter.wire.scalars import describe_scalar

FILE = Path(nightporter.__file__).parent / "wire" / "property_file.schema.json"
_HERE = "#/$defs/"


def document() -> dict[str, Any]:
    """The schema: what the desk reads is described, what it does not know of a record is let through, as it is by a load."""
    shapes = [*RECORDS.values(), *DATA_OF.values()]
    _, found = msgspec.json.schema_components(shapes, schema_hook=describe_scalar, ref_template=_HERE + "{name}")
    defined = {name: _told(schema) for name, schema in found.items()}
    data = defined["CommandRecord"]["properties"]["Data"]
    data["anyOf"] = [{"$ref": _HERE + shape.__name__} for shape in DATA_OF.values()]
    for record, token in (("ClientRecord", "ClientToken"), ("AccessTokenRecord", "AccessToken")):
        defined[record]["oneOf"] = [{"required": [token]}, {"required": [token + "Hash"]}]
    parts = {
        part: {
            "description": defined[shape.__name__].get("description", ""),
            "type": ["array", "null"],
            "items": {"$ref": _HERE + shape.__name__},
        }
        for part, shape in RECORDS.items()
    }
    left_out = {name: {"description": f"Not loaded; it comes with {told}."} for name, told in LEFT_OUT.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Nightporter property file",
        "description": "A hotel written down in one JSON document.",
        "type": "object",
        "properties": {SCHEMA: {"type": "string"}, **parts, **left_out},
        "additionalProperties": False,
        "$defs": defined,
    }


def printed() -> str:
    """The document as it is shipped."""
    return json.dumps(document(), ensure_ascii=False, indent=1) + "\n"


def _told(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_told(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    told = {key: _told(value) for key, value in schema.items()}
    if told.get("format") == "decimal":
        told["type"] = "number"  # as they are written; msgspec describes them as text and cannot be told otherwise
    if isinstance(about := told.get("description"), str):
        told["description"] = " ".join(about.replace("``", "").split())
    return told
