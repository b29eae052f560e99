"""Client and Source: what programs use."""

from __future__ import annotations

import math
import os
import weakref
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from . import _errors
from ._key import Key
from ._library import Peeked, library
from ._secret import NotPicklable, Secret
from ._settings import Customs, Environment, SystemUser, client_json, request_json
from ._token import Token, token_from_json

if TYPE_CHECKING:
    from types import TracebackType

    from ._auth import BearerAuth
    from ._flights import Flights

# The longest single call into the library. Python handles signals such as
# Ctrl-C between calls; a call that ends early leaves the fetch running.
_SLICE_MS = 250


class Client(NotPicklable):
    """One client registration at Maskinporten: an environment, a client id and a key.

    Everything is checked here, with the library's own rules; nothing is sent.
    A client is safe for all threads. It belongs to its process: create it after a fork.

    environment: "test", "production", an Environment, or a mapping with its fields.
    key: Key.pem(...), Key.jwk(...) or Key.pkcs12(...).
    grant_life_seconds: how long a grant is valid, at most 120; 60 if None.
    cache_limit: how many tokens are kept at most; 10,000 if None.

    Raises ConfigurationError, whose `problems` lists everything that is wrong.
    """

    _stays_because = "it holds a private key and belongs to this process; create one in each process"
    _closing: weakref.finalize[..., Client] | None = None  # none while it is being made

    def __init__(
        self,
        *,
        environment: str | Environment | Mapping[str, Any],
        client_id: str,
        key: Key,
        grant_life_seconds: int | None = None,
        cache_limit: int | None = None,
    ) -> None:
        if not isinstance(key, Key):
            raise _errors.invalid(
                "key",
                f"it is {type(key).__name__}",
                "Give Key.pem(...), Key.jwk(...) or Key.pkcs12(...).",
                code="invalid_key",
                number=1004,
            )
        config = client_json(environment, client_id, key._members, grant_life_seconds, cache_limit)
        self._client_id = client_id
        self._handle = library().client_new(config)
        self._closing = closing = weakref.finalize(self, library().client_free, self._handle)
        closing.atexit = False  # the end of the process frees everything

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Client:
        """Make a client from the variables that NAIS gives an application.

        MASKINPORTEN_CLIENT_ID, MASKINPORTEN_CLIENT_JWK, MASKINPORTEN_ISSUER and
        MASKINPORTEN_TOKEN_ENDPOINT; MASKINPORTEN_WELL_KNOWN_URL may be absent. A sandbox
        gives two more: MASKINPORTEN_CUSTOMS_TOKEN_ENDPOINT, and
        MASKINPORTEN_ALLOW_LOOPBACK_HTTP=true, which permits plain http to this machine.
        """
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
        key = Key.jwk(environ["MASKINPORTEN_CLIENT_JWK"])
        return cls(environment=environment, client_id=environ["MASKINPORTEN_CLIENT_ID"], key=key)

    def source(
        self,
        scopes: str | Iterable[str],
        *,
        resource: str | Iterable[str] | None = None,
        consumer_org: str | None = None,
        pid: str | None = None,
        system_user: SystemUser | None = None,
        exchange: Customs | Iterable[Customs] | None = None,
    ) -> Source:
        """Say what tokens shall be for. Nothing is sent before the first one is asked for.

        scopes: one scope, or several for one token.
        resource: absolute URIs of the APIs; they become the token's aud (RFC 8707).
        consumer_org: the nine-digit number of the customer on whose behalf you act.
        pid: restricts the token to one person, by eleven digits.
        system_user: asks for a token for a system user of Altinn.
        exchange: further hops that turn the token into another one, such as Customs().

        Raises ConfigurationError, whose `problems` lists everything that is wrong.
        """
        request = request_json(scopes, resource, consumer_org, pid, system_user, exchange)
        return Source(self, request)

    def close(self) -> None:
        """Wipe the key and close all sources; who waits for a token gets ClosedError. Closing twice is fine."""
        if self._closing is not None:
            self._closing()

    @property
    def _is_open(self) -> bool:
        return self._closing is not None and self._closing.alive

    def _open(self) -> int:
        if self._is_open:
            return self._handle
        raise _errors.local("closed", 1009, "the client is closed", "Create a new client.")

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client {self._client_id!r}{'' if self._is_open else ' closed'}>"


class Source(NotPicklable):
    """A valid token for this, now. Made by Client.source; safe for all threads and event loops.

    Sources of one client with equal requests share one token and one fetch.
    """

    _stays_because = "it belongs to the client of this process"

    def __init__(self, client: Client, request: Secret) -> None:
        self._client = client
        self._handle = library().source_new(client._open(), request)
        weakref.finalize(self, library().source_free, self._handle).atexit = False
        self._last: Token | None = None

    def token(self, timeout: float = 30.0) -> Token:
        """Return a token, from the cache or fetched.

        timeout: seconds that this call may wait. A timeout ends the waiting
        only: the fetch goes on and serves the next call.

        Raises RequestRejected, TransportError, TokenTimeout, ClosedError or ForkedError.
        """
        return self._at_once() or self._wait(timeout)

    async def token_async(self, timeout: float = 30.0) -> Token:
        """Return a token as token() does, without blocking the event loop (asyncio).

        A cached token is returned without suspending. However many tasks wait
        for one fetch, one thread waits for all; cancelling a task, or its
        timeout, ends that task's waiting and not the fetch.
        """
        return self._at_once() or await self._flights.join(self._wait, _milliseconds(timeout) / 1000)

    def peek(self) -> Token | None:
        """Return the cached token, or None if there is none. Never waits and fetches nothing."""
        peeked = self._peek()
        return None if peeked is None else self._token_of(peeked)

    def invalidate(self, token: Token) -> None:
        """Drop the cached token if it is this one: for an API that answered 401 to it."""
        self._client._open()
        library().source_invalidate(self._handle, Secret(token.access_token.encode()))

    def auth(self) -> BearerAuth:
        """Return an auth object for requests and httpx, for sync and async clients.

        It adds the token to each request; after a 401 it fetches a new one and repeats the request once.
        """
        from ._auth import bearer_auth  # imports httpx, if it is there

        return bearer_auth(self)

    @property
    def key(self) -> str:
        """The cache key: 64 hexadecimal digits, equal for sources that share one token, safe to log."""
        self._client._open()
        return library().source_key(self._handle).decode()

    def _peek(self) -> Peeked | None:
        self._client._open()
        return library().source_peek(self._handle)

    def _token_of(self, peeked: Peeked) -> Token | None:
        last = self._last
        return last if last is not None and last.access_token == peeked.access_token else self._ask(0)

    def _at_once(self) -> Token | None:
        """Return the token that needs no waiting for; if it is due, its renewal begins."""
        peeked = self._peek()
        if peeked is None:
            return None
        return self._ask(1) if peeked.refresh_due else self._token_of(peeked)

    def _wait(self, timeout: float) -> Token:
        left = _milliseconds(timeout)
        while (token := self._ask(min(left, _SLICE_MS))) is None:
            left -= _SLICE_MS
            if left <= 0:
                raise _errors.timed_out(timeout)
        return token

    def _ask(self, timeout_ms: int) -> Token | None:
        """Ask the library once. 0 looks into the cache only; more begins what has to be fetched."""
        self._client._open()
        try:
            token = token_from_json(library().source_token(self._handle, timeout_ms))
        except _errors.TokenTimeout:
            return None
        self._last = token
        return token

    @cached_property
    def _flights(self) -> Flights:
        from ._flights import Flights  # imports asyncio

        return Flights()

    def __repr__(self) -> str:
        return f"<Source of {self._client!r}>"


def _milliseconds(seconds: float) -> int:
    if math.isnan(seconds) or seconds < 0:
        raise ValueError(f"timeout is {seconds}; give the seconds to wait, 0 or more")
    return int(min(seconds, 86_400.0) * 1000)
