"""The edges of Python: mix-ups, the end of the interpreter, signal handlers, gevent, sub-interpreters (F88, §4.6)."""

from __future__ import annotations

import copy
import gc
import pickle
import signal
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import maskinporten
from helpers import until
from maskinporten import Client
from maskinporten._engine import engine
from maskinporten.testing import Sandbox
from test_process import BEGIN, run, start

WITH_TESTS = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"


class Text(str):
    """A str of somebody's own."""

    __slots__ = ()

    def __str__(self) -> str:
        return "other"


@pytest.mark.parametrize(
    ("scopes", "error"),
    [
        (None, TypeError),
        (7, TypeError),
        (b"a:b", maskinporten.ConfigurationError),
        ([b"a:b"], maskinporten.ConfigurationError),
        ([None], maskinporten.ConfigurationError),
        ([2**70], maskinporten.ConfigurationError),
        ("a:b c:d", maskinporten.ConfigurationError),
        ("a:\ud800", maskinporten.ConfigurationError),
        ("", maskinporten.ConfigurationError),
        ([], maskinporten.ConfigurationError),
    ],
)
def test_what_is_no_scope_is_refused(client: Client, scopes: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        client.source(scopes)


@pytest.mark.parametrize("value", [2**70, -1, 0.5, True, "30", b"30"])
def test_what_is_no_number_of_seconds_is_refused(sandbox: Sandbox, value: Any) -> None:
    with pytest.raises(maskinporten.ConfigurationError):
        sandbox.client(grant_life_seconds=value)


def test_a_generator_and_a_str_of_ones_own_are_scopes(client: Client, sandbox: Sandbox) -> None:
    plain = sandbox.scopes["plain"]
    keys = {
        client.source(scopes).key for scopes in (plain, Text(plain), (scope for scope in [plain]), {plain}, (plain,))
    }
    assert len(keys) == 1


def test_a_list_that_is_changed_after_the_call_changes_nothing(client: Client, sandbox: Sandbox) -> None:
    scopes = [sandbox.scopes["plain"]]
    claims = {"example": [1]}
    source = client.source(scopes, extra_claims=claims)
    key = source.key
    scopes.append(sandbox.scopes["other"])
    claims["example"].append(2)
    assert source.key == key
    assert client.source([sandbox.scopes["plain"]], extra_claims={"example": [1]}).key == key


@pytest.mark.parametrize("claims", [{"iss": "x"}, {"jti": "x"}, {"n": float("nan")}, {"n": 2**70}, {"__proto__": b""}])
def test_claims_that_cannot_be_are_refused(client: Client, claims: dict[str, Any]) -> None:
    try:
        source = client.source("a:b", extra_claims=claims)
    except maskinporten.ConfigurationError:
        return
    assert claims == {"n": 2**70}, "JSON has numbers of any size"
    assert source.key


def test_tokens_are_not_pickled_and_copies_are_the_token_itself(client: Client, sandbox: Sandbox) -> None:
    token = client.source(sandbox.scopes["plain"]).token()
    assert copy.copy(token) is copy.deepcopy(token) is token
    with pytest.raises(TypeError, match="cannot be copied or pickled"):
        pickle.dumps(token)


def test_closing_twice_and_using_afterwards(sandbox: Sandbox) -> None:
    client = sandbox.client()
    source = client.source(sandbox.scopes["plain"])
    client.close()
    client.close()
    with client:
        pass
    for call in (source.token, client.status, lambda: client.rotate(sandbox.key()), lambda: client.source("a:b")):
        with pytest.raises(maskinporten.ClosedError):
            call()


def test_what_is_freed_leaves_no_handles(sandbox: Sandbox) -> None:
    gc.collect()
    before = engine().live_handles()
    client = sandbox.client()
    for _ in range(50):
        client.source(sandbox.scopes["plain"]).token()
    client.close()
    del client
    gc.collect()
    until(lambda: engine().live_handles() == before)


def test_64_threads_and_a_close_in_the_middle(sandbox: Sandbox) -> None:
    client = sandbox.client()
    source = client.source(sandbox.scopes["plain"])
    source.token()
    outcomes: set[str] = set()

    def use() -> None:
        try:
            while True:
                source.token()
                time.sleep(0.001)  # or those 64 hold the thread up that closes
        except maskinporten.ClosedError as error:
            outcomes.add(error.code)

    threads = [threading.Thread(target=use) for _ in range(64)]
    for thread in threads:
        thread.start()
    client.close()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    assert outcomes == {"closed"}


PROGRAMS = {
    "use from __del__": (
        """
        class User:
            def __init__(self, source): self.source = source
            def __del__(self): print(self.source.token().token_type)
        user = User(new_client().source(s["scopes"]["plain"]))
        del user
        """,
        "Bearer",
    ),
    "use from __del__ at the end of the interpreter": (
        """
        class User:
            def __init__(self, source): self.source = source
            def __del__(self):
                try:
                    self.source.token()
                except BaseException:
                    pass
                os.write(1, b"ended")
        user = User(new_client().source(s["scopes"]["plain"]))
        user.circle = user
        """,
        "ended",
    ),
    "use from atexit": (
        """
        import atexit
        source = new_client().source(s["scopes"]["plain"])
        atexit.register(lambda: print(source.token().token_type))
        """,
        "Bearer",
    ),
    "use from a signal handler in the middle of a use": (
        """
        import signal
        source = new_client().source(s["scopes"]["plain"])
        seen = []
        signal.signal(signal.SIGALRM, lambda *_: seen.append(source.token().token_type))
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        end = time.monotonic() + 1
        while time.monotonic() < end:
            source.token()
            source.peek()
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(set(seen), len(seen) > 10)
        """,
        "{'Bearer'} True",
    ),
    "a signal handler that asks with a signer at work": (
        """
        import signal
        from hooks import CryptographySigner, private_key
        environment = Environment(s["issuer"], s["token_endpoint"], allow_loopback_http=True)
        signer = CryptographySigner(private_key(s["key_pem"]), s["kid"])
        source = Client(environment=environment, client_id=s["client_id"], signer=signer).source(s["scopes"]["other"])
        seen = []
        signal.signal(signal.SIGALRM, lambda *_: seen.append(source.token().token_type))
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        print(source.token().token_type, signer.calls)
        """,
        "Bearer 1",
    ),
    "F75, F88: the end of the interpreter with fetches at work": (
        """
        source = new_client().source(s["scopes"]["other"])
        threading.Thread(target=source.token, daemon=True).start()
        from hooks import CryptographySigner, private_key
        environment = Environment(s["issuer"], s["token_endpoint"], allow_loopback_http=True)
        signer = CryptographySigner(private_key(s["key_pem"]), s["kid"])
        hooked = Client(environment=environment, client_id=s["client_id"], signer=signer, on_event=lambda event: None)
        threading.Thread(target=hooked.source(s["scopes"]["other"]).token, daemon=True).start()
        time.sleep(0.3)
        begin = time.monotonic()
        import atexit
        atexit.register(lambda: print("ended"))
        """,
        "ended",
    ),
    "the end of the interpreter without closing anything": (
        """
        client = new_client()
        sources = [client.source(s["scopes"]["plain"]) for _ in range(10)]
        print(sources[0].token().token_type)
        """,
        "Bearer",
    ),
    "sys.exit in a task": (
        """
        source = new_client().source(s["scopes"]["other"])
        async def main():
            asyncio.create_task(source.token_async())
            await asyncio.sleep(0.2)
            print("leaving")
            sys.exit(0)
        asyncio.run(main())
        """,
        "leaving",
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(sandbox: Sandbox, name: str) -> None:
    program, expected = PROGRAMS[name]
    sandbox.set_faults({"path": "/token", "scope": sandbox.scopes["other"], "latency_ms": 1500, "times": 2})
    assert run(WITH_TESTS + BEGIN + textwrap.dedent(program), sandbox) == expected


def test_gevent_with_everything_patched(sandbox: Sandbox) -> None:
    pytest.importorskip("gevent", reason="gevent is not installed")
    program = """
    client = new_client()
    source = client.source(s["scopes"]["plain"])
    greenlets = [gevent.spawn(source.token) for _ in range(50)]
    gevent.joinall(greenlets, timeout=20)
    print(len({greenlet.value for greenlet in greenlets}))
    """
    patched = "from gevent import monkey; monkey.patch_all(); import gevent\n"
    assert run(patched + BEGIN + textwrap.dedent(program), sandbox) == "1"
    assert sandbox.count("/token") == 1


IN_ANOTHER = f"""
import sys
try:
    import ctypes
except ImportError:  # Python 3.12 has ctypes in the main interpreter only
    print("refused", flush=True)
else:
    exec({BEGIN!r} + "print(new_client().source(s['scopes']['plain']).token().token_type, flush=True)")
"""
SUB_INTERPRETERS = f"""
try:
    import _xxsubinterpreters as interpreters
except ImportError:
    import _interpreters as interpreters
new_client().source(s["scopes"]["plain"]).token()
for _ in range(2):
    other = interpreters.create()
    interpreters.run_string(other, "import sys; sys.argv = " + repr(sys.argv) + {IN_ANOTHER!r})
    interpreters.destroy(other)
print(new_client().source(s["scopes"]["plain"]).token().token_type)
"""


def test_f88_sub_interpreters_work_beside_the_main_one_or_have_no_ctypes(sandbox: Sandbox) -> None:
    others = "refused" if sys.version_info[:2] == (3, 12) else "Bearer"
    assert run(BEGIN + SUB_INTERPRETERS, sandbox).split() == [others, others, "Bearer"]


def test_ctrl_c_ends_a_wait_for_a_signer(sandbox: Sandbox) -> None:
    program = """
    class Slow:
        alg, kid = "RS256", "k"
        def sign(self, signing_input):
            print("signing", flush=True)
            time.sleep(60)
    environment = Environment(s["issuer"], s["token_endpoint"], allow_loopback_http=True)
    source = Client(environment=environment, client_id=s["client_id"], signer=Slow()).source(s["scopes"]["plain"])
    try:
        source.token()
    except KeyboardInterrupt:
        print("interrupted")
    """
    with start(BEGIN + textwrap.dedent(program), sandbox) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "signing\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=5)
    assert (out.strip(), err, process.returncode) == ("interrupted", "", 0)
