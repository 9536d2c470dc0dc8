"""The OpenAPI document is valid, whole, and written for its readers."""

import json
import re
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from jsonschema import Draft202012Validator, FormatChecker

from nightporter import __version__
from nightporter.operations import ADMINISTRATION, CONNECTOR
from nightporter.web.openapi import document

DOCUMENT = document()


def _nodes(node: Any) -> Any:
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(child)


def test_it_is_valid() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_what_is_not_valid_is_refused() -> None:
    broken = document()
    broken["paths"]["/api/connector/v1/devices/getAll"]["post"]["responses"] = "none"
    with pytest.raises(jsonschema_rs.ValidationError):
        schemathesis.openapi.from_dict(broken).validate()


def test_every_reference_leads_somewhere_and_every_shape_is_used() -> None:
    used = {
        node["$ref"].removeprefix("#/components/schemas/")
        for node in _nodes(DOCUMENT)
        if isinstance(node, dict) and "$ref" in node and "/schemas/" in node["$ref"]
    }
    assert used == set(DOCUMENT["components"]["schemas"])


def test_schemas_are_schemas() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_operations_are_told_apart() -> None:
    ids = [path["post"]["operationId"] for path in DOCUMENT["paths"].values()]
    assert len(set(ids)) == len(ids) == len(CONNECTOR) + len(ADMINISTRATION)
    assert DOCUMENT["info"]["version"] == __version__


def _closed(schema: Any) -> Any:
    """The schema with no field allowed that it does not list."""
    if isinstance(schema, dict):
        closed = {key: _closed(value) for key, value in schema.items()}
        if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
            closed["additionalProperties"] = False
        return closed
    return [_closed(one) for one in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize("path", list(DOCUMENT["paths"]))
def test_examples_follow_their_own_schemas(path: str) -> None:
    post = DOCUMENT["paths"][path]["post"]
    for content in (post["requestBody"]["content"], post["responses"]["200"]["content"]):
        told = content["application/json"]
        if "example" not in told:
            assert "/administration/" in path, "every operation of the Connector API has the contract's example"
            continue
        schema = {**told["schema"], "components": {"schemas": _closed(DOCUMENT["components"]["schemas"])}}
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(told["example"])


def test_an_example_with_an_unknown_field_would_be_seen() -> None:
    schema = _closed(DOCUMENT["components"]["schemas"]["Limitation"])
    assert [*Draft202012Validator(schema).iter_errors({"Count": 1, "Cuont": 1})]


def test_readers_meet_no_word_of_the_workshop() -> None:
    told = [
        node["description"]
        for node in _nodes(DOCUMENT)
        if isinstance(node, dict) and isinstance(node.get("description"), str)
    ]
    told += [path["post"]["summary"] for path in DOCUMENT["paths"].values()]
    inside = re.compile(
        r"\b[Cc]ontract\b|\b[DV]\d+\b|``|\bRaises\b|\b(?:Invalid|Blocked|Changed|Contradictory)\(|\braw\b"
    )
    assert [text for text in told if inside.search(text)] == []
    assert all(not text[:1].islower() or text.startswith("return=") for text in told)
    assert len(json.dumps(DOCUMENT)) < 250_000
