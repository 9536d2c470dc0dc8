"""keys/rotate: what is kept comes under the first of the desk's keys (docs/encryption.md)."""

from nightporter.domain.errors import Blocked
from nightporter.domain.retention import Kept
from nightporter.operations.operation import AdministrationCall
from nightporter.storage.audit import Audit
from nightporter.storage.resealing import FIRST, SEALED, Reseal, find, left
from nightporter.wire.shapes import Shape

LONGEST = 5.0
"""Seconds after which one call answers, whether or not all is done."""


class Parameters(Shape):
    """Nothing is asked for."""


class Rotated(Shape):
    """How many values of a kind were encrypted anew, and how many the first key has not encrypted yet."""

    kind: Kept
    count: int
    left: int


class RotatedKinds(Shape):
    """What was done. Unless it ``IsComplete`` there is more: call again. ``Trouble`` says why a value had to be left."""

    rotated: list[Rotated]
    is_complete: bool
    trouble: str | None


async def rotate(call: AdministrationCall, _: Parameters) -> RotatedKinds:
    """Encrypts with the first key what is kept in the clear or under another key, in small batches while the desk works.

    A call does what it can within five seconds. Values that cannot be decrypted are left as they are, and counted. Raises
    Blocked for a desk that has no key.
    """
    if call.database.seal.prefix is None:
        raise Blocked(
            "The desk has no key. Make one with nightporter new-key, set keys to it, and start the desk anew."
        )
    began = call.sources.elapsed()
    counts = dict.fromkeys(SEALED, 0)
    audit: Audit | None = call.audit
    trouble: str | None = None
    is_complete = True
    for kind in SEALED:
        since: tuple[str, str] | None = FIRST
        while since is not None and is_complete:
            found = await find(call.database, kind, since)
            trouble, since = trouble or found.trouble, found.onwards
            if found.rows:
                counts[kind] += await call.writer.write(Reseal(kind, found.rows, audit))
                audit = None
                # What is done already is passed over at once; only who does something takes time.
                is_complete = call.sources.elapsed() - began <= LONGEST
    rotated = [Rotated(kind, count, await left(call.database, kind)) for kind, count in counts.items()]
    return RotatedKinds(rotated, is_complete, trouble)
