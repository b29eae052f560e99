"""The transport where the engine has none: the standard library's HTTP client.

It follows no redirect, verifies TLS with the system's roots, obeys the usual
proxy variables, and ends after the time and the bytes that the request allows.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
import urllib.parse
import urllib.request
from base64 import b64encode

from ._hooks import Request, Response

_CHUNK = 65536


def send(request: Request) -> Response:
    """Send it and return the answer, whatever its status. Raises OSError or http.client.HTTPException."""
    url = urllib.parse.urlsplit(request.url)
    ends = time.monotonic() + request.timeout
    connection = _connect(url, request.timeout)
    # A time limit of a socket begins anew with each byte; this one does not.
    guard = threading.Timer(request.timeout, _cut, (connection,))
    guard.daemon = True
    guard.start()
    try:
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        headers = {"Connection": "close", "Accept-Encoding": "identity", **request.headers}
        connection.request(request.method, target, request.body or None, headers)
        answer = connection.getresponse()
        body = _read(answer, request.max_body + 1)
        if time.monotonic() >= ends:  # the end of the body may be our own doing
            raise TimeoutError
        return Response(answer.status, answer.headers.items(), body)
    except (OSError, http.client.HTTPException) as error:
        if time.monotonic() >= ends:
            raise TimeoutError(f"no answer within {request.timeout:g} s") from error
        raise
    finally:
        guard.cancel()
        connection.close()


def _connect(url: urllib.parse.SplitResult, timeout: float) -> http.client.HTTPConnection:
    host, port = url.hostname or "", url.port
    if url.scheme == "http":  # to this machine, so past every proxy
        return http.client.HTTPConnection(host, port, timeout=timeout)
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    proxy = None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get("https")
    if proxy is None:
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    via = urllib.parse.urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    connection = http.client.HTTPSConnection(via.hostname or "", via.port or 80, timeout=timeout, context=context)
    headers = {}
    if via.username is not None:
        who = f"{urllib.parse.unquote(via.username)}:{urllib.parse.unquote(via.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {b64encode(who.encode()).decode()}"
    connection.set_tunnel(host, port, headers)
    return connection


def _read(answer: http.client.HTTPResponse, limit: int) -> bytes:
    chunks, left = [], limit
    while left > 0 and (chunk := answer.read(min(left, _CHUNK))):
        chunks.append(chunk)
        left -= len(chunk)
    if left > 0 and answer.length:
        raise http.client.IncompleteRead(b"", answer.length)  # its own body may be half a token
    return b"".join(chunks)


def _cut(connection: http.client.HTTPConnection) -> None:
    if (sock := connection.sock) is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
