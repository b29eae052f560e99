"""Events as a callable and in the logging of the standard library."""

from __future__ import annotations

import dataclasses
import logging
import threading
from datetime import datetime, timezone
from typing import Any

import pytest

import maskinporten
from helpers import until
from hooks import CallableSigner, signer_of
from maskinporten import Event, log_events
from maskinporten.testing import Sandbox


def test_a_fetch_is_told_from_its_beginning_to_its_end(sandbox: Sandbox) -> None:
    events: list[Event] = []
    with sandbox.client(on_event=events.append) as client:
        source = client.source(sandbox.scopes["plain"])
        source.token()
        until(lambda: len(events) >= 3)
    assert [event.event for event in events] == ["acquisition_started", "attempt", "acquisition_ended"]
    attempt = events[1]
    assert {event.request_id for event in events} == {attempt.request_id}
    assert (attempt.status, attempt.attempt) == (200, 1)
    assert str(attempt.kid).endswith(sandbox.settings["kid"])
    assert attempt.jti == sandbox.journal()[0]["jti"]
    assert attempt.scopes == (sandbox.scopes["plain"],)
    assert abs((datetime.now(timezone.utc) - attempt.time).total_seconds()) < 60
    assert events[2].error is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        attempt.status = 1  # type: ignore[misc]


def test_a_failure_is_told_with_its_error(sandbox: Sandbox) -> None:
    events: list[Event] = []
    with sandbox.client(on_event=events.append) as client:
        with pytest.raises(maskinporten.RequestRejected):
            client.source("example:not.registered").token()
        until(lambda: events != [] and events[-1].event == "acquisition_ended")
    error = events[-1].error
    assert isinstance(error, maskinporten.RequestRejected)
    assert (error.mp_code, error.trace_id) == ("MP-200", sandbox.journal()[0]["trace_id"])


def test_closing_tells_what_is_left(sandbox: Sandbox) -> None:
    events: list[Event] = []
    with sandbox.client(on_event=events.append) as client:
        client.source(sandbox.scopes["plain"]).token()
    until(lambda: len(events) == 3)


def test_events_of_signers_are_told_too(sandbox: Sandbox) -> None:
    events: list[Event] = []
    real = signer_of(sandbox)
    failures = [ConnectionError("once")]

    def sign(signing_input: bytes) -> bytes:
        if failures:
            raise failures.pop()
        return real.sign(signing_input)

    with sandbox.client(signer=CallableSigner(sign, real.kid), on_event=events.append) as client:
        client.source(sandbox.scopes["plain"]).token()
        client.rotate(real)
        until(lambda: len(events) >= 5)
    kinds = [event.event for event in events]
    assert kinds.count("retry") == 1
    assert "keys_rotated" in kinds


def test_an_observer_that_raises_harms_nobody(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []

    def observe(event: Event) -> None:
        seen.append(event.event)
        raise ValueError("a bug of the observer")

    with sandbox.client(on_event=observe) as client:
        client.source(sandbox.scopes["plain"]).token()
        until(lambda: len(seen) >= 3)
    assert "on_event raised for acquisition_started" in caplog.text
    assert "a bug of the observer" in caplog.text


def test_an_observer_may_use_the_client(sandbox: Sandbox) -> None:
    seen: list[Any] = []
    done = threading.Event()

    def observe(event: Event) -> None:
        seen.append(client.status().tokens)
        if event.event == "acquisition_ended":
            seen.append(source.peek())
            done.set()

    with sandbox.client(on_event=observe) as client:
        source = client.source(sandbox.scopes["plain"])
        token = source.token()
        assert done.wait(10)
    assert seen[-1] == token


def test_the_bridge_to_logging(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with sandbox.client(on_event=log_events()) as client:
        token = client.source(sandbox.scopes["plain"]).token()
        with pytest.raises(maskinporten.RequestRejected):
            client.source("example:not.registered").token()
        until(lambda: sum("acquisition_ended" in record.getMessage() for record in caplog.records) == 2)
    records = [record for record in caplog.records if record.name == "maskinporten.events"]
    levels = {record.levelname for record in records if "acquisition_ended" in record.getMessage()}
    assert levels == {"INFO", "WARNING"}
    ended = next(record for record in records if record.levelname == "WARNING")
    assert "MP-200" in ended.getMessage()
    assert ended.__dict__["maskinporten"]["error"].mp_code == "MP-200"
    assert token.access_token not in caplog.text
    assert token.access_token.split(".")[2] not in caplog.text


def test_the_bridge_takes_a_logger_of_your_own(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with sandbox.client(on_event=log_events(logging.getLogger("mine"))) as client:
        client.source(sandbox.scopes["plain"]).token()
        until(lambda: any(record.name == "mine" for record in caplog.records))


def test_a_client_without_an_observer_starts_no_thread(sandbox: Sandbox) -> None:
    def watching() -> int:
        return sum(thread.name == "maskinporten-events" for thread in threading.enumerate())

    until(lambda: watching() == 0)
    with sandbox.client() as client:
        client.source(sandbox.scopes["plain"]).token()
        assert watching() == 0


def test_the_thread_ends_with_its_client(sandbox: Sandbox) -> None:
    def watching() -> int:
        return sum(thread.name == "maskinporten-events" for thread in threading.enumerate())

    until(lambda: watching() == 0)
    client = sandbox.client(on_event=lambda _: None)
    del client
    until(lambda: watching() == 0)
