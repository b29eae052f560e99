"""Sending in place of the library, and the transport that this package has for WebAssembly."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

import maskinporten
from helpers import openssl
from hooks import AsyncCryptographySigner, UrllibTransport, private_key, signer_of
from maskinporten import Request, Response, Transport, _transport
from maskinporten.testing import Sandbox


class CallableTransport:
    def __init__(self, send: Any) -> None:
        self.send = send


class HttpxTransport:
    """Sends with httpx on the loop of the caller."""

    async def send(self, request: Request) -> Response:
        async with httpx.AsyncClient(trust_env=False) as api:
            answer = await api.request(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body,
                timeout=request.timeout,
            )
            return Response(answer.status_code, answer.headers.multi_items(), answer.content)


def refusing(error: BaseException) -> CallableTransport:
    def send(_: Request) -> Response:
        raise error

    return CallableTransport(send)


def answering(*arguments: Any) -> CallableTransport:
    return CallableTransport(lambda _: Response(*arguments))


def test_a_transport_sends_what_it_is_given(sandbox: Sandbox) -> None:
    transport = UrllibTransport()
    assert isinstance(transport, Transport)
    with sandbox.client(transport=transport) as client:
        token = client.source(sandbox.scopes["plain"]).token()
    (request,) = transport.requests
    assert (request.method, request.url) == ("POST", sandbox.environment.token_endpoint)
    assert 0 < request.timeout <= 8
    assert request.max_body == 1 << 20
    assert b"assertion=" in request.body
    assert "assertion" not in repr(request)
    assert token.access_token not in repr(Response(200, {}, token.access_token.encode()))


def test_an_async_transport_with_an_async_signer(sandbox: Sandbox) -> None:
    signer = AsyncCryptographySigner(private_key(sandbox.settings["key_pem"]), sandbox.settings["kid"])
    source = sandbox.client(signer=signer, transport=HttpxTransport()).source(sandbox.scopes["plain"])

    async def main() -> list[Any]:
        return await asyncio.gather(*(source.token_async() for _ in range(50)))

    assert len(set(asyncio.run(main()))) == 1
    assert sandbox.count("/token") == 1


def test_an_async_transport_beside_a_signer_that_blocks(sandbox: Sandbox) -> None:
    source = sandbox.client(signer=signer_of(sandbox), transport=HttpxTransport()).source(sandbox.scopes["plain"])
    assert asyncio.run(source.token_async()).token_type == "Bearer"
    source = sandbox.client(transport=HttpxTransport()).source(sandbox.scopes["plain"])
    assert asyncio.run(source.token_async()).token_type == "Bearer", "the library signs"


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(111, "refused"),
        TimeoutError("late"),
        requests.exceptions.ReadTimeout("late"),
        httpx.ConnectError("no"),
        ValueError("a bug of the transport"),
    ],
)
def test_what_a_transport_raises_arrives_as_itself(sandbox: Sandbox, error: Exception) -> None:
    with sandbox.client(transport=refusing(error)) as client:
        source = client.source(sandbox.scopes["plain"])
        for _ in range(2):
            with pytest.raises(type(error)) as caught:
                source.token()
            assert caught.value is error


def test_a_failure_of_tls_is_not_tried_again(sandbox: Sandbox) -> None:
    sent: list[Request] = []

    def send(request: Request) -> Response:
        sent.append(request)
        try:
            raise ssl.SSLCertVerificationError(1, "certificate verify failed")
        except ssl.SSLError as error:
            raise requests.exceptions.SSLError(error)  # noqa: B904 - as requests does it

    with sandbox.client(transport=CallableTransport(send)) as client, pytest.raises(requests.exceptions.SSLError):
        client.source(sandbox.scopes["plain"]).token()
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("transport", "code"),
    [
        (answering(302, {"Location": "https://elsewhere.example.no"}, b""), "redirected"),
        (answering(200, {}, b"<html>"), "invalid_response"),
        (answering(200, {}, b"{" * (2 << 20)), "response_too_large"),
        (answering(503, {"Retry-After": "30"}, b""), "server_error"),
        (answering(429, [("Retry-After", "20")], b""), "rate_limited"),
    ],
)
def test_the_answer_is_judged_by_the_core(sandbox: Sandbox, transport: Any, code: str) -> None:
    with sandbox.client(transport=transport) as client, pytest.raises(maskinporten.RequestRejected) as caught:
        client.source(sandbox.scopes["plain"]).token()
    assert caught.value.code == code


@pytest.mark.parametrize("answer", [None, 200, (200, {}, b"")])
def test_what_is_no_response_is_a_type_error(sandbox: Sandbox, answer: Any) -> None:
    with (
        sandbox.client(transport=CallableTransport(lambda _: answer)) as client,
        pytest.raises(TypeError, match=r"not a maskinporten\.Response"),
    ):
        client.source(sandbox.scopes["plain"]).token()


def test_f85_a_transport_that_never_answers_holds_nobody_for_ever(sandbox: Sandbox) -> None:
    released = threading.Event()
    real = UrllibTransport()
    hanging = [True]

    def send(request: Request) -> Response:
        if hanging[0]:
            released.wait()
            raise ConnectionError
        return real.send(request)

    with sandbox.client(transport=CallableTransport(send)) as client:
        source = client.source(sandbox.scopes["plain"])
        with pytest.raises(maskinporten.TokenTimeout):
            source.token(timeout=0.2)
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            source.token(timeout=25)
        assert time.monotonic() - start < 22, "the fetch itself has ended"
        hanging[0] = False
        time.sleep(2)
        assert source.token().token_type == "Bearer"
    released.set()  # an answer after the end of the client is nobody's


# The transport of this package itself.


def post(url: str, *, timeout: float = 5, max_body: int = 1000) -> Response:
    return _transport.send(Request("POST", url, {"Content-Type": "text/plain"}, b"body", timeout, max_body))


class Peer:
    """A server that sends given bytes, slowly if told so."""

    def __init__(self, content: bytes, pause: float = 0, tls: ssl.SSLContext | None = None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.got = b""
        self._content, self._pause, self._tls = content, pause, tls
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            with contextlib.suppress(OSError), connection:
                if self._tls is None:
                    self._answer(connection)
                else:
                    with self._tls.wrap_socket(connection, server_side=True) as secure:
                        self._answer(secure)

    def _answer(self, connection: socket.socket) -> None:
        asked = b""
        while not asked.endswith((b"\r\n\r\nbody", b"\r\n\r\n")) or asked.endswith(b"text/plain\r\n\r\n"):
            asked += connection.recv(65536)
        self.got += asked
        for i in range(len(self._content) if self._pause else 1):
            connection.sendall(self._content[i : i + 1] if self._pause else self._content)
            time.sleep(self._pause)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def peers() -> Iterator[Any]:
    made: list[Peer] = []

    def make(*arguments: Any, **more: Any) -> Peer:
        made.append(Peer(*arguments, **more))
        return made[-1]

    yield make
    for peer in made:
        peer.close()


def test_built_in_it_posts_and_reads(peers: Any) -> None:
    peer = peers(b"HTTP/1.1 201 Created\r\nDate: a\r\nDate: b\r\nContent-Length: 5\r\n\r\nhello")
    answer = post(f"http://127.0.0.1:{peer.port}/token?x=1")
    assert (answer.status, answer.body) == (201, b"hello")
    pairs: Any = answer.headers
    assert [value for name, value in pairs if name == "Date"] == ["a", "b"]
    assert peer.got.startswith(b"POST /token?x=1 HTTP/1.1\r\n")
    assert peer.got.endswith(b"\r\n\r\nbody")


def test_f22_built_in_it_follows_no_redirect(peers: Any) -> None:
    other = peers(b"HTTP/1.1 200 OK\r\n\r\n")
    peer = peers(f"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:{other.port}/\r\nContent-Length: 0\r\n\r\n".encode())
    assert post(f"http://127.0.0.1:{peer.port}/").status == 307
    assert other.got == b""


def test_f36_built_in_it_reads_no_more_than_allowed(peers: Any) -> None:
    peer = peers(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 5_000_000)
    assert len(post(f"http://127.0.0.1:{peer.port}/").body) == 1001


@pytest.mark.parametrize("content", [b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20, b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 60])
def test_f11_built_in_it_ends_in_time_however_slowly_bytes_come(peers: Any, content: bytes) -> None:
    peer = peers(content, 0.02)
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        post(f"http://127.0.0.1:{peer.port}/", timeout=0.6)
    assert time.monotonic() - start < 3


@pytest.mark.parametrize("content", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
def test_built_in_what_is_cut_off_is_an_error(peers: Any, content: bytes) -> None:
    with pytest.raises((OSError, http.client.HTTPException)):
        post(f"http://127.0.0.1:{peers(content).port}/")


def test_f27_built_in_too_many_headers_are_an_error(peers: Any) -> None:
    with pytest.raises(http.client.HTTPException):
        post(f"http://127.0.0.1:{peers(b'HTTP/1.1 200 OK' + b'A: b' * 100_000).port}/")


def test_f30_built_in_it_trusts_no_certificate_of_its_own_making(peers: Any, openssl_chain: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(openssl_chain / "leaf.pem", openssl_chain / "leaf.key")
    peer = peers(b"HTTP/1.1 200 OK\r\n\r\n", tls=context)
    with pytest.raises(ssl.SSLCertVerificationError):
        post(f"https://127.0.0.1:{peer.port}/")
    assert peer.got == b""


def test_built_in_tls_works_with_a_root_that_is_trusted(
    peers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    openssl(
        tmp_path,
        "req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 2 -subj /CN=localhost "
        "-addext subjectAltName=DNS:localhost",
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")
    peer = peers(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", tls=context)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "c.pem"))
    assert post(f"https://localhost:{peer.port}/").body == b"ok"


def test_f15_built_in_a_proxy_that_refuses_is_an_error_without_its_password(
    peers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = peers(b"HTTP/1.1 407 No\r\n\r\n")
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:canary@127.0.0.1:{peer.port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(OSError, match="407") as caught:
        post("https://api.example.no/token")
    assert "canary" not in str(caught.value)
    assert b"CONNECT api.example.no:443" in peer.got
    assert b"Proxy-Authorization: Basic dXNlcjpjYW5hcnk=" in peer.got


def test_built_in_loopback_passes_every_proxy_by(peers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    peer = peers(b"HTTP/1.0 204 X\r\n\r\n")
    assert post(f"http://127.0.0.1:{peer.port}/").status == 204
