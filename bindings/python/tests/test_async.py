from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

import maskinporten
from maskinporten import Client, Token
from maskinporten.testing import Sandbox


async def until_async(condition: Any) -> None:
    while not await asyncio.to_thread(condition):
        await asyncio.sleep(0.005)


def test_200_tasks_that_want_one_token_make_one_request_and_one_thread(client: Client, sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "latency_ms": 300, "times": 1})
    source = client.source(sandbox.scopes["plain"])
    threads: list[int] = []

    async def main() -> list[Token]:
        tasks = [asyncio.create_task(source.token_async()) for _ in range(200)]
        await asyncio.sleep(0)  # all have begun
        threads.append(sum(thread.name == "maskinporten" for thread in threading.enumerate()))
        return await asyncio.gather(*tasks)

    tokens = asyncio.run(main())
    assert len(tokens) == 200
    assert len(set(tokens)) == 1
    assert threads == [1]
    assert sandbox.count("/token") == 1


def test_a_cached_token_comes_without_suspending(client: Client, sandbox: Sandbox) -> None:
    source = client.source(sandbox.scopes["plain"])
    token = source.token()
    coroutine: Coroutine[Any, Any, Token] = source.token_async()
    with pytest.raises(StopIteration) as returned:
        coroutine.send(None)  # no loop is running, so it could not wait for anything
    assert returned.value.value is token


def test_cancelling_a_task_ends_its_wait_only(client: Client, sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "latency_ms": 500, "times": 1})
    source = client.source(sandbox.scopes["plain"])

    async def main() -> Token:
        first, second = (asyncio.create_task(source.token_async()) for _ in range(2))
        await until_async(lambda: sandbox.count("/token") == 1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert not second.done()
        return await second

    assert asyncio.run(main()).token_type == "Bearer"
    assert sandbox.count("/token") == 1


def test_when_all_are_cancelled_the_fetch_still_serves_the_next(client: Client, sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "latency_ms": 300, "times": 1})
    source = client.source(sandbox.scopes["plain"])

    async def give_up() -> None:
        task = asyncio.create_task(source.token_async())
        await until_async(lambda: sandbox.count("/token") == 1)
        task.cancel()

    asyncio.run(give_up())  # ends with its loop closed under the waiting thread
    assert asyncio.run(source.token_async()).token_type == "Bearer"
    assert sandbox.count("/token") == 1


def test_each_task_has_its_own_timeout(client: Client, sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "latency_ms": 500, "times": 1})
    source = client.source(sandbox.scopes["plain"])

    async def main() -> tuple[Any, Any]:
        impatient, patient = await asyncio.gather(
            source.token_async(timeout=0.05), source.token_async(), return_exceptions=True
        )
        return impatient, patient

    impatient, patient = asyncio.run(main())
    assert isinstance(impatient, maskinporten.TokenTimeout)
    assert isinstance(patient, Token)


def test_a_failure_is_raised_in_every_task_as_an_error_of_its_own(client: Client, sandbox: Sandbox) -> None:
    source = client.source("example:not.registered")

    async def main() -> list[Any]:
        return await asyncio.gather(*(source.token_async() for _ in range(20)), return_exceptions=True)

    errors = asyncio.run(main())
    assert {error.mp_code for error in errors} == {"MP-200"}
    assert len({id(error) for error in errors}) == 20
    assert sandbox.count("/token") == 1


def test_the_loop_runs_while_a_task_waits(client: Client, sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "latency_ms": 500, "times": 1})
    source = client.source(sandbox.scopes["plain"])
    events: list[str] = []

    async def fetch() -> None:
        await source.token_async()
        events.append("fetched")

    async def main() -> None:
        task = asyncio.create_task(fetch())
        await until_async(lambda: sandbox.count("/token") == 1)
        for _ in range(100):
            await asyncio.sleep(0)
        events.append("100 turns")
        await task

    asyncio.run(main())
    assert events == ["100 turns", "fetched"]


def test_one_source_serves_several_loops(client: Client, sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "latency_ms": 300, "times": 1})
    source = client.source(sandbox.scopes["plain"])
    tokens: list[Token] = []
    threads = [threading.Thread(target=lambda: tokens.append(asyncio.run(source.token_async()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 4
    assert len(set(tokens)) == 1
    assert sandbox.count("/token") == 1


@pytest.mark.parametrize("timeout", [-1, float("nan")])
def test_a_timeout_that_is_none_is_refused(client: Client, sandbox: Sandbox, timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout"):
        asyncio.run(client.source(sandbox.scopes["plain"]).token_async(timeout=timeout))
