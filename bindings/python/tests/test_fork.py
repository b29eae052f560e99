"""F68, F69: servers and pools that fork. Each works, or gives the one clear error; none hangs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from helpers import until
from maskinporten.testing import Sandbox
from test_process import BEGIN, run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")

APP = """
import os
import maskinporten
from maskinporten import Client, ForkedError

def make():
    client = Client.from_env()
    return client.source(os.environ["SCOPE"])

source = make() if os.environ["WHEN"] == "import" else None

def app(environ, start_response):
    global source
    try:
        if source is None:
            source = make()
        text, status = source.token().token_type, "200 OK"
    except ForkedError as error:
        text, status = str(error), "503 Forked"
    start_response(status, [("Content-Type", "text/plain")])
    return [text.encode()]
"""


@pytest.mark.parametrize(
    ("preload", "when", "status", "says"),
    [
        (False, "import", 200, "Bearer"),
        (False, "request", 200, "Bearer"),
        (True, "request", 200, "Bearer"),
        (True, "import", 503, "after the fork"),
    ],
)
def test_f69_gunicorn(sandbox: Sandbox, tmp_path: Path, preload: bool, when: str, status: int, says: str) -> None:
    (tmp_path / "app.py").write_text(APP)
    options = ["--workers", "2", "--bind", "127.0.0.1:0", *(["--preload"] if preload else [])]
    command = [sys.executable, "-m", "gunicorn", "app:app", *options]
    environ = {**os.environ, **sandbox.environ, "WHEN": when, "SCOPE": sandbox.scopes["plain"]}
    log = tmp_path / "log"
    with log.open("w") as file, subprocess.Popen(command, cwd=tmp_path, env=environ, stderr=file) as server:
        try:
            until(lambda: log.read_text().count("Booting worker") == 2)
            (url,) = re.findall(r"Listening at: (http://\S+)", log.read_text())
            for _ in range(6):
                assert get(url) == (status, says)
        finally:
            server.terminate()
            server.wait(timeout=20)
    assert server.returncode == 0, log.read_text()


def get(url: str) -> tuple[int, str]:
    """Return the status of the answer, and the known words that are in it."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            status, text = error.code, error.read().decode()
    known = [words for words in ("Bearer", "after the fork") if words in text]
    return status, "".join(known)


POOL = """
import multiprocessing

client = source = None

def initialize():
    global client, source
    client = new_client()
    source = client.source(s["scopes"]["plain"])

def work(_):
    return source.token().token_type

if __name__ == "__main__":
    context = multiprocessing.get_context(METHOD)
    if PARENT_FIRST:
        initialize()
        work(0)
    with context.Pool(2, initializer=None if PARENT_FIRST else initialize) as pool:
        try:
            print(*set(pool.map(work, range(8))))
        except ForkedError as error:
            print("forked:", error.code, error.number)
"""


def pool(method: str, parent_first: bool) -> str:
    return BEGIN + f"METHOD, PARENT_FIRST = {method!r}, {parent_first}\n" + POOL


def test_f69_multiprocessing_fork_with_the_client_made_in_the_worker_works(sandbox: Sandbox) -> None:
    assert run(pool("fork", False), sandbox) == "Bearer"


def test_f69_multiprocessing_fork_after_use_says_so_through_the_pool(sandbox: Sandbox) -> None:
    assert run(pool("fork", True), sandbox) == "forked: forked 1010"


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_f69_multiprocessing_spawn_and_forkserver_work(sandbox: Sandbox, tmp_path: Path, method: str) -> None:
    # They import the program again, so it has to be a file.
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(pool(method, False)))
    command = [sys.executable, str(program), str(sandbox.settings_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.stderr) == ("Bearer", "")


# What Celery's prefork pool does: the parent imports the tasks, forks workers that
# live long, replaces one that dies, and gives them work through pipes.
PREFORK = """
import signal
source = None

def task():
    global source
    if source is None:
        source = new_client().source(s["scopes"]["plain"])
    return source.token().token_type

def worker():
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        answers = {task() for _ in range(50)}
        os.write(theirs, ",".join(answers).encode())
        os._exit(0)
    os.close(theirs)
    return child, ours

for _ in range(3):
    workers = [worker() for _ in range(4)]
    for child, ours in workers:
        assert os.read(ours, 100) == b"Bearer"
        assert os.waitpid(child, 0)[1] == 0
print("ok")
"""


def test_f69_prefork_workers_that_make_their_own_client_work(sandbox: Sandbox) -> None:
    assert run(BEGIN + PREFORK, sandbox) == "ok"
    assert sandbox.count("/token") == 12


DAEMON = """
client = new_client()
client.source(s["scopes"]["plain"]).token()
ours, theirs = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        try:
            client.source(s["scopes"]["plain"]).token()
        except ForkedError as error:
            os.write(theirs, error.code.encode())
        os._exit(0)
    os._exit(0)
os.wait()
print(os.read(ours, 100).decode())
"""


def test_f69_a_daemon_after_two_forks_is_told_so(sandbox: Sandbox) -> None:
    assert run(BEGIN + DAEMON, sandbox) == "forked"


EXEC = """
import subprocess
new_client().source(s["scopes"]["plain"]).token()
code = "import sys, json; " + "from maskinporten.testing import Sandbox; print('executed')"
print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip())
"""


def test_f69_fork_and_exec_works(sandbox: Sandbox) -> None:
    assert run(BEGIN + EXEC, sandbox) == "executed"


THREAD = """
client = new_client()
source = client.source(s["scopes"]["plain"])
source.token()
child = os.fork()
if child == 0:
    found = []
    def ask():
        try:
            source.token()
        except ForkedError:
            found.append("forked")
    thread = threading.Thread(target=ask)
    thread.start(); thread.join(5)
    os._exit(0 if found == ["forked"] else 1)
assert os.waitpid(child, 0)[1] == 0
print("told")
"""


def test_a_thread_started_in_a_forked_child_is_told_so(sandbox: Sandbox) -> None:
    assert run(BEGIN + THREAD, sandbox) == "told"


HOOKS = """
from hooks import CryptographySigner, MemoryStore, private_key
environment = Environment(s["issuer"], s["token_endpoint"], allow_loopback_http=True)
client = Client(environment=environment, client_id=s["client_id"],
    signer=CryptographySigner(private_key(s["key_pem"]), s["kid"]),
    store=MemoryStore(), store_key=bytes(32), on_event=lambda event: None)
source = client.source(s["scopes"]["plain"])
source.token()
slow = client.source(s["scopes"]["other"])
fetch = threading.Thread(target=slow.token)
fetch.start()
for _ in range(20):
    child = os.fork()
    if child == 0:
        for call in (source.token, slow.token, lambda: asyncio.run(slow.token_async()), client.status,
                     lambda: client.rotate(Key.pem(s["key_pem"], kid="k"))):
            try:
                call()
            except ForkedError:
                continue
            os._exit(1)
        client.close()
        sys.exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
fetch.join()
print("the parent goes on")
"""


def test_f68_a_fork_with_hooks_at_work(sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "scope": sandbox.scopes["other"], "latency_ms": 1500, "times": 1})
    assert run(f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n" + BEGIN + HOOKS, sandbox) == (
        "the parent goes on"
    )


MANY = """
client = new_client()
source = client.source(s["scopes"]["plain"])
source.token(); source.token()
slowest = 0.0
for i in range(FORKS):
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        begin = time.monotonic()
        try:
            source.token()
        except ForkedError:
            os._exit(0 if time.monotonic() - begin < 1 else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    if i % 100 == 0:
        source.invalidate(source.token())
print("none hung")
"""


@pytest.mark.parametrize("forks", [100, pytest.param(1000, marks=pytest.mark.soak)])
def test_f68_of_very_many_forks_none_hangs(sandbox: Sandbox, forks: int) -> None:
    assert run(f"import signal\nFORKS = {forks}\n" + BEGIN + MANY, sandbox) == "none hung"


def test_f74_signals_reach_the_programs_handlers_during_a_fetch(sandbox: Sandbox) -> None:
    program = """
    import signal
    seen = []
    signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
    source = new_client().source(s["scopes"]["other"])
    def storm():
        for _ in range(500):
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.001)
    threading.Thread(target=storm, daemon=True).start()
    print(source.token().token_type, len(seen) > 1)
    """
    sandbox.set_faults({"path": "/token", "latency_ms": 900, "times": 1})
    assert signal.SIGUSR1
    assert run(BEGIN + textwrap.dedent(program), sandbox) == "Bearer True"


LOCKED = """
from hooks import CryptographySigner, private_key
environment = Environment(s["issuer"], s["token_endpoint"], allow_loopback_http=True)
client = Client(environment=environment, client_id=s["client_id"],
    signer=CryptographySigner(private_key(s["key_pem"]), s["kid"]))
source = client.source(s["scopes"]["plain"])
source.token()
locks = [client._driven._lock, *([client._engine._lock] if client._engine.name == "wasm" else [])]
held = threading.Event()
def hold():
    for lock in locks:
        lock.acquire()
    held.set()
    time.sleep(60)
threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
if child == 0:
    signal.alarm(10)
    for call in (source.token, client.status, lambda: client.source("a:b"), lambda: asyncio.run(source.token_async())):
        try:
            call()
        except ForkedError:
            continue
        os._exit(1)
    client.close()
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print("never touched")
"""


@pytest.mark.parametrize("engine", ["native", "wasm"])
def test_f68_locks_that_are_held_at_the_fork_are_never_touched(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    monkeypatch.setenv("MASKINPORTEN_ENGINE", engine)
    program = f"import signal, sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n" + BEGIN + LOCKED
    assert run(program, sandbox) == "never touched"
