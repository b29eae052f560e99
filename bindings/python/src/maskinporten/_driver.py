"""Performs the steps of one flow. All decisions are the core's: this signs, sends, loads, saves and waits as told."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Generator, Iterable, Mapping
from typing import Any, cast

from . import _errors
from ._engine import Engine
from ._hooks import AnySigner, AnyStore, AnyTransport, Request, Response
from ._jobs import Hook, Job, Outcome, Pause, Perform, is_async
from ._secret import Secret
from ._settings import encode
from ._token import Token, token_of_members

Step = dict[str, Any]

_SIGN_LIMIT_S = 5.0
_STORE_LIMIT_S = 2.0
# The core ends every step before this by itself.
_PERFORM_LIMIT_S = 30.0
# How long closing a client may take to be noticed by a flow that pauses.
_PAUSE_S = 5.0

_FAULTS = {
    "sign": {"signing_failed"},
    "send": {"connection_failed", "timeout", "tls_failed"},
}


class Hooks:
    """What the program does itself, for all flows of a client."""

    def __init__(self, signers: dict[str, AnySigner], transport: AnyTransport | None, store: AnyStore | None) -> None:
        #: Signers by their kid or the base64 of their certificate. Those that were
        #: rotated out stay, for the flows that began with them.
        self.signers = signers
        self.transport = transport
        self.store = store
        #: What the store raised last. It fails no flow; an event tells of it.
        self.store_fault: BaseException | None = None

    @property
    def is_async(self) -> bool:
        """Whether one of them needs an event loop."""
        given: list[object] = [signer.sign for signer in self.signers.values()]
        if self.transport is not None:
            given.append(self.transport.send)
        if self.store is not None:
            given += (self.store.load, self.store.save)
        return any(map(is_async, given))


class Faults:
    """What a hook raised last, by the kind of its step: what the core reports as failed is raised as itself."""

    def __init__(self) -> None:
        self._last: dict[str, BaseException] = {}

    def note(self, step: str, error: BaseException) -> None:
        self._last[step] = error

    @property
    def are_none(self) -> bool:
        return not self._last

    def behind(self, error: _errors.MaskinportenError) -> BaseException | None:
        for step, codes in _FAULTS.items():
            if error.code in codes and step in self._last:
                return self._last[step]
        return None

    def forget(self) -> None:
        self._last.clear()


def acquire(
    engine: Engine, flow: int, first: Step, hooks: Hooks, faults: Faults, closed: threading.Event
) -> Generator[Job, Outcome, Token]:
    """Yield the jobs of a flow until it has a token, and free it."""
    step = first
    try:
        while step["step"] not in ("done", "failed"):
            _feed(engine, flow, step, (yield _job(engine, flow, step, hooks, closed)), hooks, faults)
            step = json.loads(engine.flow_next(flow))
        return result(step, faults)
    finally:
        engine.flow_free(flow)


def result(step: Step, faults: Faults) -> Token:
    """Return the token of a last step, or raise why there is none."""
    if step["step"] == "done":
        faults.forget()
        return token_of_members(step["token"])
    error = _errors.from_members(step["error"])
    fault = faults.behind(error)
    if fault is None:
        raise error
    if isinstance(fault, _BuiltIn):
        raise error from fault.__cause__
    raise fault


class _BuiltIn(Exception):
    """Marks what the transport of this package raised, as its cause."""


def _job(engine: Engine, flow: int, step: Step, hooks: Hooks, closed: threading.Event) -> Job:
    kind = step["step"]
    if kind == "sign" and (signer := hooks.signers.get(_signer_of(step["signing_input"]))) is not None:
        return Hook(signer.sign, (step["signing_input"].encode(),), _SIGN_LIMIT_S)
    if kind == "load" and hooks.store is not None:
        return Hook(hooks.store.load, (step["store_key"],), _STORE_LIMIT_S)
    if kind == "save" and hooks.store is not None:
        entry = step["entry"].encode()
        return Hook(hooks.store.save, (step["store_key"], entry, step["life_ms"] / 1000), _STORE_LIMIT_S)
    if kind == "send" and not (hooks.transport is None and engine.sends):
        send = _built_in if hooks.transport is None else hooks.transport.send
        return Hook(send, (_request(step),), step["timeout_ms"] / 1000)
    if kind == "wait" and not engine.sends:
        return Pause(min(step["wait_ms"] / 1000, _PAUSE_S), closed)
    return Perform(engine, flow, _PERFORM_LIMIT_S)


def _signer_of(signing_input: str) -> str:
    """Return what the header names the key by."""
    header = signing_input.partition(".")[0]
    members = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    return str(members.get("kid") or members["x5c"][0])


def _request(step: Step) -> Request:
    return Request(
        method=step["method"],
        url=step["url"],
        headers=step["headers"],
        body=step["body"].encode(),
        timeout=step["timeout_ms"] / 1000,
        max_body=step["max_body"],
    )


_WHO = {"sign": "signer", "send": "transport", "load": "store", "save": "store"}


def _built_in(request: Request) -> Response:
    from ._transport import send  # imports http.client and ssl

    try:
        return send(request)
    except Exception as error:
        raise _BuiltIn from error


def _feed(engine: Engine, flow: int, step: Step, outcome: Outcome, hooks: Hooks, faults: Faults) -> None:
    """Tell the flow what became of a step."""
    if outcome.is_fed:
        return
    error = outcome.error
    if error is None:
        try:
            _feed_value(engine, flow, step, outcome.value)
        except TypeError as wrong:
            error = wrong
        else:
            return
    if step["step"] in _FAULTS:
        faults.note(step["step"], error)
    else:
        hooks.store_fault = error
    engine.flow_failed(flow, encode(**_reason(step["step"], error)))


def _feed_value(engine: Engine, flow: int, step: Step, value: Any) -> None:
    kind = step["step"]
    if kind == "sign":
        engine.flow_signed(flow, Secret(_as_bytes("signer", value)))
    elif kind == "load":
        engine.flow_loaded(flow, Secret(b"" if value is None else _as_bytes("store", value)))
    elif kind == "save":
        engine.flow_saved(flow)
    elif isinstance(value, Response):
        head = encode(status=value.status, headers=_headers(value.headers))
        engine.flow_received(flow, head, Secret(_as_bytes("transport", value.body)[: step["max_body"] + 1]))
    else:
        raise TypeError(f"the transport returned {type(value).__name__}, not a maskinporten.Response")


def _as_bytes(who: str, value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, str) and who == "store":
        return value.encode()
    raise TypeError(f"the {who} returned {type(value).__name__}, not bytes")


def _headers(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    for name, value in cast("Iterable[tuple[str, str]]", pairs):
        grouped.setdefault(name, []).append(value)
    return grouped


def _reason(kind: str, error: BaseException) -> dict[str, Any]:
    # The text of an exception may quote what it was given; its type says enough, and it is raised itself.
    cause = error.__cause__ if isinstance(error, _BuiltIn) and error.__cause__ is not None else error
    message = f"the {_WHO[kind]} raised {type(cause).__name__}"
    if kind == "sign":
        retryable = isinstance(cause, (TimeoutError, ConnectionError)) or getattr(cause, "retryable", None) is True
        return {"code": "signing_failed", "message": message, "retryable": retryable}
    if _is_tls(cause):
        return {"code": "tls_failed", "message": message}
    timeout = isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__
    return {"code": "timeout" if timeout else "connection_failed", "message": message}


def _is_tls(error: BaseException | None) -> bool:
    """Whether TLS failed; requests and httpx raise errors of their own from the one of ssl."""
    seen: list[object] = [error]
    for one in seen:
        if isinstance(one, ssl.SSLError):
            return True
        if isinstance(one, BaseException) and len(seen) < 20:
            seen += (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
    return False
