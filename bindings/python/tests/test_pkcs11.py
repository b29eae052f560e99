"""A key that never leaves its token: SoftHSM2 through python-pkcs11, as the README shows it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from pkcs11 import KeyType, Mechanism, ObjectClass, Session
from pkcs11.exceptions import PKCS11Error

from helpers import missing_tool
from hooks import signer_of
from maskinporten.testing import Sandbox

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")


@pytest.fixture
def token(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return an open session of a token that holds the client's key, not to be read out again."""
    missing_tool("softhsm2-util")
    module = next((path for path in MODULES if Path(path).exists()), None)
    assert module is not None, "SoftHSM2 is installed without its library"
    (tmp_path / "tokens").mkdir()
    config = tmp_path / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {tmp_path / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(config))
    softhsm("--init-token", "--free", "--label", "maskinporten", "--pin", "1234", "--so-pin", "5678")
    softhsm(
        "--import",
        sandbox.settings["key_pem"],
        "--token",
        "maskinporten",
        "--label",
        "key",
        "--id",
        "01",
        "--pin",
        "1234",
    )
    library = pkcs11.lib(module)
    library.reinitialize()
    session = library.get_token(token_label="maskinporten").open(user_pin="1234")
    yield session
    with contextlib.suppress(PKCS11Error):  # a test may have closed it
        session.close()


def softhsm(*arguments: str) -> None:
    subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True, timeout=60)


class Pkcs11Signer:
    alg = "RS256"

    def __init__(self, session: Session, label: str, kid: str) -> None:
        self.key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, key_type=KeyType.RSA, label=label)
        self.kid = kid

    def sign(self, signing_input: bytes) -> bytes:
        return self.key.sign(signing_input, mechanism=Mechanism.SHA256_RSA_PKCS)  # type: ignore


def test_a_key_in_softhsm2_gets_a_token(sandbox: Sandbox, token: Any) -> None:
    signer = Pkcs11Signer(token, "key", sandbox.settings["kid"])
    with sandbox.client(signer=signer) as client:
        assert client.source(sandbox.scopes["plain"]).token().token_type == "Bearer"
        assert client.source(sandbox.scopes["other"]).token().token_type == "Bearer"
    assert {entry["kid"] for entry in sandbox.journal()} == {sandbox.settings["kid"]}


def test_the_signature_is_that_of_cryptography(sandbox: Sandbox, token: Any) -> None:
    ours, theirs = Pkcs11Signer(token, "key", "k"), signer_of(sandbox)
    assert ours.sign(b"header.claims") == theirs.sign(b"header.claims")


def test_a_token_that_was_taken_away_is_the_hsms_own_error(sandbox: Sandbox, token: Any) -> None:
    signer = Pkcs11Signer(token, "key", sandbox.settings["kid"])
    with sandbox.client(signer=signer) as client:
        token.close()
        with pytest.raises(PKCS11Error):
            client.source(sandbox.scopes["plain"]).token()
