"""What does the work: the shared library through ctypes, or WebAssembly.

An engine has one method for each verb of maskinporten.h. Handles are numbers,
texts are bytes of JSON. Two engines give the verbs: _native and _wasm.
"""

from __future__ import annotations

import abc
import contextlib
import os
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from . import _errors
from ._secret import Secret

ABI_VERSION = 1
NO_TOKEN, BUFFER_TOO_SMALL = 1007, 1008


class Peeked(NamedTuple):
    """What mp_source_peek says of a cached token."""

    access_token: str
    usable_ms: int
    refresh_due: bool
    lease_ms: int

    def __repr__(self) -> str:
        return f"<Peeked [redacted] usable_ms={self.usable_ms} refresh_due={self.refresh_due}>"


class Engine(abc.ABC):
    """The verbs. Each raises the MaskinportenError that the core answers with."""

    #: "native" or "wasm".
    name: str
    #: Whether it sends and waits by itself; without that, every flow is driven here.
    sends: bool
    #: Whether it stopped for good; clients that come later get another one.
    is_dead = False
    #: One number, which grows when a lease ends early; see mp_lease_epoch.
    epoch: Sequence[int]

    @abc.abstractmethod
    def version(self) -> str | None:
        """The product version of what was loaded, if it says one."""

    @abc.abstractmethod
    def source_peek(self, source: int) -> Peeked | None:
        """Never block. None if there is no token that can be used."""

    @abc.abstractmethod
    def live_handles(self) -> int:
        """The number of handles that were not freed."""

    @abc.abstractmethod
    def _done(self, verb: str, *inputs: int | Secret) -> None:
        """Call a verb without a result."""

    @abc.abstractmethod
    def _bytes(self, verb: str, *inputs: int | Secret) -> bytes:
        """Call a verb that gives text."""

    @abc.abstractmethod
    def _handle(self, verb: str, *inputs: int | Secret) -> int:
        """Call a verb that gives a handle."""

    def client_new(self, config: Secret) -> int:
        return self._handle("mp_client_new", config)

    def client_free(self, client: int) -> None:
        with contextlib.suppress(_errors.MaskinportenError):  # what is not there need not be freed
            self._done("mp_client_free", client)

    def client_rotate(self, client: int, keys: Secret) -> None:
        self._done("mp_client_rotate", client, keys)

    def client_status(self, client: int) -> bytes:
        return self._bytes("mp_client_status", client)

    @abc.abstractmethod
    def client_events(self, client: int, timeout_ms: int) -> bytes:
        """Wait at most timeout_ms for the first event; WebAssembly never waits."""

    def source_new(self, client: int, request: Secret) -> int:
        return self._handle("mp_source_new", client, request)

    def source_free(self, source: int) -> None:
        with contextlib.suppress(_errors.MaskinportenError):  # what is not there need not be freed
            self._done("mp_source_free", source)

    def source_key(self, source: int) -> bytes:
        return self._bytes("mp_source_key", source)

    def source_token(self, source: int, timeout_ms: int) -> bytes:
        """Block at most timeout_ms; 0 asks the cache only. Needs an engine that sends."""
        return self._bytes("mp_source_token", source, timeout_ms)

    def source_invalidate(self, source: int, access_token: Secret) -> None:
        self._done("mp_source_invalidate", source, access_token)

    def flow_new(self, source: int) -> int:
        return self._handle("mp_flow_new", source)

    def flow_next(self, flow: int) -> bytes:
        return self._bytes("mp_flow_next", flow)

    def flow_signed(self, flow: int, signature: Secret) -> None:
        self._done("mp_flow_signed", flow, signature)

    def flow_received(self, flow: int, head: Secret, body: Secret) -> None:
        self._done("mp_flow_received", flow, head, body)

    def flow_loaded(self, flow: int, entry: Secret) -> None:
        self._done("mp_flow_loaded", flow, entry)

    def flow_saved(self, flow: int) -> None:
        self._done("mp_flow_saved", flow)

    def flow_failed(self, flow: int, reason: Secret) -> None:
        self._done("mp_flow_failed", flow, reason)

    @abc.abstractmethod
    def flow_perform(self, flow: int, timeout_ms: int) -> None:
        """Let the engine do the current step; WebAssembly can sign, and neither send nor wait."""

    def flow_free(self, flow: int) -> None:
        with contextlib.suppress(_errors.MaskinportenError):  # what is not there need not be freed
            self._done("mp_flow_free", flow)

    def certificate_read(self, certificates: Secret) -> bytes:
        return self._bytes("mp_certificate_read", certificates)

    def diagnose(self, config: Secret, request: Secret) -> bytes:
        return self._bytes("mp_diagnose", config, request)

    def key_generate(self, options: Secret) -> bytes:
        return self._bytes("mp_key_generate", options)


def engine() -> Engine:
    """Return the engine of this process, loading it at the first call.

    It is the shared library of the wheel where one fits, and WebAssembly
    elsewhere, if wasmtime is installed (pip install maskinporten[wasm]).
    MASKINPORTEN_ENGINE=native or wasm decides otherwise. There is no lock here
    that a fork could leave locked: two threads that come first at once may start
    two engines, and each client keeps its own.
    """
    if _chosen().is_dead:
        _chosen.cache_clear()
    return _chosen()


@cache
def _chosen() -> Engine:
    wanted = os.environ.get("MASKINPORTEN_ENGINE") or "any"
    if wanted not in ("any", "native", "wasm"):
        raise _errors.invalid(
            "MASKINPORTEN_ENGINE", "it names no engine", "Set it to native or wasm, or leave it unset."
        )
    if wanted == "wasm":
        from ._wasm import load_wasm

        return load_wasm()
    from ._native import load_native

    try:
        return load_native()
    except _errors.LibraryError:
        if wanted == "native":
            raise
        from ._wasm import is_installed, load_wasm

        if not is_installed():
            raise
        return load_wasm()
