"""Who a client is: its keys, as the core wants them, and the variables of NAIS."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from . import _errors
from ._key import Key
from ._settings import Environment, given

if TYPE_CHECKING:
    from ._hooks import AnySigner


def key_members(*keys: Key | AnySigner | None) -> dict[str, Any]:
    """Return the members key and next_keys of a configuration."""
    first, *others = (_members(field, key) for field, key in _named(keys))
    return {"key": first, "next_keys": others or None}


def signers_of(*keys: Key | AnySigner | None) -> dict[str, AnySigner]:
    """Return the signers among the keys, by what a grant's header names them by."""
    signers: dict[str, AnySigner] = {}
    for _, key in _named(keys):
        if not isinstance(key, Key):
            face = _face(key)
            signers[face.get("kid") or face["x5c"][0]] = key
    return signers


def _named(keys: tuple[Any, ...]) -> Iterable[tuple[str, Any]]:
    return (("key" if i == 0 else f"next_keys[{i - 1}]", key) for i, key in enumerate(keys))


def _members(field: str, key: Any) -> dict[str, Any]:
    if isinstance(key, Key):
        return key._members
    if not callable(getattr(key, "sign", None)) or not hasattr(key, "alg"):
        raise _errors.invalid(
            field,
            f"it is {type(key).__name__}",
            "Give Key.pem(...), Key.jwk(...) or Key.pkcs12(...), or an object with alg, kid or x5c, and sign().",
            code="invalid_key",
            number=1004,
        )
    face = _face(key)
    if not face.get("kid") and not face.get("x5c"):
        raise _errors.invalid(
            field,
            f"the signer {type(key).__name__} has neither kid nor x5c",
            "Give it the attribute kid if the key is registered, or x5c with the certificates, leaf first.",
            code="invalid_key",
            number=1004,
        )
    return face


def _face(signer: Any) -> dict[str, Any]:
    x5c = getattr(signer, "x5c", None)
    return given(
        {
            "alg": signer.alg,
            "kid": getattr(signer, "kid", None),
            "x5c": None if x5c is None else [_base64(certificate) for certificate in x5c],
            "signature_size": getattr(signer, "signature_size", None),
        }
    )


def _base64(certificate: bytes | str) -> str:
    return certificate if isinstance(certificate, str) else base64.b64encode(certificate).decode()


def from_variables(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of a client that stand in the variables of NAIS."""
    required = ("CLIENT_ID", "CLIENT_JWK", "ISSUER", "TOKEN_ENDPOINT")
    if missing := [name for name in (f"MASKINPORTEN_{r}" for r in required) if not environ.get(name)]:
        raise _errors.local(
            "invalid_configuration",
            1002,
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set",
            "Set the variables that NAIS gives an application with maskinporten enabled.",
        )
    environment = Environment(
        issuer=environ["MASKINPORTEN_ISSUER"],
        token_endpoint=environ["MASKINPORTEN_TOKEN_ENDPOINT"],
        metadata_url=environ.get("MASKINPORTEN_WELL_KNOWN_URL") or None,
        customs_token_endpoint=environ.get("MASKINPORTEN_CUSTOMS_TOKEN_ENDPOINT") or None,
        allow_loopback_http=environ.get("MASKINPORTEN_ALLOW_LOOPBACK_HTTP") == "true",
    )
    return {
        "environment": environment,
        "client_id": environ["MASKINPORTEN_CLIENT_ID"],
        "key": Key.jwk(environ["MASKINPORTEN_CLIENT_JWK"]),
    }
