"""Fork, signals, imports and the end of the process, each in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

from helpers import until
from maskinporten.testing import Sandbox

BEGIN = """
import asyncio, gc, json, os, sys, threading, time
import maskinporten
from maskinporten import Client, Environment, ForkedError, Key
s = json.load(open(sys.argv[1]))
def new_client():
    environment = Environment(s["issuer"], s["token_endpoint"], allow_loopback_http=True)
    return Client(environment=environment, client_id=s["client_id"], key=Key.pem(s["key_pem"], kid=s["kid"]))
"""

FORK = """
client = new_client()
source = client.source(s["scopes"]["plain"])
token = source.token()
slow = client.source(s["scopes"]["other"])
fetch = threading.Thread(target=slow.token)
fetch.start()  # the fork comes while this runs

source.auth()  # what it imports is imported here, not twenty times

def refused(call):
    try:
        call()
    except ForkedError as error:
        return "after the fork" in str(error)
    return False

def in_child():
    calls = [source.token, source.peek, slow.token, new_client, maskinporten.generate_key,
             lambda: source.invalidate(token), lambda: source.key, lambda: client.source("a:b"),
             lambda: asyncio.run(source.token_async()), lambda: asyncio.run(slow.token_async()),
             lambda: source.auth()(object())]
    if not all(refused(call) for call in calls):
        return 1
    del calls[:]
    client.close()
    gc.collect()
    return 0

for _ in range(20):
    child = os.fork()
    if child == 0:
        sys.exit(in_child())  # the ordinary end of the interpreter must not hang either
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
fetch.join()
assert source.token() == token and slow.token().scope == s["scopes"]["other"]
print("the parent goes on")
"""

FORK_BEFORE_USE = """
child = os.fork()
if child == 0:
    sys.exit(0 if new_client().source(s["scopes"]["plain"]).token().access_token else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print("the child works")
"""

SPAWN = """
import multiprocessing
new_client().source(s["scopes"]["plain"]).token()
process = multiprocessing.get_context("spawn").Process(target=print, args=("spawned",))
process.start(); process.join()
assert process.exitcode == 0
"""

HANG = """
source = new_client().source(s["scopes"]["other"])
threading.Thread(target=source.token, daemon=True).start()
async def give_up():
    try:
        await source.token_async(timeout=0.2)
    except TimeoutError:
        print("gave up")
asyncio.run(give_up())
"""

INTERRUPT = """
try:
    new_client().source(s["scopes"]["other"]).token()
except KeyboardInterrupt:
    print("interrupted")
"""


def start(program: str, sandbox: Sandbox) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-W",
            "ignore::DeprecationWarning",
            "-c",
            textwrap.dedent(program),
            str(sandbox.settings_path),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(program: str, sandbox: Sandbox, limit_s: float = 60) -> str:
    with start(program, sandbox) as process:
        try:
            out, err = process.communicate(timeout=limit_s)
        finally:
            process.kill()
    assert (process.returncode, err) == (0, "")
    return out.strip()


def test_a_forked_child_is_told_so_and_never_hangs(sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "scope": sandbox.scopes["other"], "latency_ms": 1500, "times": 1})
    assert run(BEGIN + FORK, sandbox) == "the parent goes on"


def test_a_child_that_was_forked_before_the_first_use_works(sandbox: Sandbox) -> None:
    assert run(BEGIN + FORK_BEFORE_USE, sandbox) == "the child works"


def test_spawned_processes_work(sandbox: Sandbox) -> None:
    assert run(BEGIN + SPAWN, sandbox) == "spawned"


def test_a_fetch_that_hangs_does_not_keep_the_process(sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "kind": "hang"})
    assert run(BEGIN + HANG, sandbox) == "gave up"


def test_ctrl_c_ends_a_wait(sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "kind": "hang"})
    with start(BEGIN + INTERRUPT, sandbox) as process:
        until(lambda: sandbox.count("/token") > 0)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=5)  # far less than the fetch would take
    assert (out.strip(), err, process.returncode) == ("interrupted", "", 0)


def test_importing_loads_next_to_nothing(sandbox: Sandbox) -> None:
    program = """
    import sys
    before = set(sys.modules)
    import maskinporten
    new = {name.partition(".")[0] for name in set(sys.modules) - before}
    assert not new & {"ctypes", "asyncio", "dataclasses", "httpx", "requests"}, new
    from maskinporten import Client, Key
    assert "asyncio" not in sys.modules
    maps = open("/proc/self/maps").read()
    assert "libmaskinporten" not in maps
    print("light")
    """
    assert run(program, sandbox) == "light"
