"""The shared conventions (contract 2.1 to 2.8 and 2.10): address, tokens, order of checks, refusals, limits, strict JSON."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from nightporter.operations import CONNECTOR
from nightporter.settings import Settings
from tests.contract import hotel as facts
from tests.contract.hotel import (
    AGENT,
    CANCELED_STAY,
    CHAIN,
    CLIENT_TOKEN,
    CLOSED,
    CLOSED_HOTEL,
    CUTTER,
    DARK,
    FOREIGN_HOTEL,
    GONE,
    HOTEL,
    KIOSK,
    KIOSK_INTEGRATION,
    NOBODY,
    PARTNER,
    PARTNER_CLIENT_TOKEN,
    PDF,
    PRINTER,
    SISTER_HOTEL,
    STAY,
    active,
    add_token,
    command,
    integration,
    load,
    print_page,
    refused,
)
from tests.harness import PREFIX, RunningDesk, busy, check_reply, sql

PATHS = [operation.path for operation in CONNECTOR]
PAGE = {"Limitation": {"Count": 10}}
PRINT = {"PrinterId": PRINTER, "CopyCount": 1, "Data": PDF}


# 2.1 Address and transport


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"])
async def test_post_only(kiosk: RunningDesk, method: str) -> None:
    """D2. Every other method is told that there is no such operation."""
    for path in PATHS:
        response = await kiosk.http.request(method, PREFIX + path, json=kiosk.body())
        assert response.status_code == 404
        if method != "HEAD":
            check_reply(PREFIX + path, response)


@pytest.mark.parametrize(
    "path",
    [
        "/api/connector/v1/commands/getAllActive/",
        "/api/connector/v1/commands/getallactive",
        "/api/connector/v1/Commands/getAllActive",
        "/api/connector/v1/commands/GetAllActive",
        "/API/connector/v1/commands/getAllActive",
        "/api/connector/v1/commands//getAllActive",
        "/api/connector/v1/commands%2FgetAllActive",
        "/api/connector/v1/commands/getAll%41ctive",
        "/api/connector/v1/commands/getAllActive%20",
        "/api/connector/v1/commands/getAllActive.json",
        "/api/connector/v1/./commands/getAllActive",
        "/api/connector/v1/x/../commands/getAllActive",
        "//api/connector/v1/commands/getAllActive",
        "/api/connector/v2/commands/getAllActive",
        "/api/connector/v1/commands",
        "/api/connector/v1/",
        "/api/",
        "/commands/getAllActive",
        "/api/connector/v1/commands/getAllActive;x=1",
    ],
)
async def test_paths_are_exact(kiosk: RunningDesk, path: str) -> None:
    """D1. Sent as it is written, without a client that tidies it up."""
    status, headers, body = await by_hand(kiosk, path, json.dumps(kiosk.body()).encode())
    assert status == 404
    assert json.loads(body)["RequestId"] == headers["request-id"]
    assert headers["content-type"] == "application/json"


async def by_hand(desk: RunningDesk, path: str, body: bytes, *more: str) -> tuple[int, dict[str, str], bytes]:
    """One request over a bare connection; ``more`` are further header lines."""
    host, port = desk.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"POST {path} HTTP/1.1", "Host: desk", "Content-Type: application/json", "Connection: close", *more]
    if not any("chunked" in line for line in more):
        lines.append(f"Content-Length: {len(body)}")
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    answer = await reader.read()
    writer.close()
    head, _, rest = answer.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
    return int(status.split(" ")[1]), headers, rest


@pytest.mark.parametrize("query", ["?", "?x=1", "?ClientToken=stolen&AccessToken=stolen", "?a/b?c"])
async def test_the_query_string_is_ignored(kiosk: RunningDesk, query: str) -> None:
    """D1. V45."""
    response = await kiosk.http.post(PREFIX + "devices/getAll" + query, json=kiosk.body())
    assert response.status_code == 200


@pytest.mark.parametrize("settings", [Settings(request_limit=0, port=0, tolerant_paths=True)])
async def test_tolerant_paths_when_asked_for(kiosk: RunningDesk) -> None:
    """D1. V44. Letter case only, and not for the newest operation."""

    async def status(path: str) -> int:
        return (await kiosk.http.post(PREFIX + path, json=kiosk.body())).status_code

    assert await status("commands/getallactive") == 200
    assert await status("COMMANDS/GETALLACTIVE") == 200
    assert await status("commands/getAllByIDs") == 400
    assert await status("commands/getallactive/") == 404
    assert await status("fiscalmachinecommands/getall") == 404
    assert await status("fiscalMachineCommands/getAll") == 400


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "Application/JSON",
        'application/json; charset="utf-8"; x=y',
    ],
)
async def test_content_types_that_are_fine(kiosk: RunningDesk, content_type: str) -> None:
    """D3."""
    body = json.dumps(kiosk.body()).encode()
    assert (await kiosk.send("devices/getAll", body, {"Content-Type": content_type})).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/json+x",
        "*/*",
    ],
)
async def test_other_content_types(kiosk: RunningDesk, content_type: str) -> None:
    """D3."""
    body = json.dumps(kiosk.body()).encode()
    response = await kiosk.send("devices/getAll", body, {"Content-Type": content_type})
    refused(response, 400, "Invalid JSON")


async def test_no_content_type(kiosk: RunningDesk) -> None:
    """D3."""
    response = await kiosk.http.post(PREFIX + "devices/getAll", content=json.dumps(kiosk.body()).encode())
    check_reply(PREFIX + "devices/getAll", response)
    refused(response, 400, "Invalid JSON")


# 2.2 Common fields


@pytest.mark.parametrize("operation", PATHS)
async def test_the_client_is_required(kiosk: RunningDesk, chain: RunningDesk, operation: str) -> None:
    """V47. A name of at least one character, on every operation."""
    for client in (None, "", 5, [], {}, True):
        refused(await kiosk.call(operation, Client=client), 400, "Invalid Client")
    body = kiosk.body()
    del body["Client"]
    refused(await kiosk.send(operation, json.dumps(body).encode()), 400, "Invalid Client")


@pytest.mark.parametrize(
    ("language", "culture"),
    [("de-DE", None), (None, "de-DE"), ("de-DE", "de-DE"), ("", ""), ("tlh", "xx-XX"), (None, None)],
)
async def test_rules_1_and_2_language_and_culture(kiosk: RunningDesk, language: object, culture: object) -> None:
    """2.2 rule 1. 2.2 rule 2. D95. Texts only, and the defaults where a language is not known."""
    fields = {"LanguageCode": language, "CultureCode": culture}
    assert (await kiosk.call("devices/getAll", **fields)).json() == (await kiosk.call("devices/getAll")).json()
    refused(
        await kiosk.call("commands/addPrinter", **PRINT | {"PrinterId": NOBODY}, **fields), 400, "Invalid PrinterId"
    )


@pytest.mark.parametrize("name", ["LanguageCode", "CultureCode"])
async def test_languages_are_text(kiosk: RunningDesk, name: str) -> None:
    """V51."""
    refused(await kiosk.call("devices/getAll", **{name: 5}), 400, f"Invalid {name}")


@pytest.mark.parametrize("text", ["x", "t ö k 🗝", '"\\', "0" * 255])
async def test_rule_3_tokens_are_opaque(kiosk: RunningDesk, text: str) -> None:
    """2.2 rule 3. Their form says nothing; a look-alike of an integration's token is as unknown as any other."""
    number = "00000004-0000-4000-8000-000000000099"
    await load(kiosk, Integrations=[integration(number, "Other", text, EnterpriseId=HOTEL)])
    assert (await kiosk.as_(text, CLIENT_TOKEN).call("devices/getAll")).status_code == 200
    alike = number.replace("-", "").upper() + "-" + "0" * 31
    refused(await kiosk.as_(alike, CLIENT_TOKEN).call("devices/getAll"), 401, "Invalid AccessToken")


async def test_rule_4_tokens_of_another_environment(front_desk: RunningDesk) -> None:
    """2.2 rule 4. The demo's public tokens are unknown here."""
    refused(await front_desk.call("devices/getAll"), 401, "Invalid ClientToken")


# 2.3 Who is calling


@pytest.mark.parametrize("operation", PATHS)
async def test_rule_1_tokens_travel_in_the_body(kiosk: RunningDesk, operation: str) -> None:
    """2.3 rule 1. No header, no cookie, no query string."""
    headers = {
        "Authorization": f"Bearer {KIOSK}",
        "ClientToken": CLIENT_TOKEN,
        "AccessToken": KIOSK,
        "Cookie": f"ClientToken={CLIENT_TOKEN}; AccessToken={KIOSK}",
    }
    refused(await kiosk.send(operation, b'{"Client": "Tests"}', headers), 401, "Invalid ClientToken")


@pytest.mark.parametrize(
    ("client_token", "access_token", "message"),
    [
        (PARTNER_CLIENT_TOKEN, KIOSK, "Invalid AccessToken"),
        (CLIENT_TOKEN, PARTNER, "Invalid AccessToken"),
        (KIOSK, CLIENT_TOKEN, "Invalid ClientToken"),
        (KIOSK, KIOSK, "Invalid ClientToken"),
        (CLIENT_TOKEN, CLIENT_TOKEN, "Invalid AccessToken"),
        (CLIENT_TOKEN.lower(), KIOSK, "Invalid ClientToken"),
        (CLIENT_TOKEN, KIOSK.lower(), "Invalid AccessToken"),
        (CLIENT_TOKEN + " ", KIOSK, "Invalid ClientToken"),
        (CLIENT_TOKEN, " " + KIOSK, "Invalid AccessToken"),
        (CLIENT_TOKEN, KIOSK + "\0", "Invalid AccessToken"),
    ],
)
async def test_rule_2_both_tokens_belong_together(
    front_desk: RunningDesk, client_token: str, access_token: str, message: str
) -> None:
    """2.3 rule 2. D8."""
    refused(await front_desk.as_(access_token, client_token).call("devices/getAll"), 401, message)


@pytest.mark.parametrize("token", [None, "", "unknown", 5, 1.5, True, False, [], {}, [KIOSK], {"Value": KIOSK}])
@pytest.mark.parametrize("name", ["ClientToken", "AccessToken"])
async def test_rule_3_a_token_that_is_none(kiosk: RunningDesk, name: str, token: object) -> None:
    """2.3 rule 3. D7. Of every type, and missing."""
    refused(await kiosk.call("devices/getAll", **{name: token}), 401, f"Invalid {name}")
    body = kiosk.body()
    del body[name]
    refused(await kiosk.send("devices/getAll", json.dumps(body).encode()), 401, f"Invalid {name}")


@pytest.mark.parametrize("raw", [b'"\\ud800"', b'"a\\udc00b"', b"1e9999999", b'"' + b"x" * 1_000_000 + b'"'])
async def test_rule_3_absurd_tokens(kiosk: RunningDesk, raw: bytes) -> None:
    """2.3 rule 3. A lone surrogate is no text at all; the rest is just unknown."""
    body = json.dumps(kiosk.body(AccessToken="TOKEN")).encode().replace(b'"TOKEN"', raw)
    response = await kiosk.send("devices/getAll", body)
    if b"\\u" in raw:
        refused(response, 400, "Invalid JSON")
    else:
        refused(response, 401, "Invalid AccessToken")


@pytest.mark.parametrize("access_token", [GONE, CLOSED, DARK])
async def test_rule_4_disabled(front_desk: RunningDesk, access_token: str) -> None:
    """2.3 rule 4. D9. The integration, its enterprise, every enterprise of its portfolio."""
    caller = front_desk.as_(access_token, CLIENT_TOKEN)
    refused(await caller.call("resourceAccessTokens/getAll", **PAGE), 401, "Invalid AccessToken")


async def test_rule_4_disabled_while_the_desk_runs(kiosk: RunningDesk) -> None:
    """2.3 rule 4. What was recognised before is not remembered against the facts."""
    assert (await kiosk.call("devices/getAll")).status_code == 200
    disabled = integration(KIOSK_INTEGRATION, "Kiosk", KIOSK, EnterpriseId=HOTEL, IsEnabled=False)
    await load(kiosk, Integrations=[disabled])
    refused(await kiosk.call("devices/getAll"), 401, "Invalid AccessToken")
    await load(kiosk, Integrations=[{**disabled, "IsEnabled": True}])
    assert (await kiosk.call("devices/getAll")).status_code == 200
    await load(kiosk, Enterprises=[{"Id": HOTEL, "Name": "Hotel", "AcceptedCurrencies": [], "IsEnabled": False}])
    refused(await kiosk.call("devices/getAll"), 401, "Invalid AccessToken")


async def test_rule_3_a_token_that_was_replaced(kiosk: RunningDesk) -> None:
    """2.3 rule 3. The old one stops working, the new one works."""
    assert (await kiosk.call("devices/getAll")).status_code == 200
    await load(kiosk, Integrations=[integration(KIOSK_INTEGRATION, "Kiosk", "new", EnterpriseId=HOTEL)])
    refused(await kiosk.call("devices/getAll"), 401, "Invalid AccessToken")
    assert (await kiosk.as_("new", CLIENT_TOKEN).call("devices/getAll")).status_code == 200


@pytest.mark.parametrize("operation", ["commands/addPaymentTerminal", "fiscalMachineCommands/getAll"])
async def test_rule_5_without_the_permission(partner: RunningDesk, operation: str) -> None:
    """2.3 rule 5. D10. 401, not 403; all other operations are open to every client."""
    refused(await partner.call(operation), 401)


async def test_rule_5_everything_else_is_open(partner: RunningDesk) -> None:
    """2.3 rule 5."""
    await print_page(partner)
    await add_token(partner)
    assert (await partner.call("devices/getAll")).status_code == 200


# 2.4 Portfolio tokens


@pytest.mark.parametrize("enterprise", [None, HOTEL, SISTER_HOTEL, FOREIGN_HOTEL, CLOSED_HOTEL, NOBODY])
async def test_row_1_a_single_token_ignores_the_enterprise(
    kiosk: RunningDesk, agent: RunningDesk, enterprise: object
) -> None:
    """2.4 row 1."""
    command_id = await print_page(kiosk, EnterpriseId=enterprise)
    assert command_id in await active(agent)


@pytest.mark.parametrize("enterprise", ["", "x", 5, [HOTEL], HOTEL.replace("-", "")])
async def test_row_1_but_not_a_malformed_one(kiosk: RunningDesk, enterprise: object) -> None:
    """2.4 row 1. D13."""
    response = await kiosk.call("commands/addPrinter", **PRINT, EnterpriseId=enterprise)
    refused(response, 400, "Invalid EnterpriseId")


ONE_ENTERPRISE = ["commands/addPrinter", "commands/addKeyCutter", "resourceAccessTokens/update"]
FIELDS: dict[str, dict[str, Any]] = {
    "commands/addPrinter": PRINT,
    "commands/addKeyCutter": {"KeyCutterId": CUTTER, "ReservationId": STAY, "KeyCount": 1},
    "resourceAccessTokens/update": {"ResourceAccessTokenUpdates": []},
}


@pytest.mark.parametrize("operation", ONE_ENTERPRISE)
async def test_rows_2_to_4_a_portfolio_token_names_the_enterprise(chain: RunningDesk, operation: str) -> None:
    """2.4 row 2. 2.4 row 3. 2.4 row 4. D12. One that is disabled is not in scope."""
    fields = FIELDS[operation]
    assert (await chain.call(operation, **fields, EnterpriseId=HOTEL.upper())).status_code == 200
    for enterprise in (None, FOREIGN_HOTEL, CLOSED_HOTEL, NOBODY):
        response = await chain.call(operation, **fields, EnterpriseId=enterprise)
        refused(response, 400, "Invalid EnterpriseId")
    refused(await chain.call(operation, **fields), 400, "Invalid EnterpriseId")


MANY_ENTERPRISES: list[tuple[str, dict[str, Any]]] = [
    ("fiscalMachineCommands/getAll", {"CommandIds": [facts.SISTER_FISCAL_COMMAND, facts.STRUCTURED_FISCAL]}),
    ("resourceAccessTokens/getAll", {"ServiceOrderIds": [facts.SISTER_STAY, facts.STAY, facts.FOREIGN_STAY]}),
]


@pytest.mark.parametrize(("operation", "asked"), MANY_ENTERPRISES)
async def test_rows_5_to_7_the_enterprises_of_a_reading(
    chain: RunningDesk, operation: str, asked: dict[str, Any]
) -> None:
    """2.4 row 5. 2.4 row 6. 2.4 row 7, overridden: out of scope is left out, not refused."""

    async def count(**fields: Any) -> int:
        response = await chain.call(operation, **asked, **PAGE, **fields)
        assert response.status_code == 200, response.text
        return len(response.json().get("Commands") or response.json().get("ResourceAccessTokens") or [])

    everything = await count()
    assert await count(EnterpriseIds=None) == everything
    assert await count(EnterpriseIds=[SISTER_HOTEL]) == 1
    assert await count(EnterpriseIds=[SISTER_HOTEL] * 1000) == 1
    assert await count(EnterpriseIds=[SISTER_HOTEL, FOREIGN_HOTEL, NOBODY]) == 1
    assert await count(EnterpriseIds=[FOREIGN_HOTEL, CLOSED_HOTEL]) == 0
    for bad in ([], [SISTER_HOTEL] * 1001, ["x"]):
        response = await chain.call(operation, **asked, **PAGE, EnterpriseIds=bad)
        refused(response, 400, "Invalid EnterpriseIds")


@pytest.mark.parametrize("operation", PATHS)
async def test_row_8_portfolio_tokens_only_where_they_are_supported(chain: RunningDesk, operation: str) -> None:
    """2.4 row 8. D11. Before any field is looked at."""
    supported = {*ONE_ENTERPRISE, *(path for path, _ in MANY_ENTERPRISES)}
    response = await chain.call(operation, Client=5)
    if operation in supported:
        refused(response, 400, "Invalid Client")
    else:
        refused(response, 401, "Invalid AccessToken")


async def test_row_9_a_portfolio_token_looks_like_any_other(kiosk: RunningDesk) -> None:
    """2.4 row 9. The same text becomes another thing when the facts say so."""
    refused(await kiosk.as_(CHAIN, CLIENT_TOKEN).call("devices/getAll"), 401, "Invalid AccessToken")
    assert (await kiosk.as_(AGENT, CLIENT_TOKEN).call("devices/getAll")).status_code == 200
    assert len(CHAIN) == len(AGENT)


# 2.5 Responses


ANSWERS: list[tuple[str, dict[str, Any], int]] = [
    ("devices/getAll", {}, 200),
    ("resourceAccessTokens/delete", {"Ids": []}, 400),
    ("devices/getAll", {"AccessToken": "x"}, 401),
    ("commands/addKeyCutter", FIELDS["commands/addKeyCutter"] | {"ReservationId": CANCELED_STAY}, 403),
    ("commands/getAll", {}, 404),
    ("commands/getAllByIds", {"CommandIds": [NOBODY]}, 204),
]


@pytest.mark.parametrize(("operation", "fields", "status"), ANSWERS)
async def test_every_response_carries_a_request_id(
    kiosk: RunningDesk, operation: str, fields: dict[str, Any], status: int
) -> None:
    """D21. A new lower-case uuid each time; one that the client sends counts for nothing."""
    sent = "00000000-0000-0000-0000-000000000000"
    headers = {"Prefer": "return=minimal", "Request-Id": sent, "X-Request-Id": sent}
    seen = []
    for _ in range(2):
        response = await kiosk.call(operation, **fields, headers=headers)
        assert response.status_code == status, response.text
        seen.append(response.headers["request-id"])
    assert seen[0] != seen[1]
    assert sent not in seen
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one) for one in seen)


async def test_the_error_body(kiosk: RunningDesk) -> None:
    """D16. D22. Three properties, and Details is null."""
    response = await kiosk.call("commands/addPrinter", **PRINT | {"PrinterId": NOBODY})
    told = response.json()
    assert told == {"Message": "Invalid PrinterId", "RequestId": response.headers["request-id"], "Details": None}


MISSING = re.compile("no such table|does not exist")


@contextmanager
def broken(desk: RunningDesk) -> Iterator[None]:
    sql(desk.database, "ALTER TABLE devices RENAME TO away")
    try:
        yield
    finally:
        sql(desk.database, "ALTER TABLE away RENAME TO devices")


async def test_a_defect_of_the_desk(kiosk: RunningDesk) -> None:
    """D22. 500 with the body of every refusal; nothing of the inside is told."""
    with broken(kiosk):
        response = await kiosk.call("devices/getAll")
    refused(response, 500)
    assert response.json()["Details"] is None
    assert not MISSING.search(response.text)


@pytest.mark.parametrize("settings", [Settings(request_limit=0, port=0, debug=True)])
async def test_a_defect_in_debug_mode(kiosk: RunningDesk) -> None:
    """D22. The inside is told where it was asked for."""
    with broken(kiosk):
        response = await kiosk.call("devices/getAll")
    assert MISSING.search(response.json()["Details"])


ORDER_LIMITS = Settings(port=0, request_limit=1, body_limit=2000)


@pytest.mark.parametrize("settings", [ORDER_LIMITS])
async def test_the_order_of_the_checks(partner: RunningDesk, front_desk: RunningDesk) -> None:
    """D15. A request with every fault there is; one after the other is mended, and the next one answers."""
    path = "commands/addPaymentTerminal"
    broken = b'{"ClientToken": 5, "Client": }'
    padding = b" " * 2000
    wrong_type = {"Content-Type": "text/plain"}
    refused(await partner.send(path + "/", broken + padding, wrong_type), 404)
    refused(await partner.send(path, broken + padding, wrong_type), 413)
    refused(await partner.send(path, json.dumps(partner.body()).encode(), wrong_type), 400, "Invalid JSON")
    refused(await partner.send(path, broken), 400, "Invalid JSON")
    refused(await partner.call(path, ClientToken=5), 401, "Invalid ClientToken")
    assert (await partner.call("devices/getAll")).status_code == 200, "uses up the one request of this token"
    refused(await partner.call(path, ClientToken=5), 401, "Invalid ClientToken")
    refused(await partner.call(path), 429)
    partner.clock.move(30)
    permission = await partner.call(path)
    refused(permission, 401)
    assert "permission" in permission.json()["Message"]
    kiosk = front_desk.as_(KIOSK, CLIENT_TOKEN)
    refused(await kiosk.call(path, Client=None, TerminalId=NOBODY), 400, "Invalid Client")


@pytest.mark.parametrize("settings", [Settings(port=0, request_limit=0)])
async def test_the_order_of_the_last_checks(chain: RunningDesk) -> None:
    """D15. Fields, then the enterprise and the references, then the rules of the property."""
    path = "commands/addKeyCutter"
    sent: dict[str, Any] = {"KeyCutterId": NOBODY, "ReservationId": CANCELED_STAY, "KeyCount": 0}
    refused(await chain.call(path, **sent, EnterpriseId=FOREIGN_HOTEL), 400, "Invalid KeyCount")
    sent["KeyCount"] = 1
    refused(await chain.call(path, **sent, EnterpriseId=FOREIGN_HOTEL), 400, "Invalid EnterpriseId")
    refused(await chain.call(path, **sent, EnterpriseId=HOTEL), 400, "Invalid KeyCutterId")
    sent["KeyCutterId"] = CUTTER
    refused(await chain.call(path, **sent, EnterpriseId=HOTEL), 403)


# Strict JSON


BAD_JSON = [
    b"", b" ", b"{", b"}", b"null", b"true", b"5", b'"x"', b"[]", b"[{}]", b"{}{}", b"{} x", b"{},", b"{'a': 1}",
    b"{a: 1}", b'{"a": 1,}', b'{"a": [1,]}', b'{"a" 1}', b'{"a": }', b'{"a": 1 "b": 2}', b'{"a": 01}', b'{"a": +1}',
    b'{"a": .5}', b'{"a": 1.}', b'{"a": 1e}', b'{"a": 0x10}', b'{"a": 1_000}', b'{"a": NaN}', b'{"a": Infinity}',
    b'{"a": -Infinity}', b'{"a": nan}', b'{"a": undefined}', b'{"a": True}', b'{"a": "\\x41"}', b'{"a": "\\u12"}',
    b'{"a": "\t"}', b'{"a": "\n"}', b'{"a": "\x00"}', b'{"a": "x}', b'{"a": 1} // no', b'{"a": 1 /* no */}',
    b"# no\n{}", b'{"a": "\xff"}', b'{"a": "\xc0\x80"}', b'{"a": "\xed\xa0\x80"}', b'{"a": "\xe2\x82"}',
    b'{"a": "\\ud800"}', b'{"a": "\\udc00\\ud800"}', b'{"\\ud800": 1}', b'{"\xff": 1}', b"a=1", b"<a/>",
    b"\xef\xbb\xbf{}", '{"a": 1}'.encode("utf-16"), '{"a": 1}'.encode("utf-16-le"), '{"a": 1}'.encode("utf-32"),
    '{"a": "é"}'.encode("latin-1"), b"\x00", b"{}\x00", b"\xc2\xa0{}", b"\x0b{}", b"{\x0c}",
]  # fmt: skip


@pytest.mark.parametrize("broken", BAD_JSON)
async def test_a_body_that_is_not_strict_json(kiosk: RunningDesk, broken: bytes) -> None:
    """2.5. By itself, and where it stands in a field that nobody reads, behind tokens that are fine."""
    refused(await kiosk.send("devices/getAll", broken), 400, "Invalid JSON")
    if broken.startswith(b'{"a": ') and b"1}" not in broken[-3:]:
        tokens = json.dumps(kiosk.body()).encode()[:-1]
        refused(await kiosk.send("devices/getAll", tokens + b", " + broken[1:]), 400, "Invalid JSON")


@pytest.mark.parametrize(
    "fine",
    [
        b'{"a": "\\u0000\\/\\b\\f\\n\\r\\t\\"\\\\"}',
        b'{"a": "\\ud83d\\udd11"}',
        b'{"a": -0, "b": 1E+5, "c": 1e9999999, "d": -0.0e-0}',
        b'{"a": {"a": [[], {}, null, true, false]}}',
        b'\r\n\t {"a" : 1}\r\n\t ',
        b'{"": 1, " ": 2, "\\u0000": 3, "client": 4}',
        '{"a": "é\u2028🗝"}'.encode(),
        b'{"a": "\x7f"}',
        b'{"a": ' + b"1" * 100_000 + b"}",
    ],
)
async def test_strict_json_that_is_fine(kiosk: RunningDesk, fine: bytes) -> None:
    """D5. Unknown properties are ignored, whatever they hold."""
    tokens = json.dumps(kiosk.body()).encode()[1:-1]
    body = fine.replace(b"{", b"{" + tokens + b", ", 1)
    assert (await kiosk.send("devices/getAll", body)).status_code == 200


@pytest.mark.parametrize("opened", [b"[", b'{"a":', b"[[", b'[{"a":'])
@pytest.mark.parametrize("place", ["root", "unknown", "PrinterId", "Client", "ClientToken"])
async def test_deep_nesting(kiosk: RunningDesk, opened: bytes, place: str) -> None:
    """2.5. A hundred thousand brackets are a bad body, not a broken desk."""
    closed = opened.replace(b'"a":', b"").replace(b"[", b"]").replace(b"{", b"}")[::-1]
    deep = opened * 100_000 + b"1" + closed * 100_000
    body = json.dumps(kiosk.body(**PRINT) | {place: "DEEP"}).encode().replace(b'"DEEP"', deep)
    if place == "root":
        body = deep
    response = await kiosk.send("commands/addPrinter", body)
    assert response.status_code in {400, 401}, response.text
    assert (await kiosk.call("devices/getAll")).status_code == 200


async def test_duplicate_keys_the_last_one_wins(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """D5. Tokens and fields alike, also where one name is written with an escape."""
    mine = json.dumps(kiosk.body())[1:-1]
    strange = '"ClientToken": "x", "AccessToken": "y", "Client": "Other"'
    assert (await kiosk.send("devices/getAll", f"{{{strange}, {mine}}}".encode())).status_code == 200
    response = await kiosk.send("devices/getAll", f"{{{mine}, {strange}}}".encode())
    refused(response, 401, "Invalid ClientToken")
    fields = json.dumps(kiosk.body(**PRINT | {"CopyCount": 7}))[1:-1]
    response = await kiosk.send("commands/addPrinter", f'{{{fields}, "CopyCount": 0}}'.encode())
    refused(response, 400, "Invalid CopyCount")
    response = await kiosk.send("commands/addPrinter", f'{{{fields}, "Copy\\u0043ount": 9}}'.encode())
    assert (await command(agent, response.json()["CommandId"]))["Data"]["CopyCount"] == 9


@pytest.mark.parametrize("name", ["printerId", "PRINTERID", "printer_id", "Printer Id", "PrinterID"])
async def test_names_are_exact(kiosk: RunningDesk, name: str) -> None:
    """D6. V55."""
    fields = {**PRINT, name: PRINTER}
    del fields["PrinterId"]
    refused(await kiosk.call("commands/addPrinter", **fields), 400, "Invalid PrinterId")


async def test_unknown_properties_are_ignored(kiosk: RunningDesk) -> None:
    """D5. V50."""
    await print_page(kiosk, MaskedAccessToken="x", MaskedClientToken="x", Anything={"Deep": [1, None]})


# 2.6 Prefer: return=minimal


MINIMAL = {"Prefer": "return=minimal"}


async def test_rule_1_without_the_header(agent: RunningDesk) -> None:
    """2.6 rule 1."""
    token_id = (await add_token(agent))["Id"]
    for operation, fields in (
        ("resourceAccessTokens/delete", {"Ids": [token_id]}),
        ("commands/getAllByIds", {"CommandIds": [NOBODY]}),
        ("resourceAccessTokens/getAll", {"ServiceOrderIds": [NOBODY], **PAGE}),
    ):
        response = await agent.call(operation, **fields)
        assert response.status_code == 200
        assert response.content


async def test_rule_2_an_empty_object(agent: RunningDesk) -> None:
    """2.6 rule 2."""
    command_id, token_id = await print_page(agent), (await add_token(agent))["Id"]
    for operation, fields in (
        ("commands/update", {"CommandId": command_id, "State": "Received"}),
        ("resourceAccessTokens/delete", {"Ids": [token_id]}),
    ):
        response = await agent.call(operation, **fields, headers=MINIMAL)
        assert (response.status_code, response.content) == (204, b"")


async def test_rule_3_an_empty_page(spare: RunningDesk) -> None:
    """2.6 rule 3. D24."""
    empty: list[tuple[str, dict[str, Any], int]] = [
        ("resourceAccessTokens/getAll", {"ServiceOrderIds": [NOBODY], **PAGE}, 204),
        ("fiscalMachineCommands/getAll", {"CommandIds": [NOBODY], **PAGE}, 204),
        ("commands/getAllByIds", {"CommandIds": [NOBODY]}, 204),
        ("commands/getAllByIds", {"CommandIds": [NOBODY], **PAGE}, 204),
        ("commands/getAllActive", PAGE, 204),
        ("commands/getAllActive", {}, 200),
        ("commands/getAllActive", {"Limitation": None}, 200),
    ]
    for operation, fields, status in empty:
        response = await spare.call(operation, **fields, headers=MINIMAL)
        assert response.status_code == status, (operation, fields)


async def test_rule_4_all_other_successes_keep_their_body(agent: RunningDesk) -> None:
    """2.6 rule 4."""
    token_id = (await add_token(agent))["Id"]
    full: list[tuple[str, dict[str, Any]]] = [
        ("commands/addPrinter", PRINT),
        ("commands/addKeyCutter", FIELDS["commands/addKeyCutter"]),
        (
            "commands/addPaymentTerminal",
            {
                "TerminalId": facts.TERMINAL,
                "CustomerId": facts.GUEST,
                "Type": "Payment",
                "Amount": {"Currency": "EUR", "Value": 1},
            },
        ),
        ("resourceAccessTokens/add", {"ResourceAccessTokenParameters": [facts.token_parameters()]}),
        ("resourceAccessTokens/update", {"ResourceAccessTokenUpdates": [{"ResourceAccessTokenId": token_id}]}),
        ("devices/getAll", {}),
        ("commands/getAllActive", PAGE),
        ("commands/getAllByIds", {"CommandIds": [facts.PRINTED]}),
        ("resourceAccessTokens/getAll", {"ServiceOrderIds": [STAY], **PAGE}),
        ("fiscalMachineCommands/getAll", {"CommandIds": [facts.STRUCTURED_FISCAL], **PAGE}),
    ]
    for operation, fields in full:
        response = await agent.call(operation, **fields, headers=MINIMAL)
        assert (response.status_code, bool(response.content)) == (200, True), operation


async def test_rule_5_errors_are_unaffected(kiosk: RunningDesk) -> None:
    """2.6 rule 5."""
    response = await kiosk.call("resourceAccessTokens/delete", Ids=[NOBODY], headers=MINIMAL)
    refused(response, 400, "Invalid Ids")


@pytest.mark.parametrize(
    ("prefer", "minimal"),
    [
        ("return=minimal", True),
        ("RETURN=Minimal", True),
        ("respond-async, return=minimal", True),
        ("return=minimal, wait=5", True),
        ("wait=5,return=minimal,x", True),
        ('return="minimal"', True),
        ("return = minimal", True),
        ("return=minimal; foo=bar", True),
        ("return=representation", False),
        ("return=minimalist", False),
        ("x-return=minimal", False),
        ("minimal", False),
        ("", False),
        ("wait; return=minimal", False),
    ],
)
async def test_rule_6_among_several_preferences(kiosk: RunningDesk, prefer: str, minimal: bool) -> None:
    """2.6 rule 6. D25."""
    response = await kiosk.call("commands/getAllByIds", CommandIds=[NOBODY], headers={"Prefer": prefer})
    assert response.status_code == (204 if minimal else 200)


async def test_rule_6_in_several_headers(kiosk: RunningDesk) -> None:
    """2.6 rule 6. D25."""
    headers = [("Content-Type", "application/json"), ("Prefer", "return=minimal"), ("Prefer", "wait=5")]
    body = json.dumps(kiosk.body(CommandIds=[NOBODY])).encode()
    response = await kiosk.http.post(PREFIX + "commands/getAllByIds", content=body, headers=headers)
    assert response.status_code == 204


async def test_rule_7_only_where_it_is_documented(kiosk: RunningDesk) -> None:
    """2.6 rule 7. V42. The adders have a result; it is never left out."""
    response = await kiosk.call("commands/addPrinter", **PRINT, headers=MINIMAL)
    assert set(response.json()) == {"CommandId"}


# 2.7 Request limits


@pytest.mark.parametrize("settings", [Settings(port=0, request_limit=3)])
async def test_the_limit_slides(kiosk: RunningDesk) -> None:
    """D23. Not aligned to the clock; refused requests are not counted; Retry-After is exactly when the next one may come."""
    for _ in range(3):
        assert (await kiosk.call("devices/getAll")).status_code == 200
        kiosk.clock.move(8)
    for expected, step in ((6, 0.5), (6, 0.5), (5, 4.25), (1, 0.7)):
        response = await kiosk.call("devices/getAll")
        refused(response, 429)
        assert response.headers["retry-after"] == str(expected)
        kiosk.clock.move(step)
    response = await kiosk.call("devices/getAll")
    assert response.headers["retry-after"] == "1", "never 0, however little is left"
    kiosk.clock.move(0.05)
    assert (await kiosk.call("devices/getAll")).status_code == 200
    response = await kiosk.call("devices/getAll")
    assert response.headers["retry-after"] == "8"


@pytest.mark.parametrize("settings", [Settings(port=0, request_limit=2)])
async def test_the_limit_is_of_one_access_token(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """V48. D23. What fails later counts too; what is not recognised counts for nobody."""
    for _ in range(5):
        refused(await kiosk.call("devices/getAll", ClientToken="x"), 401, "Invalid ClientToken")
    refused(await kiosk.call("commands/update"), 400, "Invalid CommandId")
    refused(await kiosk.call("commands/update"), 400, "Invalid CommandId")
    for operation in PATHS:
        response = await kiosk.call(operation)
        refused(response, 429)
        assert response.headers["retry-after"] == "30"
    assert (await agent.call("devices/getAll")).status_code == 200


@pytest.mark.parametrize("settings", [Settings(port=0, request_limit=1)])
async def test_two_tokens_of_one_integration(kiosk: RunningDesk) -> None:
    """V48. The limit is of the token, not of the integration."""
    spare = {"Id": "00000005-0000-4000-8000-000000000099", "AccessToken": "second"}
    both = integration(KIOSK_INTEGRATION, "Kiosk", KIOSK, EnterpriseId=HOTEL)
    both["AccessTokens"].append(spare)
    await load(kiosk, Integrations=[both])
    assert (await kiosk.call("devices/getAll")).status_code == 200
    refused(await kiosk.call("devices/getAll"), 429)
    assert (await kiosk.as_("second", CLIENT_TOKEN).call("devices/getAll")).status_code == 200


# 2.8 Sizes and times


LIMIT = 16 * 1024 * 1024


async def test_a_body_of_exactly_the_limit(kiosk: RunningDesk) -> None:
    """D4. One byte more is too much, whatever the body holds."""
    body = json.dumps(kiosk.body()).encode()
    body += b" " * (LIMIT - len(body))
    assert (await kiosk.send("devices/getAll", body)).status_code == 200
    refused(await kiosk.send("devices/getAll", body + b" "), 413)


@pytest.mark.parametrize("body", [b" " * 20_000_000, b"[" * 20_000_000, b"\xff" * 20_000_000])
async def test_twenty_megabytes(kiosk: RunningDesk, body: bytes) -> None:
    """D4. Before content type, syntax and tokens."""
    refused(await kiosk.send("devices/getAll", body, {"Content-Type": "text/plain"}), 413)


async def test_an_announced_length_is_enough(kiosk: RunningDesk) -> None:
    """D4. The reply comes before the body does."""
    host, port = kiosk.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {PREFIX}devices/getAll HTTP/1.1\r\nHost: desk\r\nContent-Length: {LIMIT + 1}\r\n\r\n"
    writer.write(head.encode())
    status = await reader.readline()
    writer.close()
    assert status.split()[1] == b"413"


async def test_a_chunked_body_over_the_limit(kiosk: RunningDesk) -> None:
    """D4. Without Content-Length it is refused as soon as it is too large: the reply does not wait for its end."""
    host, port = kiosk.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {PREFIX}devices/getAll HTTP/1.1\r\nHost: desk\r\nContent-Type: application/json\r\n"
    writer.write(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(17):
        writer.write(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
        await writer.drain()
    status = await reader.readline()
    writer.close()
    assert status.split()[1] == b"413"


@pytest.mark.parametrize("settings", [Settings(request_limit=0, port=0, body_limit=300)])
async def test_a_chunked_body_of_exactly_the_limit(kiosk: RunningDesk) -> None:
    """D4. In pieces of one byte; one more is too much."""

    async def pieces(size: int) -> AsyncIterator[bytes]:
        for byte in json.dumps(kiosk.body()).encode().ljust(size):
            yield bytes([byte])

    for size, status in ((300, 200), (301, 413)):
        url, headers = PREFIX + "devices/getAll", {"Content-Type": "application/json"}
        response = await kiosk.http.post(url, content=pieces(size), headers=headers)
        check_reply(PREFIX + "devices/getAll", response)
        assert response.status_code == status


@pytest.mark.parametrize("settings", [Settings(request_limit=0, port=0, time_budget=0.05)])
async def test_a_body_that_does_not_come(kiosk: RunningDesk) -> None:
    """D20. 408 with the body of every refusal."""
    status, headers, body = await by_hand(
        kiosk, PREFIX + "devices/getAll", b"4\r\n    \r\n", "Transfer-Encoding: chunked"
    )
    assert status == 408
    assert json.loads(body)["RequestId"] == headers["request-id"]


@pytest.mark.parametrize("settings", [Settings(request_limit=0, port=0, time_budget=1.0)])
async def test_a_change_that_took_too_long(kiosk: RunningDesk, agent: RunningDesk) -> None:
    """D20. Whoever gave up may find the change made, whole."""
    async with agent.socket() as socket:
        async with busy(kiosk.database):
            refused(await kiosk.call("commands/addPrinter", **PRINT), 408)
        told = json.loads(await asyncio.wait_for(socket.recv(), 20))["Events"][0]
    assert told["Id"] in await active(agent)
