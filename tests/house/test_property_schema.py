"""The schema of property files that ships in the package: fresh, true of what loads, and of use to an editor."""

import copy
import json
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from docs import property_schema
from nightporter.wire.property_file import LEFT_OUT, RECORDS
from tests.contract import hotel as contract_hotel
from tests.operations.administration.test_load_property import small_hotel

SHIPPED = files("nightporter.wire").joinpath("property_file.schema.json").read_text("utf-8")
SCHEMA = json.loads(SHIPPED)


def check(hotel: Any) -> None:
    Draft202012Validator(SCHEMA, format_checker=FormatChecker()).validate(hotel)


def test_it_is_fresh() -> None:
    assert property_schema.printed() == SHIPPED, "run: make docs"


def test_it_is_a_schema_that_leads_nowhere_else() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    references = {part for part in SHIPPED.split('"') if part.startswith("#")}
    assert references == {f"#/$defs/{name}" for name in SCHEMA["$defs"]}


def test_it_knows_every_part() -> None:
    assert set(SCHEMA["properties"]) == {"$schema", *RECORDS, *LEFT_OUT}


def test_the_demo_fits(demo_hotel: bytes) -> None:
    check({"$schema": "property_file.schema.json", **json.loads(demo_hotel)})


@pytest.mark.parametrize("hotel", [small_hotel(), contract_hotel.property_file()])
def test_other_hotels_fit(hotel: Any) -> None:
    check(json.loads(json.dumps(hotel)))


@pytest.mark.parametrize(
    ("part", "fields", "place"),
    [
        ("Customers", {"Id": "not-an-id"}, ["Customers", 0, "Id"]),
        ("Enterprises", {"Name": 1}, ["Enterprises", 0, "Name"]),
        ("Devices", {"Type": "Scanner"}, ["Devices", 0, "Type"]),
        ("Devices", {"Configuration": {"ApiUrl": 1}}, ["Devices", 0, "Configuration", "ApiUrl"]),
        ("Clients", {"ClientToken": ""}, ["Clients", 0, "ClientToken"]),
        ("Clients", {"ClientTokenHash": "a" * 64}, ["Clients", 0]),
        ("ResourceAccessTokens", {"Permissions": {"Bed": True}}, ["ResourceAccessTokens", 0, "Permissions"]),
        ("Commands", {"Data": {"CopyCount": 1}}, ["Commands", 0, "Data"]),
    ],
)
def test_a_mistake_is_found_where_it_stands(part: str, fields: dict[str, Any], place: list[Any]) -> None:
    hotel = copy.deepcopy(small_hotel())
    hotel[part][0] |= fields
    with pytest.raises(ValidationError) as found:
        check(hotel)
    assert list(found.value.absolute_path) == place


def test_a_part_that_nobody_reads_is_found() -> None:
    with pytest.raises(ValidationError, match="Guests"):
        check({"Guests": []})
