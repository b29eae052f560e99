"""Private keys, as the library wants them."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from . import _errors
from ._engine import engine
from ._secret import NotPicklable
from ._settings import encode

#: Where a key is: a path, the content as bytes, or, for PEM and JWK, the content as text.
KeySource = str | bytes | os.PathLike[str]


class Key(NotPicklable):
    """A private RSA key with what stands for it in the grant's header: its kid or its certificate chain.

    Give `kid` if the key is registered on the client in Maskinporten's
    self-service. Give a certificate chain, and no kid, if nothing is registered
    and the client authenticates with a virksomhetssertifikat. `alg` is RS256
    (the default), RS384 or RS512.

    A key is read here and checked by `Client`, which lists everything that is wrong with it.
    """

    __slots__ = ("_form", "_members")

    def __init__(self, form: str, members: dict[str, Any]) -> None:
        """Use Key.pem, Key.jwk or Key.pkcs12."""
        self._form = form
        self._members = {name: value for name, value in members.items() if value is not None}

    @classmethod
    def pem(
        cls,
        source: KeySource,
        *,
        password: str | bytes | None = None,
        kid: str | None = None,
        alg: str | None = None,
        certificate_chain: KeySource | None = None,
    ) -> Key:
        """Read PEM: PKCS#1 or PKCS#8, plain or encrypted; a path, or the text itself."""
        return cls(
            "PEM",
            {
                "pem": _read_text(source, "-----BEGIN"),
                "password": _password(password),
                "kid": kid,
                "alg": alg,
                "certificate_chain": None if certificate_chain is None else _read_text(certificate_chain, "-----BEGIN"),
            },
        )

    @classmethod
    def jwk(cls, source: KeySource | Mapping[str, Any], *, kid: str | None = None, alg: str | None = None) -> Key:
        """Read a private JWK (RFC 7517): a path, the text itself, or the object."""
        jwk = dict(source) if isinstance(source, Mapping) else _parse_object(_read_text(source, "{"))
        return cls("JWK", {"jwk": jwk, "kid": kid, "alg": alg})

    @classmethod
    def pkcs12(
        cls,
        source: bytes | str | os.PathLike[str],
        *,
        password: str | bytes | None = None,
        kid: str | None = None,
        alg: str | None = None,
    ) -> Key:
        """Read PKCS#12 (.p12, .pfx): a path as str, or the content as bytes."""
        content = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else _read_file(source)
        return cls(
            "PKCS#12",
            {
                "pkcs12": base64.b64encode(content).decode(),
                "password": _password(password),
                "kid": kid,
                "alg": alg,
            },
        )

    def __repr__(self) -> str:
        kid = self._members.get("kid")
        return f"<Key {self._form} {'[redacted]' if kid is None else f'kid={kid!r} [redacted]'}>"


class GeneratedKey(NamedTuple):
    """A new key: register `public_jwk`, keep `private_jwk` or `pem` where secrets are kept."""

    kid: str
    public_jwk: dict[str, Any]
    private_jwk: dict[str, Any]
    pem: str

    def __repr__(self) -> str:
        return f"<GeneratedKey kid={self.kid!r} [redacted]>"


def generate_key(*, bits: int = 2048, kid: str | None = None, alg: str = "RS256") -> GeneratedKey:
    """Make an RSA key. The kid is a random UUID unless you give one."""
    return GeneratedKey(**json.loads(engine().key_generate(encode(bits=bits, kid=kid, alg=alg))))


def _read_text(source: KeySource, begins: str) -> str:
    # What is not text is damaged further, so that the library explains what it is given.
    return read_content(source, begins).decode("utf-8", errors="replace")


def read_content(source: KeySource, begins: str) -> bytes:
    """Return the content of a file or of what is given. A str is the text itself if it holds `begins`, else a path."""
    if isinstance(source, str) and begins in source:
        return source.encode(errors="replace")
    return bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else _read_file(source)


def _read_file(source: str | os.PathLike[str]) -> bytes:
    try:
        return Path(source).read_bytes()
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "not a path"
    # Text that was meant as the key itself may end here. Keys are longer than paths.
    path = os.fspath(source)
    shown = f"the file {path!r}" if len(path) <= 255 else "the file"
    raise _errors.invalid(
        "key",
        f"{shown} cannot be read: {reason}",
        "Give a path to a readable file, or the key itself.",
        code="invalid_key",
        number=1004,
    )


def _parse_object(text: str) -> dict[str, Any]:
    try:
        jwk = json.loads(text)
    except (ValueError, RecursionError):
        jwk = None  # the exception holds the whole text
    if isinstance(jwk, dict):
        return jwk
    raise _errors.invalid(
        "key.jwk", "it is not a JSON object", "Give one private JWK.", code="invalid_key", number=1004
    )


def _password(password: str | bytes | None) -> str | None:
    return password.decode() if isinstance(password, bytes) else password
