"""What can go wrong, as a tree.

MaskinportenError
├── ConfigurationError   what you gave is wrong: settings, key or token request
├── RequestRejected      the answer was no, or was no token response
├── TransportError       no answer: network, DNS, proxy, TLS
├── TokenTimeout         no token within the time you gave (also a TimeoutError)
├── ClosedError          the client was closed
├── ForkedError          the process forked after the library was loaded
└── LibraryError         the library is missing, does not fit, or failed

Programs decide by class, `code` and `retryable`; people read the text. No text
and no attribute ever holds a token, a grant or a key.

What a signer or a transport of the program raised, and what did not pass when the
core tried again, is raised as it is, and stands outside the tree. What a store
raised fails nothing: it is the `__cause__` of the error in a "store_failed" event.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, NamedTuple


class Problem(NamedTuple):
    """One thing that is wrong with what you gave."""

    field: str
    message: str
    remedy: str


class MaskinportenError(Exception):
    """The base of all errors of this package."""

    #: Whose side it is on: "local", "remote" or "transport".
    kind: str
    #: A stable name for programs, such as "key_expired".
    code: str
    #: The same as a number; 0 for what only Python can find.
    number: int
    #: What was wrong, and where.
    message: str
    #: What to do next, in one sentence.
    remedy: str
    #: Whether the same call may succeed later without any change.
    retryable: bool
    #: Everything that is wrong with a configuration or a token request.
    problems: tuple[Problem, ...]
    #: "error" and "error_description" of the answer (RFC 6749 §5.2).
    oauth_error: str | None
    description: str | None
    #: Maskinporten's own code, such as "MP-121".
    mp_code: str | None
    #: The HTTP status of the answer.
    status: int | None
    #: What Digdir's support asks for.
    trace_id: str | None
    #: How many requests were sent.
    attempts: int
    #: When the cache will ask again (UTC), if it keeps this answer for a while.
    next_attempt: datetime | None

    def __init__(self, text: str, fields: dict[str, Any] | None = None) -> None:
        """Fields are the members of an error object in maskinporten.h."""
        super().__init__(text)
        f = fields or {}
        self.kind = f.get("kind", "local")
        self.code = f.get("code", "internal")
        self.number = f.get("number", 0)
        self.message = f.get("message", text)
        self.remedy = f.get("remedy", "")
        self.retryable = f.get("retryable", False)
        self.problems = tuple(Problem(p["field"], p["message"], p["remedy"]) for p in f.get("problems", ()))
        self.oauth_error = f.get("error")
        self.description = f.get("error_description")
        self.mp_code = f.get("mp_code")
        self.status = f.get("status")
        self.trace_id = f.get("trace_id")
        self.attempts = f.get("attempts", 0)
        at = f.get("next_attempt_ms")
        self.next_attempt = None if at is None else datetime.fromtimestamp(at / 1000, timezone.utc)


class ConfigurationError(MaskinportenError):
    """What you gave is wrong. Nothing was sent; `problems` lists everything."""


class RequestRejected(MaskinportenError):
    """The server said no, or its answer was not a token response."""


class TransportError(MaskinportenError):
    """There was no answer: network, DNS, proxy or TLS."""


class TokenTimeout(MaskinportenError, TimeoutError):
    """No token within the time you gave. The fetch goes on and serves the next call."""


class ClosedError(MaskinportenError):
    """The client was closed before or during the call."""


class ForkedError(MaskinportenError):
    """A fork came after the library had been loaded. Create the client after the fork."""


class LibraryError(MaskinportenError):
    """The shared library is missing, does not fit this package, or failed inside."""


_BY_CODE: dict[str, type[MaskinportenError]] = {
    "invalid_argument": ConfigurationError,
    "invalid_configuration": ConfigurationError,
    "invalid_token_request": ConfigurationError,
    "invalid_key": ConfigurationError,
    "deadline_exceeded": TokenTimeout,
    "closed": ClosedError,
    "invalid_handle": ClosedError,  # handles never leave this package, so it can only be one that was freed
    "forked": ForkedError,
    "poisoned": LibraryError,
    "internal": LibraryError,
    "no_memory": LibraryError,
    "random_failed": LibraryError,
}
_BY_KIND: dict[str, type[MaskinportenError]] = {"remote": RequestRejected, "transport": TransportError}


def from_json(text: bytes, number: int) -> MaskinportenError:
    """Make the exception for an error object of the core."""
    return from_members(json.loads(text) if text else {"number": number})


def from_members(fields: dict[str, Any]) -> MaskinportenError:
    """Make the exception for the members of an error object."""
    kind = _BY_KIND.get(fields.get("kind", ""), MaskinportenError)
    cls = _BY_CODE.get(fields.get("code", "internal"), kind)
    return cls(fields.get("text") or f"maskinporten: error {fields.get('number', 0)}", fields)


def local(code: str, number: int, message: str, remedy: str) -> MaskinportenError:
    """Make an error that was found before the library was asked."""
    fields = {"kind": "local", "code": code, "number": number, "message": message, "remedy": remedy}
    return _BY_CODE.get(code, MaskinportenError)(f"maskinporten: {message}. {remedy}", fields)


def invalid(
    field: str, message: str, remedy: str, *, code: str = "invalid_configuration", number: int = 1002
) -> MaskinportenError:
    """Make the error for one setting that is wrong."""
    error = local(code, number, f"{field}: {message}", remedy)
    error.problems = (Problem(field, message, remedy),)
    return error


def timed_out(timeout: float) -> MaskinportenError:
    """Make the error for a wait that ended."""
    error = local(
        "deadline_exceeded",
        1014,
        f"no token within {timeout:g} s",
        "Call again or allow more time; the fetch goes on in the background.",
    )
    error.retryable = True
    return error
