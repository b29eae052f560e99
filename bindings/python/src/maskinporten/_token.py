"""The access token."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ._secret import NotPicklable


@dataclass(frozen=True, repr=False)
class Token(NotPicklable):
    """An access token and how long it holds. To a client it is opaque: nothing here is read from inside it.

    It prints without its secret, and cannot be pickled.
    """

    #: The secret text behind "Authorization: Bearer".
    access_token: str = field(repr=False)
    #: Always "Bearer".
    token_type: str
    #: What was granted, separated by spaces; empty if an exchange does not say.
    scope: str
    #: When the request for it was sent (UTC). Its life counts from here.
    requested_at: datetime
    #: requested_at plus the life that the server gave (UTC).
    expires_at: datetime
    #: When the cache stops handing it out, a margin before expires_at (UTC).
    usable_until: datetime

    @property
    def header(self) -> str:
        """The value of the Authorization header. It is a secret."""
        return f"Bearer {self.access_token}"

    def __repr__(self) -> str:
        return f"<Token {self.token_type} [redacted] scope={self.scope!r} until {self.expires_at:%Y-%m-%dT%H:%M:%SZ}>"

    def __copy__(self) -> Token:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Token:
        return self  # it never changes


def token_from_json(text: bytes) -> Token:
    """Read a token object of the core."""
    return token_of_members(json.loads(text))


def token_of_members(members: dict[str, Any]) -> Token:
    """Make the token of its members."""
    return Token(
        access_token=members["access_token"],
        token_type=members["token_type"],
        scope=members.get("scope", ""),
        requested_at=_utc(members["requested_at_ms"]),
        expires_at=_utc(members["expires_at_ms"]),
        usable_until=_utc(members["usable_until_ms"]),
    )


def _utc(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
