"""Source: a valid token for one request, now."""

from __future__ import annotations

import math
import threading
import weakref
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING

from . import _errors, _lease
from ._engine import Engine, Peeked
from ._secret import NotPicklable, Secret
from ._token import Token, token_from_json

if TYPE_CHECKING:
    from ._auth import BearerAuth
    from ._client import Client
    from ._flights import Flights

# The longest single call into the engine on the main thread, where Python handles
# signals such as Ctrl-C, and does so between calls only.
_SLICE_MS = 250


class Source(NotPicklable):
    """A valid token for this, now. Made by Client.source; safe for all threads and event loops.

    Sources of one client with equal requests share one token and one fetch.
    """

    _stays_because = "it belongs to the client of this process"

    def __init__(self, client: Client, engine: Engine, request: Secret) -> None:
        self._client = client
        self._engine = engine
        self._handle = engine.source_new(client._open(), request)
        weakref.finalize(self, engine.source_free, self._handle).atexit = False
        self._last: Token | None = None
        self._epoch = engine.epoch
        self._lease, self._glance = _lease.NONE, _lease.NO_GLANCE
        _lease.watch(self)

    def token(self, timeout: float = 30.0) -> Token:
        """Return a token, from the cache or fetched.

        timeout: seconds that this call may wait. A timeout ends the waiting
        only: the fetch goes on and serves the next call.

        Raises RequestRejected, TransportError, TokenTimeout, ClosedError or
        ForkedError; or what a signer or transport of yours raised.
        """
        token, epoch, until = self._glance
        if monotonic() < until and self._epoch[0] == epoch:
            return token
        return self._at_once() or self._wait(timeout)

    async def token_async(self, timeout: float = 30.0) -> Token:
        """Return a token as token() does, without blocking the event loop (asyncio).

        A cached token is returned without suspending. However many tasks wait
        for one fetch, one thread waits for all; cancelling a task, or its
        timeout, ends that task's waiting and not the fetch.
        """
        token, epoch, until = self._glance
        if monotonic() < until and self._epoch[0] == epoch:
            return token
        driven = self._client._driven
        is_async = driven is not None and driven.is_async
        if (cached := self._at_once(on_loop=is_async)) is not None:
            return cached
        limit = _milliseconds(timeout) / 1000
        if driven is not None and is_async:
            return self._keep(await driven.wait_async(self._handle, limit))
        return await self._flights.join(self._wait, limit)

    def peek(self) -> Token | None:
        """Return the cached token, or None if there is none. Never waits and fetches nothing."""
        _, peeked = self._peek()
        return None if peeked is None else self._token_of(peeked)

    def invalidate(self, token: Token) -> None:
        """Drop the cached token if it is this one: for an API that answered 401 to it."""
        self._client._open()
        self._engine.source_invalidate(self._handle, Secret(token.access_token.encode()))

    def auth(self) -> BearerAuth:
        """Return an auth object for requests and httpx, for sync and async clients.

        It adds the token to each request; after a 401 it fetches a new one and repeats the request once.
        """
        from ._auth import bearer_auth  # imports httpx, if it is there

        return bearer_auth(self)

    @property
    def key(self) -> str:
        """The cache key: 64 hexadecimal digits, equal for sources that share one token, safe to log.

        It changes when the client's keys are rotated.
        """
        self._client._open()
        return self._engine.source_key(self._handle).decode()

    def _peek(self) -> tuple[_lease.Asked, Peeked | None]:
        self._client._open()
        asked = _lease.now(self._epoch[0])
        return asked, self._engine.source_peek(self._handle)

    def _at_once(self, *, on_loop: bool = False) -> Token | None:
        """Return the token that needs no waiting for; if it is due, its renewal begins."""
        if (glance := self._lease.glance(self._epoch[0])) is not None:
            self._glance = glance
            return glance[0]
        asked, peeked = self._peek()
        if peeked is None:
            return None
        if peeked.refresh_due:
            return self._renew(peeked, on_loop)
        token = self._token_of(peeked)
        if token is not None and token.access_token == peeked.access_token:
            self._lease = lease = asked.lease(token, peeked.lease_ms)
            self._glance = lease.glance(asked.epoch) or _lease.NO_GLANCE
        return token

    def _renew(self, peeked: Peeked, on_loop: bool) -> Token | None:
        driven = self._client._driven
        if driven is None:
            return self._ask(1)
        if on_loop:
            return self._keep(driven.renew_async(self._handle))
        return self._keep(driven.renew(self._handle, self._held(peeked)))

    def _token_of(self, peeked: Peeked) -> Token | None:
        held = self._held(peeked)
        if held is None and (driven := self._client._driven) is not None:
            held = self._keep(driven.held(self._handle))
        return held or self._ask(0)

    def _held(self, peeked: Peeked) -> Token | None:
        last = self._last
        return last if last is not None and last.access_token == peeked.access_token else None

    def _wait(self, timeout: float) -> Token:
        limit = _milliseconds(timeout)
        if (driven := self._client._driven) is None:
            try:
                return self._wait_in_library(limit, timeout)
            except _errors.MaskinportenError as error:
                # Unless the keys were rotated to a signer during the call.
                if error.code != "no_signer" or (driven := self._client._driven) is None:
                    raise
        return self._keep(driven.wait(self._handle, limit / 1000))

    def _wait_in_library(self, left: int, timeout: float) -> Token:
        most = _SLICE_MS if threading.current_thread() is threading.main_thread() else left
        while (token := self._ask(min(left, most))) is None:
            left -= most
            if left <= 0:
                raise _errors.timed_out(timeout)
        return token

    def _ask(self, timeout_ms: int) -> Token | None:
        """Ask the library once. 0 looks into the cache only; more begins what has to be fetched."""
        self._client._open()
        try:
            token = token_from_json(self._engine.source_token(self._handle, timeout_ms))
        except _errors.TokenTimeout:
            return None
        return self._keep(token)

    def _keep(self, token: Token) -> Token:
        """Return the object that stands for this token already, or else this one from now on."""
        if self._last is None or token != self._last:
            self._last = token
        return self._last

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
