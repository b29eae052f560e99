"""source.auth() with requests, httpx and httpx2, sync and async: the same table for all."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import Any

import httpx
import httpx2
import pytest
import requests

import maskinporten
from helpers import Api, serve
from maskinporten import Client, Source
from maskinporten.testing import Sandbox

Send = Callable[..., int]


def by_requests(source: Source, url: str, **how: Any) -> int:
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url, auth=source.auth(), timeout=10, **how).status_code


def by_httpx(source: Source, url: str, module: Any = httpx, **how: Any) -> int:
    with module.Client(auth=source.auth(), trust_env=False, follow_redirects=True) as client:
        status: int = client.post(url, **how).status_code
        return status


def by_httpx_async(source: Source, url: str, module: Any = httpx, **how: Any) -> int:
    async def send() -> int:
        async with module.AsyncClient(auth=source.auth(), trust_env=False, follow_redirects=True) as client:
            status: int = (await client.post(url, **how)).status_code
            return status

    return asyncio.run(send())


def by_httpx2(source: Source, url: str, **how: Any) -> int:
    return by_httpx(source, url, httpx2, **how)


def by_httpx2_async(source: Source, url: str, **how: Any) -> int:
    return by_httpx_async(source, url, httpx2, **how)


every_way = pytest.mark.parametrize("send", [by_requests, by_httpx, by_httpx_async, by_httpx2, by_httpx2_async])


@pytest.fixture
def source(client: Client, sandbox: Sandbox) -> Source:
    return client.source(sandbox.scopes["plain"])


@every_way
def test_the_token_is_added(send: Send, source: Source, api: Api) -> None:
    assert send(source, api.url) == 200
    assert api.headers() == [source.token().header]


def test_an_api_that_checks_tokens_accepts_it(source: Source, sandbox: Sandbox) -> None:
    answer = requests.get(sandbox.settings["sample_api"], auth=source.auth(), timeout=10)
    assert answer.status_code == 200
    assert answer.json()["scope"] == sandbox.scopes["plain"]


@every_way
def test_after_a_401_the_request_is_repeated_once_with_a_new_token(
    send: Send, source: Source, api: Api, sandbox: Sandbox
) -> None:
    old = source.token()
    api.answer = lambda _path, header: (401 if header == old.header else 200, {})
    assert send(source, api.url, data={"a": "b"}) == 200
    assert api.headers() == [old.header, source.token().header]
    assert [body for _, _, body in api.seen] == [b"a=b", b"a=b"]
    assert sandbox.count("/token") == 2


@every_way
def test_a_second_401_is_the_answer(send: Send, source: Source, api: Api, sandbox: Sandbox) -> None:
    api.answer = lambda _path, _header: (401, {})
    assert send(source, api.url) == 401
    assert len(api.seen) == 2
    assert len(set(api.headers())) == 2
    assert sandbox.count("/token") == 2


@every_way
def test_an_api_that_always_says_401_does_not_cause_a_fetch_each_time(
    send: Send, source: Source, api: Api, sandbox: Sandbox
) -> None:
    api.answer = lambda _path, _header: (401, {})
    assert {send(source, api.url) for _ in range(5)} == {401}
    assert sandbox.count("/token") == 2


@every_way
def test_other_refusals_are_left_alone(send: Send, source: Source, api: Api, sandbox: Sandbox) -> None:
    api.answer = lambda _path, _header: (403, {})
    assert send(source, api.url) == 403
    assert len(api.seen) == 1
    assert sandbox.count("/token") == 1


@every_way
def test_another_host_never_gets_the_token(send: Send, source: Source, api: Api, sandbox: Sandbox) -> None:
    with serve() as other:
        other_url = other.url.replace("127.0.0.1", "localhost")
        api.answer = lambda _path, _header: (307, {"Location": f"{other_url}/elsewhere"})
        other.answer = lambda _path, _header: (401, {})
        assert send(source, api.url) == 401
        assert other.headers() == [""]
    assert sandbox.count("/token") == 1


def test_a_file_is_sent_again_from_where_it_began(source: Source, api: Api) -> None:
    old = source.token()
    api.answer = lambda _path, header: (401 if header == old.header else 200, {})
    body = io.BytesIO(b"skipped,sent")
    body.seek(8)
    assert by_requests(source, api.url, data=body) == 200
    assert [content for _, _, content in api.seen] == [b"sent", b"sent"]


async def _pieces() -> Any:
    yield b"piece"


@pytest.mark.parametrize(
    ("send", "how"),
    [
        (by_requests, lambda: {"data": iter([b"piece"])}),
        (by_httpx, lambda: {"content": iter([b"piece"])}),
        (by_httpx_async, lambda: {"content": _pieces()}),
        (by_httpx2, lambda: {"content": iter([b"piece"])}),
        (by_httpx2_async, lambda: {"content": _pieces()}),
    ],
)
def test_a_body_that_cannot_be_sent_twice_is_not(send: Send, how: Any, source: Source, api: Api) -> None:
    api.answer = lambda _path, _header: (401, {})
    assert send(source, api.url, **how()) == 401
    assert [body for _, _, body in api.seen] == [b"piece"]


@every_way
def test_an_error_of_ours_reaches_the_caller(send: Send, client: Client, api: Api) -> None:
    with pytest.raises(maskinporten.RequestRejected, match="MP-200"):
        send(client.source("example:not.registered"), api.url)
    assert api.seen == []
