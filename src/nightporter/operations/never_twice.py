"""``Idempotency-Key``: the same request sent again is answered with the first result (DESIGN, "Never twice")."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from nightporter.domain.errors import Changed, Invalid, Refusal
from nightporter.storage import idempotency
from nightporter.storage.idempotency import Once, Twin
from nightporter.storage.types import seconds
from nightporter.wire.shapes import Common

if TYPE_CHECKING:
    from nightporter.operations.operation import Call

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x20-\x7e]{1,255}", re.ASCII)
_COMMON = frozenset(Common.__struct_fields__)
ROUNDS = 3

InFlight = dict[tuple[str, str, str], asyncio.Future[None]]
"""Keys whose first request is under way in this process; twins wait for it."""


def body_hash(secret: bytes, parameters: Common) -> str:
    """A keyed hash of the decoded body without the common fields: it tells bodies apart and gives no PIN away."""
    own = [getattr(parameters, name) for name in parameters.__struct_fields__ if name not in _COMMON]
    return hashlib.blake2b(_told(own), key=secret, digest_size=32).hexdigest()


_told = msgspec.json.Encoder(enc_hook=lru_cache(4096)(str)).encode
"""Tells values apart, which is all a hash needs; ``str`` for the wire's own scalars costs no call into Python, and the
times of a batch, which are dear to print, are few."""


async def never_twice(
    call: "Call",
    parameters: Common,
    enterprise_id: str,
    act: Callable[[Once | None], Awaitable[tuple[str, ...] | Twin]],
) -> tuple[str, ...]:
    """The ids that ``act`` made, or those that the first request with the same key made within 24 hours.

    ``act`` hands its Once to the writer with the change, so that both are kept in one transaction; what it refuses is
    not kept. Raises Invalid("Idempotency-Key") for a malformed key and for a key that came with another body.
    """
    key = call.idempotency_key
    if key is None:
        unkeyed = await act(None)
        assert not isinstance(unkeyed, Twin)
        return unkeyed
    if not _KEY.fullmatch(key):
        raise Invalid(HEADER)
    once = Once(
        call.actor.access_token_id, call.operation, key, body_hash(call.database.secret, parameters), enterprise_id
    )
    mine = (once.access_token_id, once.operation, once.key)
    for _ in range(ROUNDS):
        while (first := call.in_flight.get(mine)) is not None:
            await asyncio.shield(first)
        done = call.in_flight[mine] = asyncio.get_running_loop().create_future()
        try:
            made = await _acted(act, once)
            if not isinstance(made, Twin | Refusal):
                return made
            used = await idempotency.find(call.database, once, seconds(call.sources.now()))
            if used is not None:
                if used.body_hash != once.body_hash:
                    raise Invalid(HEADER)
                return used.result
            if isinstance(made, Refusal):
                raise made
        finally:
            del call.in_flight[mine]
            done.set_result(None)
    raise Changed


async def _acted(
    act: Callable[[Once | None], Awaitable[tuple[str, ...] | Twin]], once: Once
) -> tuple[str, ...] | Twin | Refusal:
    """What came of acting. Whether the key was used is asked only when nothing came of it: that is the rare case.

    The outcome is the same as asking first: a used key cannot be taken, so nothing is made, and what the references
    refuse today is not told while the key stands for an earlier result.
    """
    try:
        return await act(once)
    except Refusal as refusal:
        return refusal
