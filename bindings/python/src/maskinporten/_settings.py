"""What a client and a token request are made of, and the JSON they become.

Nothing is checked here that the library checks itself. The member names are
those of maskinporten.h; what is None is left out.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
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
class Consent:
    """A consent that a person or an organization gave in Altinn (urn:altinn:consent).

    id: the UUID of the consent request.
    from_: who gave it: "urn:altinn:person:identifier-no:..." or "urn:altinn:organization:identifier-no:...".
    """

    id: str
    from_: str


@dataclass(frozen=True)
class Customs:
    """The second hop at Norwegian Customs: Maskinporten's token becomes one of theirs.

    token_endpoint: only if it is not the one of the environment.
    """

    token_endpoint: str | None = None


@dataclass(frozen=True)
class Altinn:
    """The second hop at Altinn: Maskinporten's token becomes one of theirs.

    environment: "prod", "tt02", "at21" to "at24" or "yt01"; or give the endpoint of the exchange.
    test: makes the token one of the test organization ttd.
    """

    environment: str | None = None
    endpoint: str | None = field(default=None, kw_only=True)
    test: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class TokenExchange:
    """A second hop by RFC 8693, without client authentication.

    audience, resource, scopes: what the new token is for, as the endpoint wants it.
    subject_token_type, requested_token_type: URIs of RFC 8693 §3; those of access tokens if None.
    """

    token_endpoint: str
    audience: str | Iterable[str] | None = field(default=None, kw_only=True)
    resource: str | Iterable[str] | None = field(default=None, kw_only=True)
    scopes: str | Iterable[str] | None = field(default=None, kw_only=True)
    subject_token_type: str | None = field(default=None, kw_only=True)
    requested_token_type: str | None = field(default=None, kw_only=True)


#: One hop that turns a token into another one.
Exchange = Customs | Altinn | TokenExchange


def client_json(
    environment: str | Environment | Mapping[str, Any],
    keys: Mapping[str, Any],
    store_key: bytes | str | None,
    **members: Any,
) -> Secret:
    """Write the configuration of mp_client_new."""
    if isinstance(environment, Environment):
        environment = given(asdict(environment))
    elif isinstance(environment, Mapping):
        environment = dict(environment)
    if isinstance(store_key, (bytes, bytearray)):
        store_key = base64.b64encode(store_key).decode()
    return encode(environment=environment, store_key=store_key, **keys, **members)


def request_json(
    scopes: str | Iterable[str],
    *,
    resource: str | Iterable[str] | None = None,
    system_user: SystemUser | None = None,
    consent: Consent | None = None,
    extra_claims: Mapping[str, Any] | None = None,
    exchange: Exchange | Iterable[Exchange] | None = None,
    **members: Any,
) -> Secret:
    """Write the request of mp_source_new."""
    hops = [exchange] if isinstance(exchange, (Customs, Altinn, TokenExchange)) else list(exchange or ())
    return encode(
        scopes=_texts("scopes", scopes),
        resource=None if resource is None else _texts("resource", resource),
        system_user=None if system_user is None else given(asdict(system_user)),
        consent=None if consent is None else {"id": consent.id, "from": consent.from_},
        extra_claims=None if extra_claims is None else dict(extra_claims),
        exchanges=[_exchange(hop) for hop in hops] or None,
        **members,
    )


def _exchange(hop: Exchange) -> dict[str, Any]:
    if isinstance(hop, Customs):
        return {"type": "customs", **given(asdict(hop))}
    if isinstance(hop, Altinn):
        return {"type": "altinn", **given(asdict(hop))}
    if isinstance(hop, TokenExchange):
        members = given({field.name: getattr(hop, field.name) for field in fields(hop)})
        for name in {"audience", "resource", "scopes"} & members.keys():
            members[name] = _texts(f"exchange.{name}", members[name])
        return {"type": "token_exchange", **members}
    raise _errors.invalid(
        "exchange",
        f"it is {type(hop).__name__}",
        "Give Customs(), Altinn(...) or TokenExchange(...), or several of them.",
        code="invalid_token_request",
        number=1003,
    )


def encode(**members: Any) -> Secret:
    """Write an object as JSON, without the members that are None."""
    try:
        return Secret(json.dumps(given(members), allow_nan=False).encode())
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error)  # names a type or a number, never a value of the caller's
    raise _errors.local(
        "invalid_argument",
        1001,
        f"a setting cannot be written as JSON: {reason}",
        "Give text, whole numbers and booleans.",
    )


def given(members: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is None."""
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
