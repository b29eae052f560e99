from __future__ import annotations

import copy
import json
import pickle

import pytest

import maskinporten
from maskinporten import _errors

REJECTED = {
    "kind": "remote",
    "code": "key_expired",
    "number": 1206,
    "message": "the key is too old",
    "remedy": "Register it again.",
    "text": "maskinporten: the key is too old. Register it again.",
    "error": "invalid_grant",
    "error_description": "Expired key",
    "mp_code": "MP-121",
    "status": 400,
    "trace_id": "0123456789abcdef0123456789abcdef",
    "attempts": 1,
    "retryable": False,
    "next_attempt_ms": 1_700_000_000_500,
}


def rejected() -> maskinporten.MaskinportenError:
    return _errors.from_json(json.dumps(REJECTED).encode(), 1206)


def test_an_error_object_becomes_an_exception_with_every_member() -> None:
    error = rejected()
    assert type(error) is maskinporten.RequestRejected
    assert str(error) == REJECTED["text"]
    assert (error.kind, error.code, error.number) == ("remote", "key_expired", 1206)
    assert (error.oauth_error, error.description) == ("invalid_grant", "Expired key")
    assert (error.mp_code, error.status, error.attempts) == ("MP-121", 400, 1)
    assert error.trace_id == REJECTED["trace_id"]
    assert not error.retryable
    assert error.next_attempt is not None
    assert error.next_attempt.isoformat() == "2023-11-14T22:13:20.500000+00:00"


@pytest.mark.parametrize(
    ("kind", "code", "expected"),
    [
        ("local", "invalid_key", maskinporten.ConfigurationError),
        ("local", "invalid_token_request", maskinporten.ConfigurationError),
        ("local", "deadline_exceeded", maskinporten.TokenTimeout),
        ("local", "closed", maskinporten.ClosedError),
        ("local", "invalid_handle", maskinporten.ClosedError),
        ("local", "forked", maskinporten.ForkedError),
        ("local", "poisoned", maskinporten.LibraryError),
        ("local", "signing_failed", maskinporten.MaskinportenError),
        ("transport", "tls_failed", maskinporten.TransportError),
        ("remote", "a_code_of_a_later_version", maskinporten.RequestRejected),
        ("a_kind_of_a_later_version", "new", maskinporten.MaskinportenError),
    ],
)
def test_the_class_says_whose_side_it_is_on(kind: str, code: str, expected: type) -> None:
    assert type(_errors.from_json(json.dumps({"kind": kind, "code": code}).encode(), 1)) is expected


def test_an_error_without_an_object_still_says_its_number() -> None:
    error = _errors.from_json(b"", 1020)
    assert error.number == 1020
    assert "1020" in str(error)


def test_problems_are_listed() -> None:
    problems = [{"field": "client_id", "message": "it is missing", "remedy": "Give it."}]
    error = _errors.from_json(json.dumps({"code": "invalid_configuration", "problems": problems}).encode(), 1002)
    assert error.problems == (maskinporten.Problem("client_id", "it is missing", "Give it."),)


def test_a_timeout_is_a_timeout_error() -> None:
    with pytest.raises(TimeoutError, match=r"no token within 0\.5 s"):
        raise _errors.timed_out(0.5)


@pytest.mark.parametrize("error", [rejected(), _errors.timed_out(1)], ids=["rejected", "timeout"])
def test_errors_can_be_copied_and_pickled(error: maskinporten.MaskinportenError) -> None:
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)
