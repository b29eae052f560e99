"""Keys and certificates as OpenSSL makes them, and keys that the library makes."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path

import jwt
import pytest

import maskinporten
from helpers import openssl
from maskinporten import Key
from test_grant import assertion_of, client_with, verified


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("openssl")


@pytest.fixture(scope="module")
def pkcs8(folder: Path) -> Path:
    openssl(folder, "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out pkcs8.pem")
    return folder / "pkcs8.pem"


@pytest.mark.parametrize(
    ("command", "label"),
    [
        ("pkcs8 -topk8 -nocrypt", "BEGIN PRIVATE KEY"),
        ("rsa -traditional", "BEGIN RSA PRIVATE KEY"),
        ("pkcs8 -topk8 -v2 aes-256-cbc -passout pass:correct", "BEGIN ENCRYPTED PRIVATE KEY"),
    ],
    ids=["PKCS#8", "PKCS#1", "encrypted PKCS#8"],
)
def test_pem_of_openssl(command: str, label: str, folder: Path, pkcs8: Path) -> None:
    openssl(folder, f"{command} -in {pkcs8.name} -out converted.pem")
    text = (folder / "converted.pem").read_text()
    assert label in text
    public = subprocess.run(
        ["openssl", "pkey", "-in", pkcs8, "-pubout"], check=True, capture_output=True, timeout=60
    ).stdout
    password = "correct" if "ENCRYPTED" in label else None
    with client_with(Key.pem(folder / "converted.pem", kid="k", password=password)) as client:
        assert verified(assertion_of(client.source("example:a")), public_key=public)["iss"] == "my-client"


@pytest.mark.parametrize("kind", ["", "-legacy"], ids=["AES", "RC2 and 3DES"])
def test_pkcs12_of_openssl(kind: str, openssl_chain: Path) -> None:
    files = "-inkey leaf.key -in leaf.pem -certfile others.pem -out chain.p12"
    openssl(openssl_chain, f"pkcs12 -export {kind} {files} -passout pass:correct")
    with client_with(Key.pkcs12(openssl_chain / "chain.p12", password="correct")) as client:
        assert len(jwt.get_unverified_header(assertion_of(client.source("example:a")))["x5c"]) == 3
    with pytest.raises(maskinporten.ConfigurationError, match=r"(?i)password"):
        client_with(Key.pkcs12(openssl_chain / "chain.p12", password="wrong"))


def test_pem_with_its_chain_of_openssl(openssl_chain: Path) -> None:
    (openssl_chain / "chain.pem").write_text(
        (openssl_chain / "others.pem").read_text() + (openssl_chain / "leaf.pem").read_text()
    )
    key = Key.pem(openssl_chain / "leaf.key", certificate_chain=openssl_chain / "chain.pem")
    with client_with(key) as client:
        assert len(jwt.get_unverified_header(assertion_of(client.source("example:a")))["x5c"]) == 3


def test_a_generated_key_can_be_registered_and_used() -> None:
    made = maskinporten.generate_key()
    assert str(uuid.UUID(made.kid)) == made.kid
    assert sorted(made.public_jwk) == ["alg", "e", "kid", "kty", "n", "use"]
    assert (made.public_jwk["kty"], made.public_jwk["use"], made.public_jwk["alg"]) == ("RSA", "sig", "RS256")
    assert made.private_jwk["d"] not in repr(made)
    public = jwt.PyJWK(made.public_jwk).key
    for key in (Key.jwk(made.private_jwk), Key.jwk(json.dumps(made.private_jwk)), Key.pem(made.pem, kid=made.kid)):
        with client_with(key) as client:
            assertion = assertion_of(client.source("example:a"))
        assert jwt.get_unverified_header(assertion)["kid"] == made.kid
        assert verified(assertion, public_key=public)["scope"] == "example:a"


def test_a_generated_key_follows_its_settings() -> None:
    made = maskinporten.generate_key(bits=3072, kid="my-key", alg="RS512")
    assert (made.kid, made.public_jwk["alg"], len(made.public_jwk["n"])) == ("my-key", "RS512", 512)
    with pytest.raises(maskinporten.ConfigurationError, match="1024"):
        maskinporten.generate_key(bits=1024)
