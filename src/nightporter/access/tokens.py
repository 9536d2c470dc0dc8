"""Client and access tokens: kept as hashes, compared in constant time."""

import hashlib
import hmac
import secrets


def new_token() -> str:
    """A new token of 256 random bits, in the form of the vendor's tokens."""
    return f"{secrets.token_hex(16)}-{secrets.token_hex(16)}".upper()


def token_hash(token: str) -> str:
    """What is kept of a token: SHA-256 in hex. Tokens are long and random, so no slower hash is called for."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare two hashes in constant time."""
    return hmac.compare_digest(one, other)
