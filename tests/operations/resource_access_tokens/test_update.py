import pytest

from nightporter.domain.errors import Changed, Invalid
from tests.contract.hotel import STAY
from tests.operations.calls import AlwaysTooLate, Between, Caller


@pytest.fixture
async def token(agent: Caller) -> str:
    one = {
        "ServiceOrderId": STAY, "Type": "PinCode", "Value": "1", "ValidityStartUtc": "2026-03-01T00:00:00Z",
        "ValidityEndUtc": "2026-03-05T00:00:00Z", "Permissions": {"Room": True},
    }  # fmt: skip
    reply = await agent("resourceAccessTokens/add", ResourceAccessTokenParameters=[one])
    return reply.resource_access_tokens[0].id


async def update(caller: Caller, token_id: str, **fields):
    return await caller(
        "resourceAccessTokens/update", ResourceAccessTokenUpdates=[{"ResourceAccessTokenId": token_id, **fields}]
    )


async def test_a_token_that_was_deleted_after_it_was_read_is_refused(agent: Caller, token: str):
    async def delete():
        await agent("resourceAccessTokens/delete", Ids=[token])

    writer = Between(agent.desk.writer, delete)
    with pytest.raises(Invalid) as refused:
        await update(agent.through(writer), token, Value={"Value": "2"})
    assert refused.value.parameter == "ResourceAccessTokenId"
    assert writer.written == 1


async def test_a_validity_that_others_made_impossible_is_refused(agent: Caller, token: str):
    async def shorten():
        await update(agent, token, ValidityEndUtc={"Value": "2026-03-02T00:00:00Z"})

    with pytest.raises(Invalid) as refused:
        await update(
            agent.through(Between(agent.desk.writer, shorten)),
            token,
            ValidityStartUtc={"Value": "2026-03-03T00:00:00Z"},
        )
    assert refused.value.parameter == "ValidityEndUtc"


async def test_what_others_changed_and_this_leaves_out_stays_theirs(agent: Caller, token: str):
    async def others():
        await update(agent, token, Value={"Value": "theirs"}, Permissions={"Bed": True})

    reply = await update(
        agent.through(Between(agent.desk.writer, others)), token, Permissions={"Floor": {"Value": True}}
    )
    (kept,) = reply.resource_access_tokens
    assert kept.value == "theirs"
    assert (kept.permissions.bed, kept.permissions.room, kept.permissions.floor) == (True, True, True)


async def test_tokens_that_change_again_and_again_are_given_up_after_three_rounds(agent: Caller, token: str):
    writer = AlwaysTooLate(None)
    with pytest.raises(Changed):
        await update(agent.through(writer), token, Value={"Value": "2"})
    assert writer.written == 3


async def test_nothing_to_change_writes_nothing(agent: Caller):
    writer = AlwaysTooLate(None)
    for fields in ({}, {"ResourceAccessTokenUpdates": None}, {"ResourceAccessTokenUpdates": []}):
        assert (await agent.through(writer)("resourceAccessTokens/update", **fields)).resource_access_tokens == []
    assert writer.written == 0


async def test_deleting_what_is_deleted_writes_nothing(agent: Caller, token: str):
    await agent("resourceAccessTokens/delete", Ids=[token, token])
    writer = AlwaysTooLate(None)
    await agent.through(writer)("resourceAccessTokens/delete", Ids=[token])
    assert writer.written == 0
