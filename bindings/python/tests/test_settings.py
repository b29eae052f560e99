"""What can be said about settings and secrets before the library is asked."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

import maskinporten
from maskinporten import Altinn, Consent, Customs, Environment, Key, SystemUser, Token, TokenExchange
from maskinporten._settings import client_json, encode, request_json

SECRET = "c2VjcmV0-canary-c2VjcmV0"
PEM = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
TOKEN = Token(SECRET, "Bearer", "a:b", NOW, NOW, NOW)


def request(scopes: Any, **members: Any) -> Any:
    return json.loads(request_json(scopes, **members).value)


def test_a_request_is_written_with_the_names_of_the_header() -> None:
    written = request(
        (scope for scope in ["a:b", "c:d"]),
        resource="https://api.example.no",
        consumer_org="910753614",
        pid="12345678901",
        iss_onbehalfof="910753614",
        system_user=SystemUser("310702641"),
        consent=Consent("7b5a", "urn:altinn:person:identifier-no:12345678901"),
        extra_claims={"example": [1]},
        exchange=[
            Customs(),
            Altinn("tt02", test=True),
            Altinn(endpoint="https://x.example.no"),
            TokenExchange("https://y.example.no", audience="a", scopes=["b:c"]),
        ],
    )
    assert written == {
        "scopes": ["a:b", "c:d"],
        "resource": ["https://api.example.no"],
        "consumer_org": "910753614",
        "pid": "12345678901",
        "iss_onbehalfof": "910753614",
        "system_user": {"org": "310702641"},
        "consent": {"id": "7b5a", "from": "urn:altinn:person:identifier-no:12345678901"},
        "extra_claims": {"example": [1]},
        "exchanges": [
            {"type": "customs"},
            {"type": "altinn", "environment": "tt02", "test": True},
            {"type": "altinn", "endpoint": "https://x.example.no", "test": False},
            {"type": "token_exchange", "token_endpoint": "https://y.example.no", "audience": ["a"], "scopes": ["b:c"]},
        ],
    }


def test_one_scope_is_one_scope_and_what_is_not_given_is_left_out() -> None:
    assert request("a:b c:d") == {"scopes": ["a:b c:d"]}
    assert request("a:b", exchange=[Customs("https://x.example.no")]) == {
        "scopes": ["a:b"],
        "exchanges": [{"type": "customs", "token_endpoint": "https://x.example.no"}],
    }


def test_what_is_no_exchange_is_refused() -> None:
    with pytest.raises(maskinporten.ConfigurationError, match="exchange: it is str"):
        request("a:b", exchange=["customs"])


@pytest.mark.parametrize("scopes", [b"a:b", bytearray(b"a:b"), {"a:b": 1}])
def test_bytes_and_mappings_are_no_scopes(scopes: Any) -> None:
    with pytest.raises(maskinporten.ConfigurationError, match="scopes: it is"):
        request(scopes)


@pytest.mark.parametrize("value", [b"x", float("nan"), object(), {1, 2}])
def test_what_is_no_json_is_refused_without_showing_it(value: Any) -> None:
    with pytest.raises(maskinporten.ConfigurationError, match="cannot be written as JSON"):
        encode(client_id=value)


def test_an_environment_is_a_name_an_object_or_a_mapping() -> None:
    members = {"issuer": "https://i.example.no/", "token_endpoint": "https://i.example.no/token"}
    for environment in (members, Environment(**members)):  # type: ignore[arg-type]
        written = json.loads(client_json(environment, {"key": {}}, None, client_id="c").value)
        assert {**written["environment"], "allow_loopback_http": False} == {**members, "allow_loopback_http": False}
    written = client_json("test", {"key": {}}, bytes(3), client_id="c", grant_life_seconds=30, cache_limit=5)
    assert json.loads(written.value) == {
        "environment": "test",
        "client_id": "c",
        "key": {},
        "store_key": "AAAA",
        "grant_life_seconds": 30,
        "cache_limit": 5,
    }


def test_a_pem_is_text_bytes_or_a_path(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text(PEM)
    for source in (PEM, PEM.encode(), path, str(path)):
        assert Key.pem(source, password=b"p", kid="k")._members == {"pem": PEM, "password": "p", "kid": "k"}


def test_a_jwk_is_an_object_text_bytes_or_a_path(tmp_path: Path) -> None:
    jwk = {"kty": "RSA", "d": SECRET}
    path = tmp_path / "key.jwk"
    path.write_text(json.dumps(jwk))
    for source in (jwk, json.dumps(jwk), json.dumps(jwk).encode(), path, str(path)):
        assert Key.jwk(source)._members == {"jwk": jwk}


def test_a_pkcs12_is_bytes_or_a_path(tmp_path: Path) -> None:
    path = tmp_path / "key.p12"
    path.write_bytes(b"\x30\x00\xff")
    for source in (path, str(path), b"\x30\x00\xff"):
        assert Key.pkcs12(source)._members == {"pkcs12": "MAD/"}


@pytest.mark.parametrize(
    "read",
    [
        lambda: Key.pem(SECRET * 60),  # text of a key that lost its first line
        lambda: Key.jwk("[" + SECRET * 60),
        lambda: Key.jwk('{"d": "' + SECRET),
        lambda: Key.jwk(f'["{{", "{SECRET}"]'),
        lambda: Key.pkcs12(SECRET * 60),
        lambda: Key.pem("\0" + SECRET * 60),
    ],
)
def test_a_damaged_key_is_refused_without_showing_it(read: Any) -> None:
    with pytest.raises(maskinporten.ConfigurationError) as caught:
        read()
    assert caught.value.code == "invalid_key"
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in f"{error!r} {vars(error)}"
        error = error.__context__


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(maskinporten.ConfigurationError, match=r"absent\.pem.* cannot be read: No such file"):
        Key.pem(tmp_path / "absent.pem")


@pytest.mark.parametrize("thing", [Key.pem(PEM), Key.jwk({"d": SECRET}), TOKEN], ids=["pem", "jwk", "token"])
def test_secrets_do_not_print_and_do_not_pickle(thing: Any) -> None:
    for text in (repr(thing), str(thing), f"{thing}", f"{thing!r:>5}"):
        assert "[redacted]" in text
        assert SECRET not in text
    with pytest.raises(TypeError, match="it holds a secret"):
        pickle.dumps(thing)


def test_a_token_never_changes_so_its_copy_is_itself() -> None:
    assert copy.copy(TOKEN) is TOKEN
    assert copy.deepcopy([TOKEN])[0] is TOKEN
    assert TOKEN.header == f"Bearer {SECRET}"
    with pytest.raises(AttributeError):
        TOKEN.scope = "x"  # type: ignore[misc]


def test_every_public_name_is_there() -> None:
    for name in maskinporten.__all__:
        assert getattr(maskinporten, name) is not None
        assert name in dir(maskinporten)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = maskinporten.nonsense
