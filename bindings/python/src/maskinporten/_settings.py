"""What a client and a token request are made of, and the JSON they become.

Nothing is checked here that the library checks itself. The member names are
those of maskinporten.h; what is None is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from . import _errors
from ._secret import Secret


@dataclass(frozen=True)
class Environment:
    """One installation of Maskinporten. The built-in ones are called "test" and "production".

    issuer: exactly as in its metadata, trailing slash included; it becomes the grant's aud.
    token_endpoint: where grants are sent.
    metadata_url: the RFC 8414 document.
    customs_token_endpoint, customs_test_auth: the Norwegian Customs installation that trusts it.
    allow_loopback_http: permits plain http to this machine, for the sandbox.
    """

    issuer: str
    token_endpoint: str
    metadata_url: str | None = None
    customs_token_endpoint: str | None = None
    customs_test_auth: str | None = None
    allow_loopback_http: bool = False


@dataclass(frozen=True)
class SystemUser:
    """A system user of Altinn (urn:altinn:systemuser).

    org: the nine-digit organization number of its owner.
    external_ref: needed if the system user was created with one.
    """

    org: str
    external_ref: str | None = None


@dataclass(frozen=True)
class Customs:
    """The second hop at Norwegian Customs: Maskinporten's token becomes one of theirs.

    token_endpoint: only if it is not the one of the environment.
    """

    token_endpoint: str | None = None


def client_json(
    environment: str | Environment | Mapping[str, Any],
    client_id: str,
    key: Mapping[str, Any],
    grant_life_seconds: int | None,
    cache_limit: int | None,
) -> Secret:
    """Write the configuration of mp_client_new."""
    if isinstance(environment, Environment):
        environment = _given(asdict(environment))
    elif isinstance(environment, Mapping):
        environment = dict(environment)
    return encode(
        environment=environment,
        client_id=client_id,
        key=key,
        grant_life_seconds=grant_life_seconds,
        cache_limit=cache_limit,
    )


def request_json(
    scopes: str | Iterable[str],
    resource: str | Iterable[str] | None,
    consumer_org: str | None,
    pid: str | None,
    system_user: SystemUser | None,
    exchange: Customs | Iterable[Customs] | None,
) -> Secret:
    """Write the request of mp_source_new."""
    exchanges = [exchange] if isinstance(exchange, Customs) else list(exchange or ())
    return encode(
        scopes=_texts("scopes", scopes),
        resource=None if resource is None else _texts("resource", resource),
        consumer_org=consumer_org,
        pid=pid,
        system_user=None if system_user is None else _given(asdict(system_user)),
        exchanges=[{"type": "customs", **_given(asdict(hop))} for hop in exchanges] or None,
    )


def encode(**members: Any) -> Secret:
    """Write an object as JSON, without the members that are None."""
    try:
        return Secret(json.dumps(_given(members), allow_nan=False).encode())
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error)  # names a type or a number, never a value of the caller's
    raise _errors.local(
        "invalid_argument",
        1001,
        f"a setting cannot be written as JSON: {reason}",
        "Give text, whole numbers and booleans.",
    )


def _given(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _texts(field: str, value: str | Iterable[str]) -> list[str]:
    # Iterating over bytes gives numbers, and over a mapping its keys: neither is what was meant.
    if isinstance(value, (bytes, bytearray, Mapping)):
        raise _errors.invalid(
            field,
            f"it is {type(value).__name__}",
            "Give one str or several.",
            code="invalid_token_request",
            number=1003,
        )
    return [value] if isinstance(value, str) else list(value)
