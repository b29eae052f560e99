"""Grants that the library makes, judged by libraries that nobody here wrote: PyJWT and cryptography."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from maskinporten import Client, Environment, Key, Source, SystemUser
from maskinporten._engine import engine

ENVIRONMENT = Environment("https://mp.example.no/", "https://mp.example.no/token")
PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = PRIVATE.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
ALGORITHMS = ["RS256", "RS384", "RS512"]


@contextmanager
def send_step(source: Source) -> Iterator[dict[str, Any]]:
    """Drive a flow to the request that it wants to send. Nothing is sent."""
    flow = engine().flow_new(source._handle)
    try:
        step = json.loads(engine().flow_next(flow))
        assert step["step"] == "sign"
        engine().flow_perform(flow, 5000)
        step = json.loads(engine().flow_next(flow))
        assert step["step"] == "send"
        yield step
    finally:
        engine().flow_free(flow)


def assertion_of(source: Source) -> str:
    with send_step(source) as step:
        form = parse_qs(step["body"], strict_parsing=True)
        assert (step["method"], step["url"]) == ("POST", ENVIRONMENT.token_endpoint)
        assert {name.lower(): value for name, value in step["headers"].items()}["content-type"] == (
            "application/x-www-form-urlencoded"
        )
    assert sorted(form) == ["assertion", "grant_type"]
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assertion: str = form["assertion"][0]
    return assertion


def verified(assertion: str, algorithm: str = "RS256", public_key: Any = None) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        assertion,
        public_key or PRIVATE.public_key(),
        algorithms=[algorithm],
        audience=ENVIRONMENT.issuer,
        issuer="my-client",
        options={"require": ["aud", "iss", "iat", "exp", "jti", "scope"]},
    )
    return claims


def client_with(key: Key, **settings: Any) -> Client:
    return Client(environment=ENVIRONMENT, client_id="my-client", key=key, **settings)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_plain_grant_claim_by_claim(algorithm: str) -> None:
    with client_with(Key.pem(PEM, kid="my-key", alg=algorithm)) as client:
        assertion = assertion_of(client.source(["example:b", "example:a"]))
    assert jwt.get_unverified_header(assertion) == {"alg": algorithm, "kid": "my-key"}
    claims = verified(assertion, algorithm)
    assert {name: claims[name] for name in ("aud", "iss", "scope")} == {
        "aud": ENVIRONMENT.issuer,
        "iss": "my-client",
        "scope": "example:a example:b",
    }
    assert sorted(claims) == ["aud", "exp", "iat", "iss", "jti", "scope"], "Maskinporten refuses any other claim"
    assert claims["exp"] - claims["iat"] == 60
    assert abs(time.time() - claims["iat"]) < 10, "Maskinporten accepts ten seconds either way"
    assert len(claims["jti"]) >= 22


@pytest.mark.parametrize(
    ("request_members", "claims_added"),
    [
        ({"resource": "https://api.example.no"}, {"resource": "https://api.example.no"}),
        (
            {"resource": ["https://a.example.no", "https://b.example.no"]},
            {"resource": ["https://a.example.no", "https://b.example.no"]},
        ),
        ({"consumer_org": "910753614"}, {"consumer_org": "910753614"}),
        ({"pid": "12345678901"}, {"pid": "12345678901"}),
        (
            {"system_user": SystemUser("310702641", "accounting")},
            {
                "authorization_details": [
                    {
                        "type": "urn:altinn:systemuser",
                        "systemuser_org": {"authority": "iso6523-actorid-upis", "ID": "0192:310702641"},
                        "externalRef": "accounting",
                    }
                ]
            },
        ),
    ],
    ids=["resource", "resources", "consumer_org", "pid", "system_user"],
)
def test_what_is_asked_for_becomes_exactly_its_claim(
    request_members: dict[str, Any], claims_added: dict[str, Any]
) -> None:
    with client_with(Key.pem(PEM, kid="my-key")) as client:
        plain = verified(assertion_of(client.source("example:a")))
        claims = verified(assertion_of(client.source("example:a", **request_members)))
    assert {name: value for name, value in claims.items() if name not in plain} == claims_added


def test_the_life_of_a_grant_is_a_setting() -> None:
    with client_with(Key.pem(PEM, kid="my-key"), grant_life_seconds=120) as client:
        claims = verified(assertion_of(client.source("example:a")))
    assert claims["exp"] - claims["iat"] == 120


def test_every_grant_has_a_jti_of_its_own() -> None:
    with client_with(Key.pem(PEM, kid="my-key")) as client:
        jtis = [verified(assertion_of(client.source(f"example:s{i}")))["jti"] for i in range(20)]
    assert len(set(jtis)) == 20


def test_a_certificate_chain_is_sent_whole_and_leaf_first(chain_p12: tuple[bytes, str]) -> None:
    content, password = chain_p12
    with client_with(Key.pkcs12(content, password=password)) as client:
        assertion = assertion_of(client.source("example:a"))
    header = jwt.get_unverified_header(assertion)
    assert sorted(header) == ["alg", "x5c"]
    leaf, intermediate, root = (x509.load_der_x509_certificate(base64.b64decode(der)) for der in header["x5c"])
    assert [name.value for name in leaf.subject.get_attributes_for_oid(x509.ObjectIdentifier("2.5.4.97"))] == [
        "NTRNO-991825827"
    ]
    for certificate, issuer in ((leaf, intermediate), (intermediate, root), (root, root)):
        certificate.verify_directly_issued_by(issuer)
    claims = verified(assertion, public_key=leaf.public_key())
    assert claims["iss"] == "my-client"


def test_the_signature_is_that_of_the_registered_public_key() -> None:
    with client_with(Key.pem(PEM, kid="my-key")) as client:
        signed, _, signature = assertion_of(client.source("example:a")).rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    PRIVATE.public_key().verify(raw, signed.encode(), padding.PKCS1v15(), SHA256())
