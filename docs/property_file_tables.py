"""The tables of ``docs/property-file.md``: every part of a property file with its fields, and what is left out."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import json

from nightporter.wire.property_file import LEFT_OUT, RECORDS
from nightporter.wire.scalars import describe_scalar

_HEAD = ("| field | what it is | without it |", "| :-- | :-- | :-- |")
_FORMATS = {"uuid": "id", "date-time": "time"}
_KINDS = {"string": "text", "boolean": "`true` or `false`", "integer": "whole number"}


def parts(plain: Callable[[str], str]) -> str:
    """Every part, and after it the objects inside its records; ``plain`` takes what only the code needs out of a text."""
    found = json.schema_components(RECORDS.values(), schema_hook=describe_scalar, ref_template="/{name}")
    schemas = {name: schema for schema, name in zip(found[0], RECORDS, strict=True)}
    lines: list[str] = []
    for part, reference in schemas.items():
        record = found[1][_named(reference)]
        lines += [f"### {part}", "", *_about(RECORDS[part], plain), *_table(record, found[1]), ""]
        for name in dict.fromkeys(_inside(record, found[1])):
            lines += [f"`{name.removesuffix('Record')}`:", "", *_table(found[1][name], found[1]), ""]
    return "\n".join(lines[:-1])


def left_out() -> str:
    """What may stand beside the parts, and the replies that bring it."""
    return "\n".join(["| name | comes with |", "| :-- | :-- |", *(f"| `{n}` | {of} |" for n, of in LEFT_OUT.items())])


def _about(shape: type, plain: Callable[[str], str]) -> Iterator[str]:
    for paragraph in inspect.cleandoc(shape.__doc__ or "").split("\n\n"):
        yield plain(" ".join(paragraph.split()))
        yield ""


def _table(schema: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    required = schema.get("required", [])
    return [*_HEAD, *(_row(name, field, name in required, schemas) for name, field in schema["properties"].items())]


def _row(name: str, field: dict[str, Any], is_required: bool, schemas: dict[str, Any]) -> str:
    about = field.get("description", "")
    kind = _kind(field, schemas)
    without = "refused" if is_required else _default(field.get("default"))
    return f"| `{name}` | {kind[:1].upper()}{kind[1:]}.{f' {about}' if about else ''} | {without} |"


def _default(value: Any) -> str:
    if value in (None, [], {}):
        return "none"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def _kind(field: dict[str, Any], schemas: dict[str, Any]) -> str:
    if "anyOf" in field:
        (one,) = (one for one in field["anyOf"] if one.get("type") != "null")
        return _kind(one, schemas)
    if "$ref" in field:
        name = _named(field)
        choices = schemas[name].get("enum")
        return _choices(choices) if choices else f"object, see `{name.removesuffix('Record')}`"
    if field.get("type") == "array":
        least = " of at least one" if field.get("minItems") else ""
        return f"list{least}, each: {_kind(field['items'], schemas)}"
    if "pattern" in field:
        return _choices(field["pattern"].strip("^$()").split("|"))
    return _FORMATS.get(field.get("format", "")) or _KINDS.get(field.get("type", ""), "object") + _bounds(field)


def _bounds(field: dict[str, Any]) -> str:
    least, most = field.get("minLength"), field.get("maxLength")
    told = ["not empty" if least else "", f"at most {most} characters" if most else ""]
    return "".join(f", {one}" for one in told if one)


def _choices(values: list[str]) -> str:
    return "one of " + ", ".join(f"`{value}`" for value in values)


def _named(reference: dict[str, Any]) -> str:
    name: str = reference["$ref"].split("/")[-1]
    return name


def _inside(schema: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    for field in schema["properties"].values():
        for one in (field, field.get("items", {}), *field.get("anyOf", ())):
            if "$ref" in one and "properties" in schemas[_named(one)]:
                yield _named(one)
