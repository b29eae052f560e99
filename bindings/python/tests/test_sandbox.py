"""The helper that programs use in their own tests."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import pytest

import maskinporten
from maskinporten.testing import Sandbox


def test_it_starts_and_leaves_nothing_behind() -> None:
    with Sandbox() as sandbox:
        folder = sandbox.settings_path.parent
        client = sandbox.client()
        assert client.source(sandbox.scopes["plain"]).token().token_type == "Bearer"
    sandbox.close()
    assert not folder.exists()
    with pytest.raises(maskinporten.TransportError):
        client.source(sandbox.scopes["other"]).token()


def test_two_of_them_do_not_meet(sandbox: Sandbox) -> None:
    with Sandbox() as other:
        assert other.settings["issuer"] != sandbox.settings["issuer"]
        other.client().source(other.scopes["plain"]).token()
        assert (other.count("/token"), sandbox.count("/token")) == (1, 0)


def test_its_clock_can_be_moved(sandbox: Sandbox) -> None:
    sandbox.set_clock_offset(-3600)
    with sandbox.client() as client, contextlib.suppress(maskinporten.RequestRejected):
        client.source(sandbox.scopes["plain"]).token()
    assert sandbox.journal()[0]["status"] == 400, "the first grant came from the future"


def test_its_journal_holds_no_token(sandbox: Sandbox) -> None:
    with sandbox.client() as client:
        token = client.source(sandbox.scopes["plain"]).token()
    assert sandbox.journal()[0]["client_id"] == sandbox.settings["client_id"]
    assert not any(part in str(sandbox.journal()) for part in token.access_token.split("."))
    sandbox.reset_journal()
    assert sandbox.journal() == []


def test_a_command_that_fails_is_quoted() -> None:
    with pytest.raises(RuntimeError, match=r"did not start \(exit code 2\).*sandbox"):
        Sandbox(sys.executable).start()


def test_a_command_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path))
    monkeypatch.delenv("MASKINPORTEN_COMMAND", raising=False)
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    with pytest.raises(FileNotFoundError, match="set MASKINPORTEN_COMMAND"):
        Sandbox()
