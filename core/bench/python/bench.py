"""What the Python package costs, as rows of the table.

    python bench.py LIBRARY CONFIG

LIBRARY is libmaskinporten with one more export, mp_bench_noop, which enters Go
and does nothing; the package must use it too (MASKINPORTEN_LIBRARY). CONFIG is
what the command endpoint wrote. Needs the installed package, PyJWT, requests
and cryptography.
"""

from __future__ import annotations

import base64
import ctypes
import gc
import http.client
import json
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable
from itertools import count
from pathlib import Path

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from maskinporten import Client, Environment, Key

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
FORM = "application/x-www-form-urlencoded"
Work = Callable[[], object]


def versus(a: Work, b: Work, turns: int, calls: int = 1) -> tuple[float, float, float]:
    """Time both in turns: the medians of a and b in nanoseconds, and of the ratios of neighbouring turns."""

    def timed(work: Work) -> float:
        start = time.perf_counter_ns()
        for _ in range(calls):
            work()
        return (time.perf_counter_ns() - start) / calls

    timed(a), timed(b)
    gc.collect()
    pairs = [(timed(a), timed(b)) if turn % 2 else (timed(b), timed(a))[::-1] for turn in range(turns)]
    return (
        statistics.median(x for x, _ in pairs),
        statistics.median(y for _, y in pairs),
        statistics.median(x / y for x, y in pairs),
    )


def row(what: str, against: str, found: tuple[float, float, float], limit: float | None) -> None:
    """Print one row. Times are in nanoseconds."""
    a, b, ratio = found
    unit, size = ("ms", 1e6) if max(a, b) > 1e6 else ("µs", 1e3)
    goal, met = ("-", "-") if limit is None else (f"≤ {limit:g}", "yes" if ratio <= limit else "**no**")
    print(
        f"| {what} | {against} | {ratio:.2f} ({a / size:.2f} {unit} / {b / size:.2f} {unit}) | {goal} | {met} |",
        flush=True,
    )


def import_time(module: str) -> int:
    """Nanoseconds to import a module in a new interpreter, which has none of its dependencies yet."""
    code = f"import time; start = time.perf_counter_ns(); import {module}; print(time.perf_counter_ns() - start)"
    return int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60).stdout)


def by_hand() -> Work:
    """What a program does that keeps its tokens itself."""
    lock = threading.Lock()
    kept = {"scope": ("token", time.monotonic() + 3600)}

    def token() -> str | None:
        with lock:
            held, end = kept["scope"]
            return held if time.monotonic() < end else None

    return token


class Signer:
    """Signs with OpenSSL, as the bare request does."""

    alg, kid = "RS256", "bench"

    def __init__(self, key: RSAPrivateKey) -> None:
        self.key = key

    def sign(self, signing_input: bytes) -> bytes:
        return self.key.sign(signing_input, PKCS1v15(), SHA256())


class First:
    """Three ways to get a token that is in no cache."""

    def __init__(self, settings: dict[str, object]) -> None:
        jwk = json.dumps(settings["key"]["jwk"])
        self.environment = Environment(**settings["environment"])
        self.key = Key.jwk(jwk)
        self.url = self.environment.token_endpoint
        self.private_key = jwt.algorithms.RSAAlgorithm.from_jwk(jwk)
        self.session = requests.Session()
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc)
        self.numbers = count()
        self.signs_itself = False
        self.client = self.new_client()

    def new_client(self) -> Client:
        if self.signs_itself:
            return Client(environment=self.environment, client_id="bench", signer=Signer(self.private_key))
        return Client(environment=self.environment, client_id="bench", key=self.key)

    def ours(self) -> object:
        number = next(self.numbers)
        return self.client.source(f"bench:first/{number}").token()

    def pyjwt_and_requests(self) -> None:
        now = int(time.time())
        claims = {
            "aud": self.environment.issuer,
            "iss": "bench",
            "scope": "bench:first",
            "iat": now,
            "exp": now + 60,
            "jti": str(uuid.uuid4()),
        }
        assertion = jwt.encode(claims, self.private_key, algorithm="RS256", headers={"kid": "bench"})
        answer = self.session.post(self.url, data={"grant_type": GRANT_TYPE, "assertion": assertion}, timeout=10)
        answer.raise_for_status()
        answer.json()["access_token"]

    signing_input = b"h" * 40 + b"." + b"c" * 400

    def bare(self) -> None:
        signature = base64.urlsafe_b64encode(self.private_key.sign(self.signing_input, PKCS1v15(), SHA256()))
        body = f"grant_type={GRANT_TYPE}&assertion={self.signing_input.decode()}.{signature.decode()}"
        self.connection.request("POST", "/token", body, {"Content-Type": FORM})
        answer = self.connection.getresponse()
        if answer.read() and answer.status != 200:
            raise RuntimeError(f"the bare request got {answer.status}")

    def against(self, other: Work) -> tuple[float, float, float]:
        """Compare, with a new client for each round: one client sends a burst of 50 and then takes its time."""
        found = []
        for _ in range(5):
            self.client.close()
            self.client = self.new_client()
            found.append(versus(self.ours, other, turns=35))
        return tuple(statistics.median(column) for column in zip(*found, strict=True))


def main(library: str, config: str) -> None:
    settings = json.loads(Path(config).read_text("utf-8"))
    noop = ctypes.CDLL(library).mp_bench_noop
    noop.restype, noop.argtypes = None, ()
    first = First(settings)
    token = first.client.source("bench:read").token
    token()
    token()  # the second call gets the lease
    row("Python: cached token", "a ctypes no-op on the same library", versus(token, noop, 301, 200), 1)
    row("- cached token", "a lock, a dict look-up and one clock, in Python", versus(token, by_hand(), 301, 200), None)
    row(
        "Python: first token", "one signature (cryptography) and one POST (http.client)", first.against(first.bare), 1.3
    )
    row("- first token", "PyJWT and requests", first.against(first.pyjwt_and_requests), 1.3)
    first.signs_itself = True
    row("- first token, signed by cryptography", "one signature and one POST", first.against(first.bare), 1.3)
    times = [(import_time("maskinporten"), import_time("requests")) for _ in range(9)]
    ours, theirs = (statistics.median(column) for column in zip(*times, strict=True))
    row("Python: import maskinporten", "import requests", (ours, theirs, ours / theirs), None)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python bench.py LIBRARY CONFIG")
    main(*sys.argv[1:])
