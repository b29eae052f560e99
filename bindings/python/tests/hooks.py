"""Signers, transports and stores as a program would write them, over real parts."""

from __future__ import annotations

import asyncio
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from maskinporten import Request, Response
from maskinporten.testing import Sandbox


def private_key(path: str | Path) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(Path(path).read_bytes(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


class CryptographySigner:
    """Signs with the package cryptography."""

    alg = "RS256"

    def __init__(self, key: rsa.RSAPrivateKey, kid: str) -> None:
        self._key, self.kid = key, kid
        self.calls = 0

    def sign(self, signing_input: bytes) -> bytes:
        self.calls += 1
        return self._key.sign(signing_input, padding.PKCS1v15(), SHA256())


class AsyncCryptographySigner:
    alg = "RS256"

    def __init__(self, key: rsa.RSAPrivateKey, kid: str) -> None:
        self._inner, self.kid = CryptographySigner(key, kid), kid
        self.loops: set[asyncio.AbstractEventLoop] = set()

    async def sign(self, signing_input: bytes) -> bytes:
        self.loops.add(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return self._inner.sign(signing_input)


class CallableSigner:
    """Does whatever it is given."""

    alg = "RS256"

    def __init__(self, sign: Callable[[bytes], Any], kid: str = "k") -> None:
        self.sign, self.kid = sign, kid


class UrllibTransport:
    """Sends with the standard library."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)

    def send(self, request: Request) -> Response:
        self.requests.append(request)
        prepared = urllib.request.Request(
            request.url, data=request.body or None, headers=dict(request.headers), method=request.method
        )
        try:
            with self._opener.open(prepared, timeout=request.timeout) as answer:
                return Response(answer.status, answer.headers.items(), answer.read(request.max_body + 1))
        except urllib.error.HTTPError as error:
            with error:
                return Response(error.code, error.headers.items(), error.read(request.max_body + 1))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class MemoryStore:
    def __init__(self) -> None:
        self.entries: dict[str, bytes] = {}
        self.lives: list[float] = []
        self.threads: set[str] = set()

    def load(self, key: str) -> bytes | None:
        self.threads.add(threading.current_thread().name)
        return self.entries.get(key)

    def save(self, key: str, entry: bytes, life: float) -> None:
        self.entries[key] = entry
        self.lives.append(life)


class AsyncMemoryStore(MemoryStore):
    async def load(self, key: str) -> bytes | None:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().load(key)

    async def save(self, key: str, entry: bytes, life: float) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        super().save(key, entry, life)


def signer_of(sandbox: Sandbox) -> CryptographySigner:
    return CryptographySigner(private_key(sandbox.settings["key_pem"]), sandbox.settings["kid"])
