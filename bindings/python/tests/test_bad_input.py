"""Each bad input gives one clear error that says what to do, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import maskinporten
from maskinporten import Client, Customs, Key, SystemUser
from maskinporten.testing import Sandbox

PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)
PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8
PLAIN = serialization.NoEncryption()
PRIVATE_PEM = PRIVATE.private_bytes(PEM, PKCS8, PLAIN)
PUBLIC_PEM = PRIVATE.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
SMALL_PEM = SMALL.private_bytes(PEM, PKCS8, PLAIN)
EC_PEM = ec.generate_private_key(ec.SECP256R1()).private_bytes(PEM, PKCS8, PLAIN)
ENCRYPTED_PEM = PRIVATE.private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"correct"))

Make = Callable[[Sandbox], object]


def with_key(key: Any) -> Make:
    return lambda sandbox: Client(environment=sandbox.environment, client_id="c", key=key)


def with_environment(environment: Any) -> Make:
    key = Key.pem(PRIVATE_PEM, kid="k")
    return lambda _sandbox: Client(environment=environment, client_id="c", key=key)


def with_issuer(**changed: str) -> Make:
    key = Key.pem(PRIVATE_PEM, kid="k")
    return lambda sandbox: Client(environment=replace(sandbox.environment, **changed), client_id="c", key=key)  # type: ignore[arg-type]


def with_request(scopes: Any, **members: Any) -> Make:
    def make(sandbox: Sandbox) -> object:
        with sandbox.client() as client:
            return client.source(scopes, **members)

    return make


@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        pytest.param(with_key(None), "invalid_configuration", "neither key nor signer", id="no key"),
        pytest.param(with_key(PRIVATE_PEM), "invalid_key", r"Key\.pem", id="bytes for a key"),
        pytest.param(with_key(Key.pem(b"", kid="k")), "invalid_key", "no PEM block", id="empty key"),
        pytest.param(with_key(Key.pem(PUBLIC_PEM, kid="k")), "invalid_key", "(?i)public", id="public key"),
        pytest.param(with_key(Key.pem(SMALL_PEM, kid="k")), "invalid_key", "1024", id="1024 bits"),
        pytest.param(with_key(Key.pem(EC_PEM, kid="k")), "invalid_key", "RSA", id="elliptic curve"),
        pytest.param(with_key(Key.pem(ENCRYPTED_PEM, kid="k")), "invalid_key", "(?i)password", id="no password"),
        pytest.param(
            with_key(Key.pem(ENCRYPTED_PEM, password="wrong", kid="k")),
            "invalid_key",
            "(?i)password",
            id="wrong password",
        ),
        pytest.param(with_key(Key.pem(PRIVATE_PEM)), None, "kid", id="neither kid nor chain"),
        pytest.param(with_key(Key.pem(PRIVATE_PEM, kid="k", alg="PS256")), None, "PS256|RS256", id="algorithm"),
        pytest.param(with_key(Key.pkcs12(b"0\x00")), "invalid_key", "(?i)pkcs", id="damaged PKCS#12"),
        pytest.param(with_request("two scopes"), "invalid_token_request", "has a space in it", id="space in scope"),
        pytest.param(with_request([]), "invalid_token_request", "no scope", id="no scope"),
        pytest.param(with_request(["a:b", 7]), "invalid_token_request", r"scopes\[1\]", id="number for a scope"),
        pytest.param(
            with_request("a:b", consumer_org="0192:910753614"), "invalid_token_request", "prefix 0192:", id="prefix"
        ),
        pytest.param(
            with_request("a:b", consumer_org="910753615"),
            "invalid_token_request",
            "wrong check digit",
            id="check digit",
        ),
        pytest.param(
            with_request("a:b", system_user=SystemUser("91075361")),
            "invalid_token_request",
            "nine digits",
            id="system user",
        ),
        pytest.param(
            with_request("a:b", exchange=Customs("http://api.example.no")),
            "invalid_token_request",
            "https",
            id="plain http",
        ),
        pytest.param(
            with_environment(
                {"issuer": "https://test.maskinporten.no", "token_endpoint": "https://test.maskinporten.no/token"}
            ),
            "invalid_configuration",
            "lacks its trailing slash",
            id="slash",
        ),
        pytest.param(with_environment("ver2"), "invalid_configuration", "switched off on 2024-06-10", id="ver2"),
        pytest.param(
            with_environment(
                {"issuer": "https://ver2.maskinporten.no/", "token_endpoint": "https://ver2.maskinporten.no/token"}
            ),
            "invalid_configuration",
            "switched off on 2024-06-10",
            id="ver2 by its address",
        ),
        pytest.param(with_environment("staging"), "invalid_configuration", '"production" or "test"', id="no such name"),
        pytest.param(with_environment({"isuer": "x"}), "invalid_configuration", "isuer", id="misspelt member"),
        pytest.param(with_issuer(issuer="http://example.no/"), "invalid_configuration", "https", id="http issuer"),
    ],
)
def test_bad_input(make: Make, code: str | None, says: str, sandbox: Sandbox) -> None:
    with pytest.raises(maskinporten.ConfigurationError, match=says) as caught:
        make(sandbox)
    error = caught.value
    assert error.kind == "local"
    assert code in (None, error.code)
    assert error.remedy.endswith(".")
    assert error.remedy in str(error)
    assert not error.retryable
    assert sandbox.journal() == []


def test_everything_that_is_wrong_is_said_at_once(sandbox: Sandbox) -> None:
    with sandbox.client() as client, pytest.raises(maskinporten.ConfigurationError) as caught:
        client.source(["a b"], consumer_org="1", pid="2")
    assert [problem.field for problem in caught.value.problems] == ["scopes[0]", "consumer_org", "pid"]
    assert all(problem.message and problem.remedy for problem in caught.value.problems)


def test_no_error_shows_the_key_or_its_password(sandbox: Sandbox) -> None:
    lines = [line for line in ENCRYPTED_PEM.decode().splitlines() if "-----" not in line]
    with pytest.raises(maskinporten.ConfigurationError) as caught:
        with_key(Key.pem(ENCRYPTED_PEM, password="a-canary", kid="k"))(sandbox)
    frames, traceback = [], caught.value.__traceback__
    while traceback is not None:
        if "maskinporten" in traceback.tb_frame.f_globals["__name__"]:  # our own frames, as error trackers show them
            frames.append(repr(traceback.tb_frame.f_locals))
        traceback = traceback.tb_next
    assert frames
    for text in (str(caught.value), repr(vars(caught.value)), *frames):
        assert "a-canary" not in text
        assert not any(line in text for line in lines)
