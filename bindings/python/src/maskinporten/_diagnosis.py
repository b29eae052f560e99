"""Looking before leaping: what is wrong with a registration or a certificate. Nothing is sent or signed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from ._engine import engine
from ._errors import Problem
from ._key import read_content
from ._registration import key_members
from ._secret import Secret
from ._settings import Environment, client_json, request_json

if TYPE_CHECKING:
    from ._hooks import AnySigner
    from ._key import Key


class Finding(NamedTuple):
    """One thing that is wrong, probably not meant, or good to know."""

    #: "error", "warning" or "note".
    severity: str
    field: str
    message: str
    remedy: str


class Diagnosis(NamedTuple):
    """What diagnose() found. It holds no secret: in claims, pid and the values of extra claims are redacted."""

    #: Whether no finding is an error.
    ok: bool
    findings: tuple[Finding, ...]
    #: What is known of the environment and the key, with the names of maskinporten.h.
    environment: dict[str, Any]
    key: dict[str, Any]
    #: Those that a grant for the request would have, without iat, exp and jti; None without a request.
    claims: dict[str, Any] | None


class Certificate(NamedTuple):
    """Whose certificate it is, and how long it holds."""

    subject: str
    issuer: str
    #: Hexadecimal, as sha256.
    serial_number: str
    #: UTC.
    not_before: datetime
    not_after: datetime
    sha256: str
    key_bits: int
    #: The nine digits of a Norwegian organization, and what stands in the subject, such as "NTRNO-310702641".
    organization_number: str | None
    organization_identifier: str | None


class Certificates(NamedTuple):
    """The certificates of a file in its order, and why Maskinporten would refuse them as the chain of a grant."""

    certificates: tuple[Certificate, ...]
    problems: tuple[Problem, ...]


def diagnose(
    *,
    environment: str | Environment | Mapping[str, Any],
    client_id: str,
    key: Key | None = None,
    signer: AnySigner | None = None,
    next_keys: Iterable[Key | AnySigner] = (),
    eseal: bool = False,
    grant_life_seconds: int | None = None,
    scopes: str | Iterable[str] | None = None,
    **request: Any,
) -> Diagnosis:
    """Say everything about a registration, and about a request if scopes are given.

    It takes what Client() takes and, with scopes, what Client.source() takes.
    All that those would refuse is a finding; nothing is raised for it.
    """
    given = key if key is not None else signer
    config = client_json(
        environment,
        {} if given is None else key_members(given, *next_keys),
        None,
        client_id=client_id,
        eseal=eseal or None,
        grant_life_seconds=grant_life_seconds,
    )
    wanted = Secret(b"") if scopes is None else request_json(scopes, **request)
    report = json.loads(engine().diagnose(config, wanted))
    return Diagnosis(
        ok=report["ok"],
        findings=tuple(Finding(**finding) for finding in report["findings"]),
        environment=report["environment"],
        key=report["key"],
        claims=report.get("claims"),
    )


def read_certificate(source: bytes | str | os.PathLike[str]) -> Certificates:
    """Read certificates in PEM or DER: a path, the text of PEM, or the content as bytes.

    A private key beside them is passed over. Raises ConfigurationError if there is no certificate.
    """
    report = json.loads(engine().certificate_read(Secret(read_content(source, "-----BEGIN"))))
    return Certificates(
        certificates=tuple(map(_certificate, report["certificates"])),
        problems=tuple(Problem(**problem) for problem in report["problems"]),
    )


def _certificate(members: dict[str, Any]) -> Certificate:
    return Certificate(
        subject=members["subject"],
        issuer=members["issuer"],
        serial_number=members["serial_number"],
        not_before=datetime.fromtimestamp(members["not_before_ms"] / 1000, timezone.utc),
        not_after=datetime.fromtimestamp(members["not_after_ms"] / 1000, timezone.utc),
        sha256=members["sha256"],
        key_bits=members["key_bits"],
        organization_number=members.get("organization_number"),
        organization_identifier=members.get("organization_identifier"),
    )
