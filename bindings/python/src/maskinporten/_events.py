"""What happens to tokens, told to a callable: for logs, metrics and the audit trail."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from . import _errors
from ._engine import Engine

#: How many events are kept until they are told.
KEPT = 1000
_WAIT_MS = 30_000

_log = logging.getLogger("maskinporten")


@dataclass(frozen=True)
class Event:
    """Something worth logging, counting or auditing. It holds no secret. What does not apply is None.

    event: "acquisition_started", "acquisition_ended" (with `error` if it failed), "attempt", "retry",
    "served_while_failing", "clock_skew", "keys_rotated", "key_fallback", "key_expiring" or "store_failed".
    """

    event: str
    #: UTC.
    time: datetime
    #: The same for all events of one acquisition.
    request_id: str | None = None
    #: The key of the source, and what it asks for.
    source: str | None = None
    scopes: tuple[str, ...] = ()
    consumer_org: str | None = None
    exchange: str | None = None
    #: The kid, or the thumbprint of the certificate, that signs.
    kid: str | None = None
    #: That of the grant that was sent.
    jti: str | None = None
    #: Whether it is a renewal ahead of time, for which nobody waits.
    background: bool = False
    #: Counts the requests of this acquisition from 1.
    attempt: int | None = None
    #: The HTTP status of an attempt.
    status: int | None = None
    duration_ms: int | None = None
    #: The pause before a retry.
    wait_ms: int | None = None
    #: How far our clock is behind the server's.
    offset_ms: int | None = None
    #: When the token or the key that the event is about ends (UTC).
    until: datetime | None = None
    #: What went wrong. Its __cause__ is what a store of yours raised.
    error: _errors.MaskinportenError | None = None


Observer = Callable[[Event], object]


def log_events(logger: logging.Logger | str = "maskinporten.events") -> Observer:
    """Return an observer for `on_event` that writes to a logger of the standard library.

    Failures are warnings, keys that are about to expire too; all else is INFO, and
    single attempts DEBUG. The record has the event as `record.maskinporten`, a dict.
    """
    target = logging.getLogger(logger) if isinstance(logger, str) else logger

    def observe(event: Event) -> None:
        members = {field.name: getattr(event, field.name) for field in fields(event)}
        given = {name: value for name, value in members.items() if value not in (None, (), False)}
        shown = [f"{name}={value}" for name, value in given.items() if name in _SHOWN]
        text = " ".join([event.event, *shown, *([] if event.error is None else [f"error={event.error}"])])
        target.log(_level(event), "%s", text, extra={"maskinporten": given})

    return observe


_SHOWN = ("request_id", "scopes", "consumer_org", "exchange", "kid", "attempt", "status", "duration_ms", "until")
_WARNINGS = {"served_while_failing", "clock_skew", "key_fallback", "key_expiring", "store_failed"}


def _level(event: Event) -> int:
    if event.event in _WARNINGS or (event.event == "acquisition_ended" and event.error is not None):
        return logging.WARNING
    return logging.DEBUG if event.event in ("attempt", "acquisition_started") else logging.INFO


class Events:
    """Takes the events of a client from the engine and tells them, one at a time."""

    def __init__(self, engine: Engine, client: int, observer: Observer) -> None:
        self._engine, self._client, self._observer = engine, client, observer
        self._telling = threading.RLock()
        #: What the store of the program raised last.
        self.store_fault: Callable[[], BaseException | None] = lambda: None
        if engine.sends:  # it can wait; else every flight ends with tell()
            threading.Thread(target=self._watch, name="maskinporten-events", daemon=True).start()

    def tell(self, wait_ms: int = 0) -> None:
        """Tell what there is."""
        answer = json.loads(self._engine.client_events(self._client, wait_ms))
        if not answer["events"] and not answer["dropped"]:
            return
        with self._telling:
            if answer["dropped"]:
                _log.warning("%d events came faster than on_event took them and are lost", answer["dropped"])
            for members in answer["events"]:
                self._tell(_event(members, self.store_fault()))

    def flush(self) -> None:
        """Tell what there is, where nobody waits for it."""
        if not self._engine.sends:
            with contextlib.suppress(_errors.MaskinportenError):  # the client was closed
                self.tell()

    def _tell(self, event: Event) -> None:
        try:
            self._observer(event)
        except Exception:
            _log.exception("on_event raised for %s", event.event)

    def _watch(self) -> None:
        try:
            while True:
                self.tell(_WAIT_MS)
        except _errors.MaskinportenError:  # the client was closed
            return


def _event(members: dict[str, Any], store_fault: BaseException | None) -> Event:
    members["time"] = _time(members["time"])
    members["scopes"] = tuple(members.get("scopes", ()))
    if "until" in members:
        members["until"] = _time(members["until"])
    if "error" in members:
        members["error"] = error = _errors.from_members(members["error"])
        if members["event"] == "store_failed":
            error.__cause__ = store_fault
    known = {field.name for field in fields(Event)}
    return Event(**{name: value for name, value in members.items() if name in known})


def _time(text: str) -> datetime:
    # Before Python 3.11, fromisoformat knows neither Z nor nanoseconds.
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{(fraction + '000000')[:6]}+00:00")
