"""Memory, threads and handles stay where they were: measured in a process of its own."""

from __future__ import annotations

import pytest

from maskinporten.testing import Sandbox
from test_edges import WITH_TESTS
from test_process import BEGIN, run

MEASURE = """
import gc, resource
from hooks import CryptographySigner, private_key
from maskinporten._engine import engine
from maskinporten import MaskinportenError

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

def slope(work, rounds):
    '''Growth in bytes a call, over the second half: the first one fills pools and caches.'''
    for _ in range(rounds):
        work()
    middle = resident()
    for _ in range(rounds):
        work()
    return (resident() - middle) / rounds

environment = Environment(s["issuer"], s["token_endpoint"], allow_loopback_http=True)
settings = {"environment": environment, "client_id": s["client_id"], "cache_limit": 64}
SIGNER = CryptographySigner(private_key(s["key_pem"]), s["kid"])
KEY = Key.pem(s["key_pem"], kid=s["kid"])
"""

READS = """
client = Client(**settings, **({"key": KEY} if HOW == "key" else {"signer": SIGNER}))
source = client.source(s["scopes"]["plain"])
source.token()
async def tasks():
    for _ in range(100):
        await source.token_async()
def read():
    for _ in range(50):
        source.token(); source.peek()
    asyncio.run(tasks())
found = slope(read, 500)
assert found < 200, f"{found} bytes for 200 reads"
print("flat")
"""

# The core lets 50 requests of a client through at once and then takes its time;
# so each fetch has a client of its own.
FETCHES = """
def fetch():
    with Client(**settings, **({"key": KEY} if HOW == "key" else {"signer": SIGNER}),
                on_event=lambda event: None) as client:
        client.source(s["scopes"]["plain"]).token()
        try:
            client.source("example:not.registered").token()
        except MaskinportenError:
            pass
fetch()
threads, handles = threading.active_count(), engine().live_handles()
found = slope(fetch, FETCHED)
end = time.monotonic() + 20
while threading.active_count() > threads and time.monotonic() < end:
    time.sleep(0.05)
gc.collect()
assert threading.active_count() <= threads, threading.enumerate()
assert engine().live_handles() == handles
assert len(os.listdir("/proc/self/fd")) < 40
assert found < 4096, f"{found} bytes a client with two fetches"
print("flat")
"""


@pytest.mark.parametrize("how", ["key", "signer"])
def test_100_000_cached_reads_leave_nothing(sandbox: Sandbox, how: str) -> None:
    assert run(WITH_TESTS + BEGIN + f"HOW = {how!r}\n" + MEASURE + READS, sandbox) == "flat"


@pytest.mark.parametrize("how", ["key", "signer"])
def test_2_000_fetches_leave_nothing(sandbox: Sandbox, how: str) -> None:
    program = WITH_TESTS + BEGIN + f"HOW, FETCHED = {how!r}, 500\n" + MEASURE + FETCHES
    assert run(program, sandbox, limit_s=300) == "flat"
