import json

import pytest

from nightporter.access.tokens import token_hash
from nightporter.domain.errors import NotRecognised
from nightporter.storage.property import SetProperty
from nightporter.web import recognition
from tests.harness import ACCESS_TOKEN, CLIENT_TOKEN, POS_TOKEN, RunningDesk

CLIENT, ACCESS, POS = (json.dumps(one).encode() for one in (CLIENT_TOKEN, ACCESS_TOKEN, POS_TOKEN))


async def test_a_caller_is_looked_up_once(desk: RunningDesk):
    known = desk.desk.recognition
    first = await known.of_raw(CLIENT, ACCESS)
    assert await known.of_raw(CLIENT, ACCESS) is first
    assert await known.of_raw(CLIENT, POS) != first
    known.forget()
    again = await known.of_raw(CLIENT, ACCESS)
    assert again == first
    assert again is not first


@pytest.mark.parametrize(
    "raw", [b"null", b"1", b"true", b"[]", b"{}", b'""', b'"nobody"', b'["' + CLIENT[1:], b"1e999", b""]
)
async def test_strangers_are_told_which_token_it_is_and_are_not_remembered(desk: RunningDesk, raw: bytes):
    known = desk.desk.recognition
    known.forget()
    for client, access, parameter in ((raw, ACCESS, "ClientToken"), (CLIENT, raw, "AccessToken")):
        with pytest.raises(NotRecognised) as refused:
            await known.of_raw(client, access)
        assert refused.value.message == f"Invalid {parameter}"
    assert known._known == {}


async def test_no_more_callers_are_remembered_than_fit(desk: RunningDesk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recognition, "REMEMBERED", 2)
    known = desk.desk.recognition
    known.forget()
    await known.of_raw(CLIENT, ACCESS)
    await known.of_raw(CLIENT, POS)
    assert len(known._known) == 2
    await known.of_raw(b" " + CLIENT, ACCESS)
    assert len(known._known) == 1


async def test_a_revoked_token_is_forgotten_with_the_change(desk: RunningDesk):
    assert (await desk.call("devices/getAll")).status_code == 200
    actor = await desk.desk.recognition.of_text(CLIENT_TOKEN, ACCESS_TOKEN)
    row = {
        "id": actor.access_token_id, "integration_id": actor.integration_id, "token_hash": token_hash("another"),
        "created": 0, "revoked": None,
    }  # fmt: skip
    await desk.desk.writer.write(SetProperty({"access_tokens": [row]}))
    assert (await desk.call("devices/getAll")).json()["Message"] == "Invalid AccessToken"
    assert (await desk.as_("another").call("devices/getAll")).status_code == 200
