"""A leased token is handed out without asking the core; whatever ends it early is obeyed at the next call."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import maskinporten
from maskinporten import Client, Source, Token, _lease, _source
from maskinporten.testing import Sandbox


class Counting:
    """Counts the peeks of a source's engine."""

    def __init__(self, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
        self.peeks = 0
        real = source._engine.source_peek

        def peek(handle: int) -> Any:
            self.peeks += 1
            return real(handle)

        monkeypatch.setattr(source._engine, "source_peek", peek)


@pytest.fixture
def source(client: Client, sandbox: Sandbox) -> Source:
    return client.source(sandbox.scopes["plain"])


def test_a_token_is_asked_for_once_in_a_lease(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    token = source.token()
    counting = Counting(source, monkeypatch)
    for i in range(1000):
        assert source.token() is token
        if i % 100 == 0:
            time.sleep(0.002)  # the clocks are looked at, and the core is not asked
    assert counting.peeks == 1


def test_no_lease_is_longer_than_the_core_says(source: Source, sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "expires_in": 10, "times": 1})
    source.token()
    before = time.monotonic()
    source.token()
    lease = source._lease
    # A renewal is due at 40 to 48 % of the life of 10 s.
    assert 3.5 <= lease.monotonic_end - before <= 4.8
    assert abs((lease.wall_end - time.time()) - (lease.monotonic_end - time.monotonic())) < 0.1
    assert source._glance[2] <= time.monotonic() + 0.001


def test_a_token_that_is_due_has_no_lease(sandbox: Sandbox, client: Client) -> None:
    sandbox.set_faults({"path": "/token", "expires_in": 2, "times": 1}, {"path": "/token", "latency_ms": 600})
    source = client.source(sandbox.scopes["plain"])
    first = source.token()
    source.token()
    time.sleep(1.0)
    assert source.token() is first, "due, and the renewal has begun"
    end = time.monotonic() + 5
    while source.token() is first:
        assert time.monotonic() < end


@pytest.mark.parametrize("clock", ["monotonic", "time"])
def test_f46_f47_a_clock_that_jumped_ahead_ends_the_lease(
    source: Source, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    token = source.token()
    source.token()
    counting = Counting(source, monkeypatch)
    real = getattr(time, clock)
    for module in (_source, _lease):
        monkeypatch.setattr(module, clock, lambda: real() + 3600, raising=False)
    time.sleep(0.002)  # the wall clock is looked at once in a millisecond
    assert source.token() is token, "the core's own clocks stand where they stood"
    assert counting.peeks == 1


def test_f45_a_wall_clock_set_back_prolongs_nothing(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    source.token()
    source.token()
    end = source._lease.monotonic_end
    monkeypatch.setattr(_lease, "time", lambda: time.time() - 3600)
    for module in (_source, _lease):
        monkeypatch.setattr(module, "monotonic", lambda: end)
    counting = Counting(source, monkeypatch)
    source.token()
    assert counting.peeks == 1


def test_a_rejected_token_is_gone_for_all_sources(source: Source, client: Client, sandbox: Sandbox) -> None:
    twin = client.source([sandbox.scopes["plain"]])
    token = source.token()
    assert twin.token() == source.token() == twin.token() == token
    twin.invalidate(token)
    assert source.token() != token
    assert twin.token() == source.token()


def test_a_closed_client_has_no_leases(client: Client, source: Source) -> None:
    source.token()
    source.token()
    client.close()
    with pytest.raises(maskinporten.ClosedError):
        source.token()
    with pytest.raises(maskinporten.ClosedError):
        asyncio.run(source.token_async())


def test_the_lease_of_one_client_survives_another(source: Source, sandbox: Sandbox) -> None:
    token = source.token()
    source.token()
    with sandbox.client() as other:
        other.source(sandbox.scopes["other"]).token()
    assert source.token() is token


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_f68_a_leased_token_is_not_the_childs(source: Source) -> None:
    source.token()
    source.token()
    child = os.fork()
    if child == 0:
        try:
            source.token()
        except maskinporten.ForkedError:
            os._exit(7)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert source.token() is not None


def readers(source: Source, dead: list[Token], stop: threading.Event, stale: list[Token]) -> Iterator[threading.Thread]:
    """Threads that note each token that was handed out after it had ended."""

    def read() -> None:
        while not stop.is_set():
            ended = len(dead)
            token = source.token()
            if token in dead[:ended]:
                stale.append(token)

    for _ in range(4):
        yield threading.Thread(target=read)


@pytest.mark.parametrize("seed", range(2))
def test_no_answer_is_ever_stale(sandbox: Sandbox, seed: int) -> None:
    choose = random.Random(seed)
    dead: list[Token] = []
    stale: list[Token] = []
    stop = threading.Event()
    with sandbox.client() as client:
        source = client.source(sandbox.scopes["plain"])
        twin = client.source([sandbox.scopes["plain"]])
        threads = list(readers(source, dead, stop, stale))
        for thread in threads:
            thread.start()
        try:
            for _ in range(40):
                token = choose.choice((source, twin)).token()
                time.sleep(choose.random() / 500)
                client.rotate(sandbox.key())
                dead.append(token)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    assert stale == []
    assert len(set(dead)) >= 35, "there were that many tokens"
