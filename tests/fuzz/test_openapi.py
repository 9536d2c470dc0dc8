"""Requests made from the OpenAPI document, right and wrong: every answer is one that the document tells."""

from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as some
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from nightporter.operations import CONNECTOR
from nightporter.web.openapi import document
from tests.durability.process import Server
from tests.harness import ACCESS_TOKEN, CLIENT_TOKEN, POS_TOKEN

PORTFOLIO_TOKEN = "50A7F0110DE54C41B0A6DE50F0110DE5-7C9E6679F8A24B0FA1D3C5E7092B4D6"
PATHS = [f"/api/connector/v1/{operation.path}" for operation in CONNECTOR]
SCHEMA = schemathesis.openapi.from_dict(document())
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
KNOWN_IDS = [
    "3fa85f64-5717-4562-b3fc-2c963f66afa6", "d117866d-78de-4459-9077-42d7ea0120e3", "63efb573-fc58-4065-b687-9bdd51568529",
    "7dafffff-a727-4917-a203-bd53995f21bf", "be35b39e-ad7e-460a-8de9-4c7581e016a2", "35d4b117-4e60-44a3-9580-c582117eff98",
    "25d4b117-4e60-44a3-9580-c582117eff98", "65d4b117-4e60-44a3-9580-c582117eff98", "aa20961f-6d9e-4b35-ad25-071213530aec",
]  # fmt: skip


def settle(value: Any, draw: Any) -> Any:
    """``value`` with most of its ids replaced by ids that the hotel knows, so that requests get beyond the first check."""
    if isinstance(value, dict):
        base64 = {"Data": "QUJD"} if isinstance(value.get("Data"), str) and draw(some.booleans()) else {}
        return {**{name: settle(one, draw) for name, one in value.items()}, **base64}
    if isinstance(value, list):
        return [settle(one, draw) for one in value]
    if isinstance(value, str) and len(value) == 36 and value.count("-") == 4 and draw(some.integers(0, 4)):
        return draw(some.sampled_from(KNOWN_IDS))
    return value


def ask(server: Server, path: str, examples: int, *, derandomize: bool) -> None:
    operation = SCHEMA[path]["POST"]
    statuses = set()

    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=derandomize,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(some.data())
    def each(data: some.DataObject) -> None:
        mode = data.draw(some.sampled_from([GenerationMode.POSITIVE, GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if isinstance(case.body, dict):
            token = data.draw(some.sampled_from([ACCESS_TOKEN, ACCESS_TOKEN, POS_TOKEN, PORTFOLIO_TOKEN, None]))
            if token is not None:
                case.body = {**settle(case.body, data.draw), "ClientToken": CLIENT_TOKEN, "AccessToken": token}
        response = case.call(base_url=server.address)
        case.validate_response(response, checks=CHECKS)
        assert response.headers["request-id"]
        statuses.add(response.status_code)

    each()
    assert statuses <= {200, 204, 400, 401, 403, 404, 409}


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_one_that_the_document_tells(server: Server, path: str):
    ask(server, path, 20, derandomize=True)


@pytest.mark.long
@pytest.mark.parametrize("path", PATHS)
def test_every_answer_to_many_more_is_one_that_the_document_tells(server: Server, path: str):
    ask(server, path, 250, derandomize=False)
