"""How a client stands, for health checks."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import NamedTuple


class KeyStatus(NamedTuple):
    """One of the keys of a client."""

    #: The kid, or None for a key that stands behind a certificate.
    kid: str | None
    #: SHA-256 of that certificate in hexadecimal, or None.
    thumbprint: str | None
    alg: str
    #: When the key or its certificate ends (UTC), if that is known.
    not_after: datetime | None
    #: Whether grants are signed with it now.
    active: bool


class Status(NamedTuple):
    """The keys, the clock and the cache of a client."""

    keys: tuple[KeyStatus, ...]
    #: What is added to the clock of this machine in grants.
    clock_offset: timedelta
    #: How many entries the cache has, and how many it keeps at most.
    tokens: int
    cache_limit: int


def status_from_json(text: bytes) -> Status:
    """Read the answer of mp_client_status."""
    members = json.loads(text)
    return Status(
        keys=tuple(
            KeyStatus(
                kid=key.get("kid"),
                thumbprint=key.get("x5t#S256"),
                alg=key["alg"],
                not_after=_utc(key.get("not_after_ms")),
                active=key["active"],
            )
            for key in members["keys"]
        ),
        clock_offset=timedelta(milliseconds=members["clock_offset_ms"]),
        tokens=members["tokens"],
        cache_limit=members["cache_limit"],
    )


def _utc(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
