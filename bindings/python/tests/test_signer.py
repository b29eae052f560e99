"""Signing in place of the library: for one fetch, for many callers, and when it goes wrong."""

from __future__ import annotations

import asyncio
import base64
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

import maskinporten
from helpers import until
from hooks import AsyncCryptographySigner, CallableSigner, CryptographySigner, private_key, signer_of
from maskinporten import AsyncSigner, Client, Customs, Key, Signer, Source
from maskinporten.testing import Sandbox


class KmsError(Exception):
    """What somebody's SDK raises."""


def failing(error: BaseException) -> Any:
    def sign(_: bytes) -> bytes:
        raise error

    return sign


def source_of(sandbox: Sandbox, signer: Any) -> Source:
    return sandbox.client(signer=signer).source(sandbox.scopes["plain"])


def test_signers_are_what_the_protocols_say(sandbox: Sandbox) -> None:
    assert isinstance(signer_of(sandbox), Signer)
    assert isinstance(AsyncCryptographySigner(private_key(sandbox.settings["key_pem"]), "k"), AsyncSigner)


def test_a_signer_signs_once_for_a_token_that_is_kept(sandbox: Sandbox) -> None:
    signer = signer_of(sandbox)
    with sandbox.client(signer=signer) as client:
        source = client.source(sandbox.scopes["plain"])
        token = source.token()
        assert source.token() is source.peek() is token
        assert client.source([sandbox.scopes["plain"]]).token() == token
    assert signer.calls == sandbox.count("/token") == 1
    assert sandbox.journal()[0]["kid"] == sandbox.settings["kid"]


def test_a_certificate_stands_for_the_key(sandbox: Sandbox) -> None:
    settings = sandbox.settings
    content = Path(settings["certificate_p12"]).read_bytes()
    key, leaf, others = pkcs12.load_key_and_certificates(content, settings["certificate_password"].encode())
    assert leaf is not None
    signer: Any = CryptographySigner(key, "")  # type: ignore[arg-type]
    signer.kid = None
    signer.x5c = [certificate.public_bytes(Encoding.DER) for certificate in (leaf, *others)]
    client = Client(environment=sandbox.environment, client_id=settings["certificate_client_id"], signer=signer)
    with client:
        assert client.source(sandbox.scopes["plain"]).token().token_type == "Bearer"
        assert client.status().keys[0].kid is None
        assert client.status().keys[0].thumbprint
    assert [entry["certificates"] for entry in sandbox.journal()] == [3]


def test_the_exchange_follows(sandbox: Sandbox) -> None:
    with sandbox.client(signer=signer_of(sandbox)) as client:
        assert client.source(sandbox.scopes["customs"], exchange=Customs()).token().token_type == "Bearer"
    assert sandbox.count("/token") == 1


def test_200_threads_and_tasks_share_one_signature(sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "latency_ms": 300, "times": 1})
    signer = signer_of(sandbox)
    source = source_of(sandbox, signer)

    async def many() -> list[Any]:
        return await asyncio.gather(*(source.token_async() for _ in range(100)))

    with ThreadPoolExecutor(100) as pool:
        waiting = [pool.submit(source.token) for _ in range(100)]
        tokens = {*asyncio.run(many()), *(asked.result() for asked in waiting)}
    assert len({token.access_token for token in tokens}) == 1
    assert signer.calls == sandbox.count("/token") == 1


def test_an_async_signer_signs_on_the_loop_of_the_caller(sandbox: Sandbox) -> None:
    signer = AsyncCryptographySigner(private_key(sandbox.settings["key_pem"]), sandbox.settings["kid"])
    source = source_of(sandbox, signer)

    async def main() -> list[Any]:
        tokens = await asyncio.gather(*(source.token_async() for _ in range(100)))
        assert signer.loops == {asyncio.get_running_loop()}
        return tokens

    assert len({token.access_token for token in asyncio.run(main())}) == 1
    assert sandbox.count("/token") == 1
    assert source.token() is asyncio.run(source.token_async()), "what is cached needs no loop"


def test_an_async_signer_needs_token_async(sandbox: Sandbox) -> None:
    signer = AsyncCryptographySigner(private_key(sandbox.settings["key_pem"]), sandbox.settings["kid"])
    with pytest.raises(maskinporten.ConfigurationError, match=r"await source\.token_async\(\)"):
        source_of(sandbox, signer).token()
    assert sandbox.count("/token") == 0


@pytest.mark.parametrize("error", [KmsError("no such key"), PermissionError(13, "denied"), KeyboardInterrupt()])
def test_what_a_signer_raises_arrives_as_itself(sandbox: Sandbox, error: BaseException) -> None:
    source = source_of(sandbox, CallableSigner(failing(error)))
    for _ in range(2):  # the second answer comes from the memory of the first
        with pytest.raises(type(error)) as caught:
            source.token()
        assert caught.value is error
    with pytest.raises(type(error)):
        asyncio.run(source.token_async())
    assert sandbox.count("/token") == 0


def test_what_an_async_signer_raises_arrives_as_itself(sandbox: Sandbox) -> None:
    async def sign(_: bytes) -> bytes:
        raise KmsError("no such key")

    source = source_of(sandbox, CallableSigner(sign))

    async def main() -> list[Any]:
        return await asyncio.gather(*(source.token_async() for _ in range(20)), return_exceptions=True)

    assert {type(error) for error in asyncio.run(main())} == {KmsError}


@pytest.mark.parametrize(
    ("error", "calls"), [(ConnectionResetError("busy"), 2), (TimeoutError("slow"), 2), (KmsError("denied"), 1)]
)
def test_what_may_pass_is_tried_once_more(sandbox: Sandbox, error: Exception, calls: int) -> None:
    seen: list[bytes] = []

    def sign(signing_input: bytes) -> bytes:
        seen.append(signing_input)
        raise error

    with pytest.raises(type(error)):
        source_of(sandbox, CallableSigner(sign)).token()
    assert len(set(seen)) == len(seen) == calls, "each with a grant of its own"


def test_a_signer_that_recovers_is_not_held_against_anybody(sandbox: Sandbox) -> None:
    real = signer_of(sandbox)
    errors = [ConnectionError("once")]

    def sign(signing_input: bytes) -> bytes:
        if errors:
            raise errors.pop()
        return real.sign(signing_input)

    assert source_of(sandbox, CallableSigner(sign, real.kid)).token().token_type == "Bearer"


@pytest.mark.parametrize("answer", [None, "text", 7, base64.b64encode(bytes(256)).decode()])
def test_what_is_no_bytes_is_a_type_error(sandbox: Sandbox, answer: Any) -> None:
    with pytest.raises(TypeError, match=f"the signer returned {type(answer).__name__}, not bytes"):
        source_of(sandbox, CallableSigner(lambda _: answer)).token()


@pytest.mark.parametrize("size", [0, 1, 255, 257])
def test_a_signature_of_the_wrong_length_is_refused_here(sandbox: Sandbox, size: int) -> None:
    signer: Any = CallableSigner(lambda _: bytes(size))
    signer.signature_size = 256
    with pytest.raises(maskinporten.MaskinportenError) as caught:
        source_of(sandbox, signer).token()
    assert caught.value.code == "invalid_signature"
    assert sandbox.count("/token") == 0


def test_bytes_of_every_kind_are_bytes(sandbox: Sandbox) -> None:
    real = signer_of(sandbox)
    for kind in (bytearray, memoryview):
        signer = CallableSigner(lambda signing_input, kind=kind: kind(real.sign(signing_input)), real.kid)  # type: ignore[misc]
        assert source_of(sandbox, signer).token().token_type == "Bearer"


def test_a_signature_of_another_key_is_maskinportens_no(sandbox: Sandbox) -> None:
    other = maskinporten.generate_key()
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key: Any = load_pem_private_key(other.pem.encode(), None)
    with pytest.raises(maskinporten.RequestRejected) as caught:
        source_of(sandbox, CryptographySigner(key, sandbox.settings["kid"])).token()
    assert caught.value.code == "signature_rejected"


def test_f53_a_signer_that_hangs_ends_after_its_time(sandbox: Sandbox) -> None:
    released = threading.Event()
    source = source_of(sandbox, CallableSigner(lambda _: released.wait() and b""))
    start = time.monotonic()
    with pytest.raises(TimeoutError, match="took longer than 5 s"):
        source.token(timeout=20)
    assert 9 < time.monotonic() - start < 15, "twice five seconds"
    released.set()


def test_f54_a_signer_that_asks_for_the_same_token_is_told_so(sandbox: Sandbox) -> None:
    seen: list[maskinporten.MaskinportenError] = []

    def sign(_: bytes) -> bytes:
        start = time.monotonic()
        with pytest.raises(maskinporten.MaskinportenError) as caught:
            source.token()
        assert time.monotonic() - start < 1
        seen.append(caught.value)
        raise KmsError

    source = source_of(sandbox, CallableSigner(sign))
    with pytest.raises(KmsError):
        source.token()
    assert [(error.code, error.number) for error in seen] == [("reentrant", 1021)]


def test_a_signer_may_ask_for_another_token(sandbox: Sandbox) -> None:
    real = signer_of(sandbox)
    with sandbox.client() as other:
        outer = other.source(sandbox.scopes["other"])

        def sign(signing_input: bytes) -> bytes:
            outer.token()
            return real.sign(signing_input)

        assert source_of(sandbox, CallableSigner(sign, real.kid)).token().token_type == "Bearer"


def test_a_key_that_maskinporten_does_not_know_falls_back_to_the_next(sandbox: Sandbox) -> None:
    stranger = CallableSigner(lambda _: bytes(256), "retired")
    real = signer_of(sandbox)
    with sandbox.client(signer=stranger, next_keys=[real]) as client:
        client.source(sandbox.scopes["plain"]).token()
        assert [key.active for key in client.status().keys] == [False, True]
    with sandbox.client(key=Key.pem(maskinporten.generate_key().pem, kid="retired"), next_keys=[real]) as client:
        client.source(sandbox.scopes["plain"]).token()
    assert real.calls == 2


@pytest.mark.parametrize("hooked", [False, True])
def test_after_a_rotation_no_token_of_the_old_key_comes(sandbox: Sandbox, hooked: bool) -> None:
    real = signer_of(sandbox)
    settings: dict[str, Any] = {"signer": real} if hooked else {}
    with sandbox.client(**settings) as client:
        source = client.source(sandbox.scopes["plain"])
        first, key = source.token(), source.key
        client.rotate(sandbox.key() if not hooked else CryptographySigner(real._key, real.kid))
        assert source.key == key, "it is the same kid"
        client.rotate(Key.pem(maskinporten.generate_key().pem, kid="unregistered"))
        assert source.key != key
        with pytest.raises(maskinporten.RequestRejected, match="kid"):
            source.token()
        client.rotate(sandbox.key())
        assert source.token().access_token != first.access_token


def test_rotating_to_a_key_that_is_wrong_leaves_the_old_one(client: Client, sandbox: Sandbox) -> None:
    source = client.source(sandbox.scopes["plain"])
    token = source.token()
    with pytest.raises(maskinporten.ConfigurationError):
        client.rotate(Key.pem("-----BEGIN NOTHING-----", kid="k"))
    assert source.token() is token


def test_a_client_with_a_key_can_go_over_to_a_signer_and_back(client: Client, sandbox: Sandbox) -> None:
    source = client.source(sandbox.scopes["plain"])
    source.token()
    signer = signer_of(sandbox)
    signer.kid = "unregistered"
    client.rotate(signer)
    with pytest.raises(maskinporten.RequestRejected, match="kid"):
        source.token()
    client.rotate(signer_of(sandbox))
    source.token()
    client.rotate(sandbox.key())
    source.token()
    assert signer.calls == 1


def test_who_waits_when_the_key_becomes_a_signer_gets_its_token(client: Client, sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "latency_ms": 700, "times": 1})
    source = client.source(sandbox.scopes["plain"])
    signer = signer_of(sandbox)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(source.token)
        until(lambda: sandbox.count("/token") == 1)
        client.rotate(signer)
        assert waiting.result(timeout=10).token_type == "Bearer"
    assert signer.calls == 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"signer": object()}, "it is object"),
        ({"signer": CallableSigner(len, "")}, "neither kid nor x5c"),
        ({"signer": CallableSigner(len), "key": Key.jwk("{}")}, "both key and signer"),
        ({"signer": CallableSigner(len), "next_keys": ["k"]}, r"next_keys\[0\]: it is str"),
    ],
)
def test_what_cannot_sign_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(maskinporten.ConfigurationError, match=says):
        Client(environment="test", client_id="c", **given)


def test_closing_releases_those_who_wait_for_a_signature(sandbox: Sandbox) -> None:
    entered, released = threading.Event(), threading.Event()

    def sign(_: bytes) -> bytes:
        entered.set()
        released.wait()
        return b""

    client = sandbox.client(signer=CallableSigner(sign))
    source = client.source(sandbox.scopes["plain"])
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(source.token)
        assert entered.wait(10)
        client.close()
        with pytest.raises(maskinporten.ClosedError):
            waiting.result(timeout=2)
    released.set()


def test_a_due_token_is_renewed_in_the_background_by_a_signer(sandbox: Sandbox) -> None:
    sandbox.set_faults({"path": "/token", "expires_in": 4, "times": 1})
    real = signer_of(sandbox)
    gate = threading.Event()

    def sign(signing_input: bytes) -> bytes:
        if real.calls:
            gate.wait(5)
        return real.sign(signing_input)

    source = source_of(sandbox, CallableSigner(sign, real.kid))
    first = source.token()
    time.sleep(2.0)
    assert source.token() is first, "nobody waits for the renewal"
    gate.set()
    end = time.monotonic() + 10
    while source.token() is first:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert real.calls == sandbox.count("/token") == 2
