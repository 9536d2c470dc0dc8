"""The generated part of docs/administration.md: every administration operation with its fields."""

from collections.abc import Callable
from typing import Any

from nightporter.operations import ADMINISTRATION
from nightporter.web.openapi import document

Fields = Callable[[dict[str, Any], dict[str, Any], dict[str, None]], str]


def table(fields: Fields) -> str:
    """One line an operation: what it does, what it takes and answers; ``fields`` prints those of a shape."""
    told = document()
    schemas, shown = told["components"]["schemas"], dict[str, None]()
    rows = []
    for operation in ADMINISTRATION:
        post = told["paths"][f"/api/administration/v1/{operation.path}"]["post"]
        request = _schema(post["requestBody"])
        takes = fields(request, schemas, shown) if request.get("$ref") else "the property file itself"
        reply = _schema(post["responses"]["200"])
        answers = fields(reply, schemas, shown) if reply.get("$ref") else "the property file"
        rows.append(f"| `{operation.path}` | {post['summary']} {post['description']} | {takes} | {answers} |")
    return "\n".join(["| operation | what it does | takes | answers |", "| :-- | :-- | :-- | :-- |", *rows])


def _schema(part: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = part["content"]["application/json"]["schema"]
    return found
