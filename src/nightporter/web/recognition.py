"""Recognising callers: two raw tokens to an Actor, remembered until a fact of the property changes."""

import hashlib
from collections.abc import Callable

import msgspec

from nightporter.access.actor import Actor
from nightporter.access.administrator import LOCAL, Administrator
from nightporter.access.tokens import same, token_hash
from nightporter.domain.errors import NotRecognised
from nightporter.storage.administration import administrator
from nightporter.storage.database import Database
from nightporter.storage.tokens import recognise

REMEMBERED = 10_000


class Recognition:
    """The callers that were recognised lately, under a hash of what they sent; strangers are not remembered.

    Nobody is remembered while ``is_current`` says that facts may have changed on another node.
    """

    def __init__(self, database: Database, is_current: Callable[[], bool] = lambda: True) -> None:
        self._database = database
        self._is_current = is_current
        self._generation = 0
        self._local: str | None = None
        self._known: dict[bytes, Actor] = {}
        self._administrators: dict[str, Administrator] = {}
        self.used: set[tuple[str, str]] = set()
        """Table and id of the tokens that were used and not written down yet."""

    def take_used(self) -> tuple[tuple[str, str], ...]:
        """What is in ``used``, which is empty from now on."""
        taken, self.used = tuple(sorted(self.used)), set()
        return taken

    def forget(self) -> None:
        """Facts have changed: everybody is looked up again."""
        self._generation += 1  # whoever is being looked up right now is not remembered either
        self._known.clear()
        self._administrators.clear()

    def trust(self, token: str) -> None:
        """``token`` is that of whoever may read the files of this desk; it holds until the desk closes."""
        self._local = token_hash(token)

    async def of_administrator(self, authorization: bytes | None) -> Administrator:
        """The administrator behind the header ``Authorization: Bearer ...``; raises NotRecognised."""
        scheme, _, token = (authorization or b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise NotRecognised("Authorization")
        sent = token_hash(token.strip())
        if self._local is not None and same(sent, self._local):
            return LOCAL
        found = self._administrators.get(sent) if self._is_current() else None
        if found is None:
            generation = self._generation
            found = await administrator(self._database, sent)
            if len(self._administrators) >= REMEMBERED:
                self._administrators.clear()
            if generation == self._generation:
                self._administrators[sent] = found
        if found.token_id is not None:
            self.used.add(("administration_tokens", found.token_id))
        return found

    async def of_raw(self, client_token: bytes, access_token: bytes) -> Actor:
        """The actor behind two JSON values, of whatever type they came; raises NotRecognised (D7)."""
        sent = hashlib.sha256(client_token + b"\0" + access_token).digest()
        actor = self._known.get(sent) if self._is_current() else None
        if actor is None:
            generation = self._generation
            client = _text(client_token, "ClientToken")
            actor = await self.of_text(client, _text(access_token, "AccessToken"))
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            if generation == self._generation:
                self._known[sent] = actor
        self.used.add(("access_tokens", actor.access_token_id))
        return actor

    async def of_text(self, client_token: str, access_token: str) -> Actor:
        """The actor behind two tokens; raises NotRecognised."""
        actor = await recognise(self._database, token_hash(client_token), token_hash(access_token))
        self.used.add(("access_tokens", actor.access_token_id))
        return actor


def _text(raw: bytes, parameter: str) -> str:
    try:
        text = msgspec.json.decode(raw, type=str)
    except (msgspec.ValidationError, msgspec.DecodeError):
        raise NotRecognised(parameter) from None
    if not text:
        raise NotRecognised(parameter)
    return text
