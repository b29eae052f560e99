"""Asynchronous signers: renewals, cancelling, and loops that end in the middle of a fetch."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import maskinporten
from hooks import AsyncCryptographySigner, private_key
from maskinporten import Source, Token
from maskinporten.testing import Sandbox


class GatedSigner(AsyncCryptographySigner):
    """Waits until it may sign."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(private_key(sandbox.settings["key_pem"]), sandbox.settings["kid"])
        self.open = True
        self.began = 0

    async def sign(self, signing_input: bytes) -> bytes:
        self.began += 1
        while not self.open:
            await asyncio.sleep(0.005)
        return await super().sign(signing_input)


@pytest.fixture
def signer(sandbox: Sandbox) -> GatedSigner:
    return GatedSigner(sandbox)


@pytest.fixture
def source(sandbox: Sandbox, signer: GatedSigner) -> Source:
    return sandbox.client(signer=signer).source(sandbox.scopes["plain"])


async def begun(signer: GatedSigner, times: int) -> None:
    while signer.began < times:
        await asyncio.sleep(0.005)


def test_a_due_token_is_renewed_on_the_loop_and_nobody_waits(
    source: Source, signer: GatedSigner, sandbox: Sandbox
) -> None:
    sandbox.set_faults({"path": "/token", "expires_in": 4, "times": 1})

    async def main() -> tuple[Token, Token, Token]:
        first = await source.token_async()
        signer.open = False
        await asyncio.sleep(2.0)
        second = await source.token_async()  # due: this begins the renewal
        await begun(signer, 2)
        signer.open = True
        while (third := await source.token_async()) is first:
            await asyncio.sleep(0.01)
        return first, second, third

    first, second, third = asyncio.run(main())
    assert first is second
    assert third.access_token != first.access_token
    assert sandbox.count("/token") == 2


def test_f64_cancelling_the_first_task_ends_its_wait_only(
    source: Source, signer: GatedSigner, sandbox: Sandbox
) -> None:
    signer.open = False

    async def main() -> Token:
        first, second = (asyncio.create_task(source.token_async()) for _ in range(2))
        await begun(signer, 1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        signer.open = True
        return await second

    assert asyncio.run(main()).token_type == "Bearer"
    assert (signer.began, sandbox.count("/token")) == (1, 1)


def test_f65_when_all_are_cancelled_the_fetch_still_serves_the_next(
    source: Source, signer: GatedSigner, sandbox: Sandbox
) -> None:
    signer.open = False

    async def main() -> Token:
        task = asyncio.create_task(source.token_async())
        await begun(signer, 1)
        task.cancel()
        signer.open = True
        return await source.token_async()

    assert asyncio.run(main()).token_type == "Bearer"
    assert (signer.began, sandbox.count("/token")) == (1, 1)


def test_each_task_has_its_own_timeout(source: Source, signer: GatedSigner) -> None:
    signer.open = False

    async def main() -> Token:
        with pytest.raises(maskinporten.TokenTimeout):
            await source.token_async(timeout=0.05)
        signer.open = True
        return await source.token_async()

    assert asyncio.run(main()).token_type == "Bearer"


def test_a_loop_that_ends_in_the_middle_of_a_fetch_leaves_nothing_locked(
    source: Source, signer: GatedSigner, sandbox: Sandbox
) -> None:
    signer.open = False

    async def leave() -> None:
        task = asyncio.create_task(source.token_async())
        await begun(signer, 1)
        del task

    asyncio.run(leave())
    signer.open = True
    assert asyncio.run(source.token_async()).token_type == "Bearer"
    assert (signer.began, sandbox.count("/token")) == (2, 1)


def test_another_loop_takes_over_when_the_one_that_fetches_ends(
    source: Source, signer: GatedSigner, sandbox: Sandbox
) -> None:
    signer.open = False
    waiting: list[Any] = []

    async def leave() -> None:
        task = asyncio.create_task(source.token_async())
        await begun(signer, 1)
        other = threading.Thread(target=lambda: waiting.append(asyncio.run(source.token_async())))
        other.start()
        await asyncio.sleep(0.2)
        waiting.append(other)
        del task

    asyncio.run(leave())
    signer.open = True
    thread = waiting[0]
    thread.join(30)
    assert waiting[1].token_type == "Bearer"
    assert sandbox.count("/token") == 1


def test_a_signer_that_hangs_ends_after_its_time(source: Source, signer: GatedSigner) -> None:
    signer.open = False
    with pytest.raises(TimeoutError):
        asyncio.run(source.token_async(timeout=20))
    assert signer.began == 2, "five seconds each"
