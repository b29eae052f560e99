"""A resource server for the tests, the openssl command, and waiting without guessing how long."""

from __future__ import annotations

import contextlib
import http.server
import os
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


class Api:
    """A resource server on loopback that answers what it is told, and remembers what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: list[tuple[str, str, bytes]] = []  # path, Authorization, body
        #: Status and headers for a path and an Authorization header.
        self.answer: Callable[[str, str], tuple[int, dict[str, str]]] = lambda _path, _header: (200, {})

    def headers(self) -> list[str]:
        return [header for _, header, _ in self.seen]


@contextlib.contextmanager
def serve() -> Iterator[Api]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            header = self.headers.get("Authorization", "")
            api.seen.append((self.path, header, body))
            status, headers = api.answer(self.path, header)
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        do_POST = do_GET  # noqa: N815 - what http.server looks for

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api = Api(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def until(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    """Return as soon as the condition holds; fail when it does not in time."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def missing_tool(name: str) -> None:
    """Skip a test for want of a program; on CI that is a failure."""
    if shutil.which(name) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not on this machine")
        pytest.skip(f"{name} is not on this machine")


def openssl(folder: Path, command: str) -> None:
    subprocess.run(["openssl", *shlex.split(command)], cwd=folder, check=True, capture_output=True, timeout=60)
