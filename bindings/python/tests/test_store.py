"""Tokens that processes share through a store: a real Redis, and stores that fail."""

from __future__ import annotations

import asyncio
import base64
import re
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

import maskinporten
from helpers import missing_tool, until
from hooks import AsyncMemoryStore, MemoryStore, signer_of
from maskinporten import Client, Event, Store
from maskinporten.testing import Sandbox
from redis_store import RedisStore, redis_server

STORE_KEY = bytes(range(32))

PROCESS = """
import json, sys, time
import redis
from maskinporten import Client, Environment, Key
from redis_store import RedisStore
s, port, offset = json.load(open(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3])
client = Client(
    environment=Environment(s["issuer"], s["token_endpoint"], allow_loopback_http=True),
    client_id=s["client_id"], key=Key.pem(s["key_pem"], kid=s["kid"]),
    store=RedisStore(redis.Redis(port=port)), store_key=bytes(range(32)),
)
source = client.source(s["scopes"]["plain"])
time.sleep(offset)
end, tokens = time.monotonic() + 12 - offset, set()
while time.monotonic() < end:
    tokens.add(source.token().access_token)
    time.sleep(0.02)
print(len(tokens))
"""


@pytest.fixture(scope="module")
def _redis() -> Iterator[int]:
    missing_tool("redis-server")
    with redis_server() as port:
        yield port


@pytest.fixture
def server(_redis: int) -> Iterator[redis.Redis]:
    with redis.Redis(port=_redis) as server:
        server.flushall()
        yield server


def sharing(sandbox: Sandbox, store: Any, **settings: Any) -> Client:
    return sandbox.client(store=store, store_key=STORE_KEY, **settings)


def test_8_processes_make_about_one_request_for_each_life(sandbox: Sandbox, server: redis.Redis) -> None:
    sandbox.set_faults({"path": "/token", "expires_in": 4})
    port = str(server.connection_pool.connection_kwargs["port"])
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PROCESS), str(sandbox.settings_path), port, str(i * 0.15)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=__file__.rpartition("/")[0],
        )
        for i in range(8)
    ]
    ended = [program.communicate(timeout=60) for program in programs]
    assert {err for _, err in ended} == {""}
    seen = [int(out) for out, _ in ended]
    # Renewed at 40 to 48 % of 4 s: 6 or 7 lives. Without the store it would be 8 times as many.
    assert 5 <= max(seen) <= sandbox.count("/token")
    assert sandbox.count("/token") <= 2 * 7, "two may find the token due in the same moment"


def test_a_second_process_finds_the_token_of_the_first(sandbox: Sandbox, server: redis.Redis) -> None:
    with sharing(sandbox, RedisStore(server)) as first, sharing(sandbox, RedisStore(server)) as second:
        token = first.source(sandbox.scopes["plain"]).token()
        found = second.source(sandbox.scopes["plain"]).token()
    assert (found.access_token, found.scope) == (token.access_token, token.scope)
    assert abs((found.expires_at - token.expires_at).total_seconds()) < 1
    assert sandbox.count("/token") == 1
    (name,) = server.keys()
    assert 0 < server.pttl(name) <= 120_000
    entry: Any = server.get(name)
    for secret in (token.access_token, token.access_token.split(".")[2], sandbox.settings["client_id"]):
        assert secret.encode() not in entry, "it is encrypted"
        for decoded in decodings(entry):
            assert secret.encode() not in decoded


def decodings(entry: bytes) -> list[bytes]:
    """Decode it from base64, wherever that may begin."""
    text = entry.translate(bytes.maketrans(b"-_", b"+/"))
    alphabet = re.sub(rb"[^A-Za-z0-9+/]", b"", text)
    return [base64.b64decode(alphabet[i : i + (len(alphabet) - i) // 4 * 4]) for i in range(4)]


@pytest.mark.parametrize("harm", ["cut", "flipped", "text", "empty", "huge"])
def test_a_corrupted_entry_is_as_good_as_none(sandbox: Sandbox, server: redis.Redis, harm: str) -> None:
    events: list[Event] = []
    with sharing(sandbox, RedisStore(server)) as first:
        first.source(sandbox.scopes["plain"]).token()
    (name,) = server.keys()
    entry: Any = server.get(name)
    middle = len(entry) // 2
    harmed = {
        "cut": entry[:middle],
        "flipped": entry[:middle] + bytes([entry[middle] ^ 1]) + entry[middle + 1 :],
        "text": b'{"access_token": "forged", "expires_in": 100}',
        "empty": b"",
        "huge": b"x" * (1 << 20),
    }[harm]
    server.set(name, harmed)
    with sharing(sandbox, RedisStore(server), on_event=events.append) as second:
        assert second.source(sandbox.scopes["plain"]).token().token_type == "Bearer"
        until(lambda: any(event.event == "acquisition_ended" for event in events))
    assert sandbox.count("/token") == 2
    assert server.get(name) not in (entry, harmed), "it was saved anew"


def test_a_swapped_entry_is_as_good_as_none(sandbox: Sandbox, server: redis.Redis) -> None:
    with sharing(sandbox, RedisStore(server)) as first:
        plain = first.source(sandbox.scopes["plain"]).token()
        (name,) = server.keys()
        other = first.source(sandbox.scopes["other"]).token()
        (second_name,) = set(server.keys()) - {name}
    one: Any = server.get(name)
    two: Any = server.get(second_name)
    server.set(name, two)
    server.set(second_name, one)
    with sharing(sandbox, RedisStore(server)) as second:
        assert second.source(sandbox.scopes["plain"]).token().scope == plain.scope
        assert second.source(sandbox.scopes["other"]).token().scope == other.scope
    assert sandbox.count("/token") == 4


def test_an_entry_of_another_store_key_is_as_good_as_none(sandbox: Sandbox, server: redis.Redis) -> None:
    for key in (STORE_KEY, bytes(32)):
        with sandbox.client(store=RedisStore(server), store_key=key) as client:
            client.source(sandbox.scopes["plain"]).token()
    assert sandbox.count("/token") == 2


def test_an_async_store_of_redis(sandbox: Sandbox, server: redis.Redis) -> None:
    import redis.asyncio

    port = server.connection_pool.connection_kwargs["port"]

    class AsyncRedisStore:
        def __init__(self, server: Any) -> None:
            self._server = server

        async def load(self, key: str) -> bytes | None:
            entry: bytes | None = await self._server.get(key)
            return entry

        async def save(self, key: str, entry: bytes, life: float) -> None:
            await self._server.set(key, entry, px=int(life * 1000))

    async def main() -> str:
        async with redis.asyncio.Redis(port=port) as connection:
            with sharing(sandbox, AsyncRedisStore(connection)) as client:
                return (await client.source(sandbox.scopes["plain"]).token_async()).access_token

    assert asyncio.run(main()) == asyncio.run(main())
    assert sandbox.count("/token") == 1


@pytest.mark.parametrize("with_signer", [False, True])
def test_the_store_is_asked_on_another_thread(sandbox: Sandbox, with_signer: bool) -> None:
    store = MemoryStore()
    assert isinstance(store, Store)
    settings: dict[str, Any] = {"signer": signer_of(sandbox)} if with_signer else {}
    with sharing(sandbox, store, **settings) as client:
        source = client.source(sandbox.scopes["plain"])
        assert source.token() is source.token()
    assert len(store.entries) == 1
    assert store.lives
    assert 0 < store.lives[0] <= 120
    assert threading.current_thread().name not in store.threads


def test_an_async_store_alone(sandbox: Sandbox) -> None:
    store = AsyncMemoryStore()
    with sharing(sandbox, store) as client:
        assert asyncio.run(client.source(sandbox.scopes["plain"]).token_async()).token_type == "Bearer"
    assert len(store.entries) == 1


class BrokenStore:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def load(self, _: str) -> bytes | None:
        raise self.error

    def save(self, *_: Any) -> None:
        raise self.error


@pytest.mark.parametrize("error", [redis.ConnectionError("refused"), TimeoutError("slow"), ValueError("a bug")])
def test_a_store_that_fails_is_passed_over_and_its_exception_is_the_cause(sandbox: Sandbox, error: Exception) -> None:
    events: list[Event] = []
    with sharing(sandbox, BrokenStore(error), on_event=events.append) as client:
        assert client.source(sandbox.scopes["plain"]).token().token_type == "Bearer"
        until(lambda: sum(event.event == "store_failed" for event in events) == 2)
    causes = [event.error.__cause__ for event in events if event.event == "store_failed" and event.error is not None]
    assert causes == [error, error]


def test_a_store_that_hangs_costs_two_seconds_and_no_more(sandbox: Sandbox) -> None:
    class HangingStore(MemoryStore):
        def load(self, _: str) -> bytes | None:
            released.wait()
            return None

    released = threading.Event()
    with sharing(sandbox, HangingStore()) as client:
        start = time.monotonic()
        assert client.source(sandbox.scopes["plain"]).token().token_type == "Bearer"
        assert time.monotonic() - start < 6
    released.set()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"store": MemoryStore()}, "store and store_key go together"),
        ({"store_key": STORE_KEY}, "store and store_key go together"),
        ({"store": MemoryStore(), "store_key": b"short"}, "32"),
        ({"store": MemoryStore(), "store_key": "not base64!"}, "base64"),
    ],
)
def test_what_is_no_store_key_is_refused(sandbox: Sandbox, given: dict[str, Any], says: str) -> None:
    with pytest.raises(maskinporten.ConfigurationError, match=says):
        sandbox.client(**given)
