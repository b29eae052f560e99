from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import maskinporten
from helpers import openssl
from hooks import CallableSigner
from maskinporten import diagnose, read_certificate
from maskinporten.testing import Sandbox


def test_a_registration_that_is_right(sandbox: Sandbox) -> None:
    report = diagnose(
        environment=sandbox.environment,
        client_id=sandbox.settings["client_id"],
        key=sandbox.key(),
        scopes=sandbox.scopes["plain"],
        resource="https://api.example.no",
    )
    assert report.ok
    assert not [finding for finding in report.findings if finding.severity == "error"]
    assert report.key["kid"] == sandbox.settings["kid"]
    assert report.environment["issuer"] == sandbox.environment.issuer
    assert report.claims is not None
    assert report.claims["scope"] == sandbox.scopes["plain"]
    assert sandbox.journal() == [], "nothing was sent"


def test_everything_that_is_wrong_is_found_at_once() -> None:
    report = diagnose(environment="nowhere", client_id="", scopes=["a b"], consumer_org="1")
    assert not report.ok
    assert {finding.field for finding in report.findings} >= {"environment", "client_id", "key", "consumer_org"}
    assert all(finding.remedy.endswith(".") for finding in report.findings)


def test_a_signer_is_looked_at_without_being_asked() -> None:
    def sign(_: bytes) -> bytes:
        raise AssertionError

    report = diagnose(environment="test", client_id="c", signer=CallableSigner(sign, "the-kid"))
    assert report.key["kid"] == "the-kid"
    assert report.claims is None


def test_a_report_holds_no_secret(sandbox: Sandbox) -> None:
    report = diagnose(
        environment="test",
        client_id="c",
        key=sandbox.key(),
        scopes="a:b",
        pid="12345678901",
        extra_claims={"x": "canary"},
    )
    pem = Path(sandbox.settings["key_pem"]).read_text().splitlines()[1]
    assert not [secret for secret in ("12345678901", "canary", pem) if secret in repr(report)]


def test_a_chain_is_read(openssl_chain: Path) -> None:
    chain = b"".join((openssl_chain / f"{name}.pem").read_bytes() for name in ("leaf", "intermediate", "root"))
    for source in (chain, chain.decode()):
        report = read_certificate(source)
        leaf = report.certificates[0]
        assert len(report.certificates) == 3
        assert (leaf.organization_number, leaf.organization_identifier) == ("991825827", "NTRNO-991825827")
        assert leaf.key_bits == 2048
        assert 29 <= (leaf.not_after - leaf.not_before).days <= 30


def test_der_and_a_path_are_read_and_problems_told(openssl_chain: Path, tmp_path: Path) -> None:
    openssl(openssl_chain, f"x509 -in root.pem -outform DER -out {tmp_path / 'root.der'}")
    report = read_certificate(tmp_path / "root.der")
    assert report.certificates[0].organization_number is None
    assert report.problems
    assert all(problem.remedy for problem in report.problems)


@pytest.mark.parametrize("source", [b"", b"nothing", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_an_error(source: Any) -> None:
    with pytest.raises(maskinporten.ConfigurationError):
        read_certificate(source)
    with pytest.raises(maskinporten.ConfigurationError, match="cannot be read"):
        read_certificate("absent.pem")
