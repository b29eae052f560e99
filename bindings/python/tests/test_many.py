"""Very many callers and one missing key: one upstream request."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import maskinporten
from hooks import signer_of
from maskinporten import Source, Token
from maskinporten.testing import Sandbox

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def uvloop_run(main: Coroutine[Any, Any, Any]) -> Any:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    return uvloop.run(main)


@pytest.fixture(params=["key", "signer"])
def missing(request: pytest.FixtureRequest, sandbox: Sandbox) -> Source:
    """Return a source without a token, whose fetch takes long enough for all to come."""
    sandbox.set_faults({"path": "/token", "latency_ms": 1500, "times": 1})
    settings: dict[str, Any] = {"signer": signer_of(sandbox)} if request.param == "signer" else {}
    return sandbox.client(**settings).source(sandbox.scopes["plain"])


def test_f57_1000_threads_make_one_request(missing: Source, sandbox: Sandbox) -> None:
    tokens: list[Token] = []
    threads = [threading.Thread(target=lambda: tokens.append(missing.token())) for _ in range(1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 1000
    assert len({token.access_token for token in tokens}) == 1
    assert sandbox.count("/token") == 1


@pytest.mark.parametrize("run", [asyncio.run, uvloop_run], ids=["asyncio", "uvloop"])
def test_f57_10000_tasks_make_one_request(missing: Source, sandbox: Sandbox, run: Run) -> None:
    async def main() -> list[Token]:
        return await asyncio.gather(*(missing.token_async() for _ in range(10_000)))

    tokens = run(main())
    assert len(tokens) == 10_000
    assert len({token.access_token for token in tokens}) == 1
    assert sandbox.count("/token") == 1


@pytest.mark.parametrize("run", [asyncio.run, uvloop_run], ids=["asyncio", "uvloop"])
def test_f57_10000_tasks_share_one_failure(sandbox: Sandbox, run: Run) -> None:
    source = sandbox.client().source("example:not.registered")

    async def main() -> list[Any]:
        return await asyncio.gather(*(source.token_async() for _ in range(10_000)), return_exceptions=True)

    assert {getattr(error, "mp_code", None) for error in run(main())} == {"MP-200"}
    assert sandbox.count("/token") == 1


def test_threads_and_loops_at_once_make_one_request(missing: Source, sandbox: Sandbox) -> None:
    async def tasks() -> None:
        await asyncio.gather(*(missing.token_async() for _ in range(100)))

    threads = [threading.Thread(target=missing.token) for _ in range(100)]
    threads += [threading.Thread(target=lambda: asyncio.run(tasks())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sandbox.count("/token") == 1


def test_f64_f65_cancelling_at_random_points_costs_nobody_else(missing: Source, sandbox: Sandbox) -> None:
    async def main() -> list[Any]:
        tasks = [asyncio.create_task(missing.token_async()) for _ in range(200)]
        for i, task in enumerate(tasks[:100]):
            await asyncio.sleep(0.001 if i % 10 else 0.05)
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    outcomes = asyncio.run(main())
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes[:100])
    assert len({outcome.access_token for outcome in outcomes[100:]}) == 1
    assert sandbox.count("/token") == 1


def test_f66_a_follower_with_30_ms_does_not_wait_for_the_fetch(missing: Source) -> None:
    leader = threading.Thread(target=missing.token)
    leader.start()
    time.sleep(0.1)
    start = time.monotonic()
    with pytest.raises(maskinporten.TokenTimeout):
        missing.token(timeout=0.03)
    assert time.monotonic() - start < 1.0, "the fetch takes longer"
    leader.join()
