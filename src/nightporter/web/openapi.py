"""``/openapi.json``, made from the table of operations; examples are the contract's."""

import re
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from nightporter import __version__
from nightporter.operations import ADMINISTRATION, CONNECTOR, Minimal, Operation, Portfolio
from nightporter.operations.administration import facts
from nightporter.operations.never_twice import HEADER
from nightporter.web.refusals import STATUS
from nightporter.wire.command_data import DATA_OF, CommandData
from nightporter.wire.property_file import RECORDS
from nightporter.wire.scalars import describe_scalar
from nightporter.wire.shapes import ErrorReply

_TOKENS: dict[str, Any] = {
    "ClientToken": {"type": "string", "minLength": 1, "description": "Identifies the client application."},
    "AccessToken": {
        "type": "string",
        "minLength": 1,
        "description": "Identifies one integration of the client, with one enterprise or with a portfolio.",
    },
}
_ERRORS = {
    "400": "The request, or something it names, is not usable.",
    "401": "The tokens are not valid, or the client lacks the permission.",
    "403": "A rule of the property stands against it; a person there can resolve it.",
    "404": "There is no such operation.",
    "408": "The request took too long.",
    "409": "Somebody else changed the data at the same time, or has taken the command.",
    "413": "The body is too large.",
    "429": "Too many requests for this access token; see the header Retry-After.",
    "500": "A defect of the desk, logged under the request id.",
    "503": "The desk cannot serve at the moment; see the header Retry-After.",
}


@cache
def printed() -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(document())


def document() -> dict[str, Any]:
    """The document."""
    served = (*CONNECTOR, *ADMINISTRATION)
    shapes = [shape for operation in served for shape in (operation.parameters, operation.reply)]
    records = [RECORDS[kind.part] for kind in facts.KINDS]
    _, found = msgspec.json.schema_components(
        [*dict.fromkeys(shapes), *records, *DATA_OF.values(), ErrorReply],
        schema_hook=_describe,
        ref_template=_REF + "{name}",
    )
    schemas = {_name(name): _with_names(schema) for name, schema in found.items()}
    examples = {False: _examples("examples.json"), True: _examples("administration_examples.json")}
    paths = {
        _address(one): {"post": _operation(one, schemas, examples[one.is_administration].get(one.path))}
        for one in served
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Nightporter",
            "version": __version__,
            "description": "The open device desk for hotels: the device part of the Mews Connector API.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {status: _error(status, about) for status, about in _ERRORS.items()},
            "securitySchemes": {
                "AdministrationToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Made by administrationTokens/add, the first one by: nightporter tokens add --administration",
                }
            },
        },
    }


def _examples(name: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(files("nightporter.web").joinpath(name).read_bytes())
    return found


def _address(operation: Operation) -> str:
    return f"/api/{'administration' if operation.is_administration else 'connector'}/v1/{operation.path}"


_REF = "#/components/schemas/"
_OPERATIONS = "nightporter.operations."


def _describe(kind: type) -> dict[str, Any]:
    if kind is CommandData:
        return {"anyOf": [{"$ref": _REF + shape.__name__} for shape in DATA_OF.values()]}
    return describe_scalar(kind)


def _name(name: str) -> str:
    """Shapes that share a name come with the path of their module; here they are named after their operation."""
    if name.startswith(_OPERATIONS):
        return "".join(part[:1].upper() + part[1:] for part in re.split(r"[._]", name.removeprefix(_OPERATIONS)))
    return name.split("_")[0]


def _called(shape: type, schemas: dict[str, Any]) -> str:
    """How ``shape`` is called in the document."""
    name = _name(f"{shape.__module__}.{shape.__qualname__}")
    return name if name in schemas else shape.__name__


def _with_names(schema: Any) -> Any:
    if isinstance(schema, dict):
        named = {
            key: _REF + _name(value.removeprefix(_REF)) if key == "$ref" else _with_names(value)
            for key, value in schema.items()
        }
        if named.get("format") == "decimal":
            named["type"] = "number"  # as they are printed; msgspec describes them as text and cannot be told otherwise
        if isinstance(about := named.get("description"), str):
            named["description"] = _for_readers(about)
            if not named["description"]:
                del named["description"]
        return named
    return [_with_names(one) for one in schema] if isinstance(schema, list) else schema


_SOURCE = re.compile(
    r" ?\((?:contract |DESIGN|[DV]\d)[^)]*\)|^(?:Contract [\d.]*\d(?:, request)?|The reply of .*)(?:[:;,] )?"
)
_REFUSED = re.compile(r"\b(" + "|".join(kind.__name__ for kind in STATUS) + r")(?:\(\"(\w+)\"\))?(?= |\.|,|;)")


def _for_readers(about: str) -> str:
    """A docstring as a reader of the API wants it: statuses instead of classes, no sources."""
    told = _SOURCE.sub("", about).replace("``", "").strip()
    head, raises, tail = told.partition("Raises ")
    if raises:
        tail = _REFUSED.sub(_as_status, tail)
    told = (head + raises.replace("Raises", "Answers") + tail).strip(". ")
    return f"{told[:1].upper()}{told[1:]}." if told else ""


def _as_status(refused: re.Match[str]) -> str:
    status = next(status for kind, status in STATUS.items() if kind.__name__ == refused[1])
    return f"{status} Invalid {refused[2]}" if refused[2] else str(status)


def _operation(operation: Operation, schemas: dict[str, Any], example: dict[str, Any] | None) -> dict[str, Any]:
    resource = operation.path.split("/")[0]
    told = [line.strip() for line in (operation.run.__doc__ or "").strip().splitlines()[1:] if line.strip()]
    about = [_for_readers(" ".join(told))] if told else []
    if operation.portfolio is not Portfolio.NO:
        about.append(f"Portfolio access tokens are supported through {operation.portfolio.value}.")
    if operation.right is not None:
        about.append(f"Restricted: the client needs the right {operation.right.value}.")
    if operation.whole_desk:
        about.append("Only for administration tokens of the whole desk.")
    request: dict[str, Any] = {"schema": _request(operation, schemas)}
    if example is not None:
        request["example"] = example["request"]
    prefix = "administration_" if operation.is_administration else ""
    return {
        "operationId": prefix + operation.path.replace("/", "_"),
        "tags": [prefix.replace("_", " ") + resource],
        **({"security": [{"AdministrationToken": []}]} if operation.is_administration else {}),
        "summary": _for_readers(operation.summary),
        "description": " ".join(about),
        "parameters": _headers(operation),
        "requestBody": {"required": True, "content": {"application/json": request}},
        "responses": _responses(operation, schemas, example and example["reply"]),
    }


def _request(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    name = _called(operation.parameters, schemas)
    schema = schemas[name]
    if not operation.is_administration and "ClientToken" not in schema["properties"]:
        schema["properties"] = {**_TOKENS, **schema["properties"]}
        schema["required"] = [*_TOKENS, *schema["required"]]
    return {"$ref": _REF + name}


def _headers(operation: Operation) -> list[dict[str, Any]]:
    headers: list[dict[str, Any]] = []
    if operation.minimal is not Minimal.NEVER:
        about = "return=minimal answers 204 where there is nothing to say."
        headers.append({"name": "Prefer", "in": "header", "schema": {"type": "string"}, "description": about})
    if operation.is_keyed:
        about = "The same key with the same body within 24 hours gets the first result."
        key = {"type": "string", "pattern": "^[ -~]{1,255}$"}
        headers.append({"name": HEADER, "in": "header", "schema": key, "description": about})
    return headers


def _responses(operation: Operation, schemas: dict[str, Any], example: Any) -> dict[str, Any]:
    reply: dict[str, Any] = {"schema": {"$ref": _REF + _called(operation.reply, schemas)}}
    if example is not None:
        reply["example"] = example
    responses: dict[str, Any] = {
        "200": {"description": "Done.", "headers": _REQUEST_ID, "content": {"application/json": reply}}
    }
    if operation.minimal is not Minimal.NEVER:
        responses["204"] = {"description": "Done, and there is nothing to say.", "headers": _REQUEST_ID}
    return responses | {status: {"$ref": f"#/components/responses/{status}"} for status in _ERRORS}


_REQUEST_ID = {"Request-Id": {"schema": {"type": "string", "format": "uuid"}, "description": "Names this reply."}}


def _error(status: str, about: str) -> dict[str, Any]:
    headers = dict(_REQUEST_ID)
    if status in ("429", "503"):
        headers["Retry-After"] = {"schema": {"type": "integer"}, "description": "Seconds to wait."}
    content = {"application/json": {"schema": {"$ref": _REF + "ErrorReply"}}}
    return {"description": about, "headers": headers, "content": content}
