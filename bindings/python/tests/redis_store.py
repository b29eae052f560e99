"""A store in Redis, as the README shows it, and a server for it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator

import redis

from helpers import until


class RedisStore:
    def __init__(self, server: redis.Redis) -> None:
        self._server = server

    def load(self, key: str) -> bytes | None:
        entry = self._server.get(f"maskinporten:{key}")
        assert entry is None or isinstance(entry, bytes)
        return entry

    def save(self, key: str, entry: bytes, life: float) -> None:
        self._server.set(f"maskinporten:{key}", entry, px=max(1, int(life * 1000)))


@contextlib.contextmanager
def redis_server() -> Iterator[int]:
    """Run a server that keeps nothing on disk, and give its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    program = shutil.which("redis-server")
    assert program is not None
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                with redis.Redis(port=port) as server:
                    until(lambda: _answers(server))
                yield port
            finally:
                process.terminate()


def _answers(server: redis.Redis) -> bool:
    with contextlib.suppress(redis.ConnectionError):
        return bool(server.ping())
    return False
