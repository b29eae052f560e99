"""Client: what programs begin with."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from . import _errors
from ._engine import engine
from ._key import Key
from ._registration import from_variables, key_members, signers_of
from ._secret import NotPicklable
from ._settings import Consent, Environment, Exchange, SystemUser, client_json, encode, request_json
from ._source import Source
from ._status import Status, status_from_json

if TYPE_CHECKING:
    from types import TracebackType

    from ._driven import Driven
    from ._events import Events, Observer
    from ._hooks import AnySigner, AnyStore, AnyTransport


class Client(NotPicklable):
    """One client registration at Maskinporten: an environment, a client id and a key.

    Everything is checked here, with the core's own rules; nothing is sent.
    A client is safe for all threads. It belongs to its process: create it after a fork.

    environment: "test", "production", an Environment, or a mapping with its fields.
    key: Key.pem(...), Key.jwk(...) or Key.pkcs12(...); or else
    signer: an object that signs (see Signer), for keys in an HSM or a KMS.
    next_keys: keys or signers to fall back to when Maskinporten says that one is expired or unknown.
    eseal: for a European business, which signs with its eSeal.
    store, store_key: shares tokens between processes (see Store), encrypted with 32 secret bytes.
    transport: sends in place of the built-in HTTP client (see Transport).
    on_event: is called with every Event, on another thread.
    grant_life_seconds: how long a grant is valid, at most 120; 60 if None.
    cache_limit: how many tokens are kept at most; 10,000 if None.
    wait_while_failing: calls with time left wait for the next attempt after a failure that may pass,
    and do not get that failure at once.

    Raises ConfigurationError, whose `problems` lists everything that is wrong.
    """

    _stays_because = "it holds a private key and belongs to this process; create one in each process"
    _closing: weakref.finalize[..., Any] | None = None  # none while it is being made

    def __init__(
        self,
        *,
        environment: str | Environment | Mapping[str, Any],
        client_id: str,
        key: Key | None = None,
        signer: AnySigner | None = None,
        next_keys: Iterable[Key | AnySigner] = (),
        eseal: bool = False,
        store: AnyStore | None = None,
        store_key: bytes | str | None = None,
        transport: AnyTransport | None = None,
        on_event: Observer | None = None,
        grant_life_seconds: int | None = None,
        cache_limit: int | None = None,
        wait_while_failing: bool = False,
    ) -> None:
        from ._events import KEPT

        if (key is None) == (signer is None):
            raise _errors.invalid(
                "key",
                "neither key nor signer is given" if key is None else "both key and signer are given",
                "Give key=Key.pem(...), Key.jwk(...) or Key.pkcs12(...), or signer= if you sign yourself.",
            )
        if (store is None) != (store_key is None):
            raise _errors.invalid(
                "store_key",
                "store and store_key go together",
                "Give both: the store, and 32 secret bytes that all processes share.",
            )
        keys = (key or signer, *next_keys)
        config = client_json(
            environment,
            key_members(*keys),
            store_key,
            client_id=client_id,
            eseal=eseal or None,
            events=None if on_event is None else KEPT,
            grant_life_seconds=grant_life_seconds,
            cache_limit=cache_limit,
            wait_while_failing=wait_while_failing or None,
        )
        self._client_id = client_id
        self._engine = engine()
        self._handle = self._engine.client_new(config)
        closing = weakref.finalize(self, self._engine.client_free, self._handle)
        closing.atexit = False  # the end of the process frees everything
        self._closing = closing
        self._signers = signers_of(*keys)
        self._events = None if on_event is None else self._observed(on_event)
        self._transport, self._store = transport, store
        does_all = self._engine.sends and not self._signers and transport is None and store is None
        self._driven = None if does_all else self._drive()

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, **settings: Any) -> Client:
        """Make a client from the variables that NAIS gives an application.

        MASKINPORTEN_CLIENT_ID, MASKINPORTEN_CLIENT_JWK, MASKINPORTEN_ISSUER and
        MASKINPORTEN_TOKEN_ENDPOINT; MASKINPORTEN_WELL_KNOWN_URL may be absent. A sandbox
        gives two more: MASKINPORTEN_CUSTOMS_TOKEN_ENDPOINT, and
        MASKINPORTEN_ALLOW_LOOPBACK_HTTP=true, which permits plain http to this machine.

        settings: what else Client() takes, such as store= or on_event=.
        """
        return cls(**from_variables(environ), **settings)

    def source(
        self,
        scopes: str | Iterable[str],
        *,
        resource: str | Iterable[str] | None = None,
        consumer_org: str | None = None,
        pid: str | None = None,
        iss_onbehalfof: str | None = None,
        system_user: SystemUser | None = None,
        consent: Consent | None = None,
        extra_claims: Mapping[str, Any] | None = None,
        exchange: Exchange | Iterable[Exchange] | None = None,
    ) -> Source:
        """Say what tokens shall be for. Nothing is sent before the first one is asked for.

        scopes: one scope, or several for one token.
        resource: absolute URIs of the APIs; they become the token's aud (RFC 8707).
        consumer_org: the nine-digit number of the customer on whose behalf you act.
        pid: restricts the token to one person, by eleven digits.
        iss_onbehalfof: the older way of delegation by client registrations (deprecated).
        system_user: asks for a token for a system user of Altinn.
        consent: asks for a token with what a person or an organization consented to in Altinn.
        extra_claims: claims for the grant that this package does not know; they are judged like the others.
        exchange: further hops that turn the token into another one: Customs(), Altinn("tt02"), TokenExchange(...).

        Raises ConfigurationError, whose `problems` lists everything that is wrong.
        """
        request = request_json(
            scopes,
            resource=resource,
            system_user=system_user,
            consent=consent,
            extra_claims=extra_claims,
            exchange=exchange,
            consumer_org=consumer_org,
            pid=pid,
            iss_onbehalfof=iss_onbehalfof,
        )
        return Source(self, self._engine, request)

    def rotate(self, key: Key | AnySigner, *next_keys: Key | AnySigner) -> None:
        """Sign with another key from now on. No token of the old one is handed out after this call.

        Who waits for a token waits for one of the new key; no call fails for the change.
        Raises ConfigurationError, and leaves the old keys in place, if something is wrong with the new ones.
        """
        members = encode(**key_members(key, *next_keys))
        signers = signers_of(key, *next_keys)
        # Before the core asks for their first signature; the old ones may still be asked for the last.
        self._signers.update(signers)
        if signers and self._driven is None:
            self._driven = self._drive()
        self._engine.client_rotate(self._open(), members)
        if self._events is not None:
            self._events.flush()

    def status(self) -> Status:
        """Say how the client stands: its keys, the correction of the clock, the cache. For health checks."""
        return status_from_json(self._engine.client_status(self._open()))

    def close(self) -> None:
        """Wipe the key and close all sources; who waits for a token gets ClosedError. Closing twice is fine."""
        if self._closing is None or not self._closing.alive:
            return
        if self._events is not None:
            with contextlib.suppress(_errors.MaskinportenError):
                self._events.tell()
        self._closing()
        if self._driven is not None:
            self._driven.close()

    def _observed(self, observer: Observer) -> Events:
        from ._events import Events

        return Events(self._engine, self._handle, observer)

    def _drive(self) -> Driven:
        from ._driven import Driven
        from ._driver import Hooks

        hooks = Hooks(self._signers, self._transport, self._store)
        events = self._events
        if events is None:
            return Driven(self._engine, hooks, lambda: None)
        events.store_fault = lambda: hooks.store_fault
        return Driven(self._engine, hooks, events.flush)

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
