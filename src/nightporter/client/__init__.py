"""The typed client of the API: HTTP for the operations, a socket for the events."""

from nightporter.client.client import Client
from nightporter.client.errors import (
    Blocked,
    ClientError,
    NotRecognised,
    Refused,
    TooManyRequests,
    Unavailable,
    Uncertain,
    Unreachable,
    Unreadable,
)
from nightporter.client.patience import Means, Patience
from nightporter.client.replies import CommandPage, Data, result_of
from nightporter.client.requests import Span, TokenChange, TokenToAdd
from nightporter.client.sifting import BROKEN
from nightporter.client.socket import Connection
from nightporter.client.spooling import NotWanted, Spool

__all__ = [
    "BROKEN",
    "Blocked",
    "Client",
    "ClientError",
    "CommandPage",
    "Connection",
    "Data",
    "Means",
    "NotRecognised",
    "NotWanted",
    "Patience",
    "Refused",
    "Span",
    "Spool",
    "TokenChange",
    "TokenToAdd",
    "TooManyRequests",
    "Unavailable",
    "Uncertain",
    "Unreachable",
    "Unreadable",
    "result_of",
]
