from __future__ import annotations

import copy
import gc
import math
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import maskinporten
from helpers import until
from maskinporten import Client, Customs, Key, SystemUser
from maskinporten._engine import engine
from maskinporten.testing import Sandbox


def test_a_token_is_fetched_once_and_kept(client: Client, sandbox: Sandbox) -> None:
    source = client.source(sandbox.scopes["plain"])
    assert source.peek() is None
    token = source.token()
    assert token.token_type == "Bearer"
    assert token.scope == sandbox.scopes["plain"]
    assert token.requested_at < token.usable_until < token.expires_at
    assert source.token() is source.peek() is token
    assert client.source([sandbox.scopes["plain"]]).token() == token
    assert sandbox.count("/token") == 1


def test_the_key_says_which_sources_share_a_token(client: Client, sandbox: Sandbox) -> None:
    one, two = sandbox.scopes["plain"], sandbox.scopes["other"]
    keys = {client.source(scopes).key for scopes in ([one, two], [two, one], [one, two, one])}
    assert len(keys) == 1
    assert client.source(one).key not in keys
    assert client.source(one, resource="https://api.example.no").key != client.source(one).key


def test_the_main_job_with_customs(client: Client, sandbox: Sandbox) -> None:
    scope = sandbox.scopes["customs"]
    first, second = client.source(scope).token(), client.source(scope, exchange=Customs()).token()
    assert first.access_token != second.access_token
    assert sandbox.count("/token") == 1, "the exchange takes the token that is in the cache"


def test_delegation_and_system_user_are_accepted(client: Client, sandbox: Sandbox) -> None:
    settings = sandbox.settings
    client.source(sandbox.scopes["delegated"], consumer_org=settings["customer_organization"]).token()
    user = SystemUser(settings["system_user"]["org"], settings["system_user"]["external_ref"])
    client.source(sandbox.scopes["system_user"], system_user=user).token()
    assert [entry["status"] for entry in sandbox.journal()] == [200, 200]


def test_a_certificate_is_accepted_where_nothing_is_registered(sandbox: Sandbox) -> None:
    settings = sandbox.settings
    key = Key.pkcs12(settings["certificate_p12"], password=settings["certificate_password"])
    with Client(environment=sandbox.environment, client_id=settings["certificate_client_id"], key=key) as client:
        client.source(sandbox.scopes["plain"]).token()
    assert [entry["certificates"] for entry in sandbox.journal()] == [3]


def test_200_threads_that_want_one_token_make_one_request(client: Client, sandbox: Sandbox) -> None:
    source = client.source(sandbox.scopes["plain"])
    start = threading.Barrier(200)

    def ask() -> str:
        start.wait()
        return source.token().access_token

    with ThreadPoolExecutor(200) as pool:
        tokens = {asked.result() for asked in [pool.submit(ask) for _ in range(200)]}
    assert len(tokens) == 1
    assert sandbox.count("/token") == 1


def test_a_cached_read_is_not_delayed_by_the_fetch_of_another_key(client: Client, sandbox: Sandbox) -> None:
    cached = client.source(sandbox.scopes["plain"])
    token = cached.token()
    sandbox.set_faults({"path": "/token", "scope": sandbox.scopes["other"], "latency_ms": 2000, "times": 1})
    events: list[str] = []

    def slow() -> None:
        client.source(sandbox.scopes["other"]).token()
        events.append("the slow fetch ended")

    thread = threading.Thread(target=slow)
    thread.start()
    until(lambda: sandbox.count("/token") == 2)
    # The interpreter lock is free too, or this thread would not run at all.
    for _ in range(1000):
        assert cached.token() is token
    events.append("1000 cached reads ended")
    thread.join()
    assert events == ["1000 cached reads ended", "the slow fetch ended"]


def test_a_due_token_is_renewed_in_the_background(client: Client, sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "expires_in": 2, "times": 1})
    source = client.source(sandbox.scopes["plain"])
    first = source.token()
    seen = [first]

    def renewed() -> bool:
        seen.append(source.token())
        return seen[-1] != first

    until(renewed)
    assert sandbox.count("/token") == 2
    assert set(seen) == {first, seen[-1]}


def test_a_timeout_ends_the_wait_and_not_the_fetch(client: Client, sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "latency_ms": 700, "times": 1})
    source = client.source(sandbox.scopes["plain"])
    with pytest.raises(maskinporten.TokenTimeout, match=r"no token within 0\.3 s") as caught:
        source.token(timeout=0.3)
    assert caught.value.retryable
    assert source.token().token_type == "Bearer"
    assert sandbox.count("/token") == 1


def test_a_timeout_of_nothing_asks_the_cache_only(client: Client, sandbox: Sandbox) -> None:
    source = client.source(sandbox.scopes["plain"])
    with pytest.raises(maskinporten.TokenTimeout):
        source.token(timeout=0)
    assert sandbox.count("/token") == 0
    token = source.token(timeout=math.inf)
    assert source.token(timeout=0) is token


@pytest.mark.parametrize("timeout", [-1, math.nan])
def test_a_timeout_that_is_none_is_refused(client: Client, sandbox: Sandbox, timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout"):
        client.source(sandbox.scopes["plain"]).token(timeout=timeout)
    assert sandbox.count("/token") == 0


def test_a_rejected_token_is_fetched_anew_and_an_older_one_is_not_mistaken_for_it(
    client: Client, sandbox: Sandbox
) -> None:
    source = client.source(sandbox.scopes["plain"])
    first = source.token()
    source.invalidate(first)
    second = source.token()
    assert second.access_token != first.access_token
    source.invalidate(first)
    assert source.token() is second
    assert sandbox.count("/token") == 2


def test_a_refusal_says_why_and_what_to_do(client: Client, sandbox: Sandbox) -> None:
    with pytest.raises(maskinporten.RequestRejected) as caught:
        client.source("example:not.registered").token()
    error = caught.value
    assert (error.code, error.mp_code, error.oauth_error) == ("scope_not_registered", "MP-200", "invalid_scope")
    assert (error.status, error.attempts, error.retryable) == (400, 1, False)
    assert error.trace_id == sandbox.journal()[0]["trace_id"]
    assert error.remedy in str(error)


def test_no_answer_is_a_transport_error(sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "kind": "close"})
    with sandbox.client() as client, pytest.raises(maskinporten.TransportError) as caught:
        client.source(sandbox.scopes["plain"]).token()
    assert caught.value.kind == "transport"
    assert caught.value.retryable
    jtis = [entry["jti"] for entry in sandbox.journal()]
    assert len(jtis) == len(set(jtis)) == caught.value.attempts > 1


def test_a_closed_client_says_so(sandbox: Sandbox) -> None:
    client = sandbox.client()
    source = client.source(sandbox.scopes["plain"])
    token = source.token()
    client.close()
    client.close()
    for call in (
        source.token,
        source.peek,
        lambda: source.invalidate(token),
        lambda: source.key,
        lambda: client.source("a:b"),
    ):
        with pytest.raises(maskinporten.ClosedError, match="the client is closed"):
            call()
    assert "closed" in repr(client)


def test_closing_releases_those_who_wait(sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "kind": "hang"})
    client = sandbox.client()
    source = client.source(sandbox.scopes["plain"])
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(source.token)
        until(lambda: sandbox.count("/token") == 1)
        client.close()
        with pytest.raises(maskinporten.ClosedError):
            waiting.result(timeout=5)


def test_handles_are_freed_with_their_objects(sandbox: Sandbox) -> None:
    client = sandbox.client()
    source = client.source(sandbox.scopes["plain"])
    client_handle, source_handle = client._handle, source._handle
    engine().source_key(source_handle)
    del source
    gc.collect()
    with pytest.raises(maskinporten.ClosedError) as caught:
        engine().source_key(source_handle)
    assert caught.value.code == "invalid_handle"
    del client
    gc.collect()
    with pytest.raises(maskinporten.ClosedError):
        engine().source_new(client_handle, maskinporten._settings.encode(scopes=["a:b"]))


def test_a_source_keeps_its_client(sandbox: Sandbox) -> None:
    source = sandbox.client().source(sandbox.scopes["plain"])
    gc.collect()
    assert source.token().token_type == "Bearer"


def test_clients_and_sources_stay_in_their_process(client: Client, sandbox: Sandbox) -> None:
    source = client.source(sandbox.scopes["plain"])
    for thing in (client, source, source.auth()):
        for copied in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="cannot be copied or pickled: it"):
                copied(thing)


def test_nothing_prints_a_secret(client: Client, sandbox: Sandbox) -> None:
    source = client.source(sandbox.scopes["plain"])
    token = source.token()
    pem = sandbox.settings_path.with_name("key.pem").read_text().splitlines()[1]
    printed = "".join(map(repr, (client, source, source.auth(), token, engine().source_peek(source._handle))))
    assert sandbox.settings["client_id"] in printed
    assert pem not in printed
    assert token.access_token not in printed
    assert token.access_token.split(".")[2] not in printed


def test_from_env_reads_the_variables_of_nais(sandbox: Sandbox) -> None:
    settings = sandbox.settings
    environ = {
        "MASKINPORTEN_CLIENT_ID": settings["client_id"],
        "MASKINPORTEN_CLIENT_JWK": sandbox.settings_path.with_name("key.jwk").read_text(),
        "MASKINPORTEN_ISSUER": settings["issuer"],
        "MASKINPORTEN_TOKEN_ENDPOINT": settings["token_endpoint"],
        "MASKINPORTEN_WELL_KNOWN_URL": settings["metadata_url"],
        "MASKINPORTEN_CUSTOMS_TOKEN_ENDPOINT": settings["customs_token_endpoint"],
        "MASKINPORTEN_ALLOW_LOOPBACK_HTTP": "true",
    }
    with Client.from_env(environ) as client:
        assert client.source(sandbox.scopes["customs"], exchange=Customs()).token().token_type == "Bearer"
    assert sandbox.journal()[0]["kid"] == settings["kid"]
    with pytest.raises(maskinporten.ConfigurationError, match="CLIENT_ID and MASKINPORTEN_ISSUER are not set"):
        Client.from_env({**environ, "MASKINPORTEN_CLIENT_ID": "", "MASKINPORTEN_ISSUER": ""})
