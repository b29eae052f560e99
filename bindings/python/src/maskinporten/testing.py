"""A strict Maskinporten on this machine, for tests.

    with Sandbox() as sandbox:
        source = sandbox.client().source(sandbox.scopes["plain"])
        source.token()
        assert sandbox.count("/token") == 1

pytest has it as the fixture `maskinporten_sandbox`. It runs the command
`maskinporten sandbox`, which comes with this package. It listens on a loopback
address, makes new keys each time, and refuses what Maskinporten refuses, with
the same errors.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._client import Client
from ._key import Key
from ._settings import Environment

if TYPE_CHECKING:
    from types import TracebackType

_START_LIMIT_S = 30.0
_CONTROL_LIMIT_S = 10.0


class Sandbox:
    """Runs from `with` or start() until the end of `with`, close(), or the end of this process.

    command: the program, if it is not the one that is installed with this
    package; the environment variable MASKINPORTEN_COMMAND does the same.
    """

    def __init__(self, command: str | os.PathLike[str] | None = None) -> None:
        self._command = os.fspath(command) if command is not None else _installed_command()
        self._exit = contextlib.ExitStack()
        #: Everything about it, as in settings.json: endpoints, client ids, paths of keys, scopes.
        self.settings: dict[str, Any] = {}
        #: Where settings.json is, for programs that are given its path.
        self.settings_path = Path()

    def start(self) -> Sandbox:
        """Start it, and return when it listens."""
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="maskinporten-sandbox-"))
            said = stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace"))
            process = subprocess.Popen(
                [self._command, "sandbox", "--until-stdin-closes", "--out", folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )
            stack.enter_context(process)  # closes its stdin, which ends it, and waits
            limit = threading.Timer(_START_LIMIT_S, process.kill)
            limit.daemon = True
            limit.start()
            ready = any(line.startswith("ready ") for line in process.stdout or ())
            limit.cancel()
            if not ready:
                said.seek(0)
                raise RuntimeError(f"the sandbox did not start (exit code {process.wait()}): {said.read().strip()}")
            self.settings_path = Path(folder, "settings.json")
            self.settings = json.loads(self.settings_path.read_text("utf-8"))
            self._exit = stack.pop_all()
        return self

    def close(self) -> None:
        """Stop it and remove its files. Closing twice is fine."""
        self._exit.close()

    @property
    def environment(self) -> Environment:
        """Where it listens."""
        given = self.settings
        return Environment(
            issuer=given["issuer"],
            token_endpoint=given["token_endpoint"],
            metadata_url=given["metadata_url"],
            customs_token_endpoint=given["customs_token_endpoint"],
            customs_test_auth=given["customs_test_auth"],
            allow_loopback_http=True,
        )

    @property
    def environ(self) -> dict[str, str]:
        """The variables that NAIS would give its client, for Client.from_env and for programs under test."""
        given = self.settings
        return {
            "MASKINPORTEN_CLIENT_ID": given["client_id"],
            "MASKINPORTEN_CLIENT_JWK": Path(given["key_jwk"]).read_text("utf-8"),
            "MASKINPORTEN_ISSUER": given["issuer"],
            "MASKINPORTEN_TOKEN_ENDPOINT": given["token_endpoint"],
            "MASKINPORTEN_WELL_KNOWN_URL": given["metadata_url"],
            "MASKINPORTEN_CUSTOMS_TOKEN_ENDPOINT": given["customs_token_endpoint"],
            "MASKINPORTEN_ALLOW_LOOPBACK_HTTP": "true",
        }

    @property
    def scopes(self) -> dict[str, Any]:
        """The scopes of its clients, by what they are for: "plain", "customs", "delegated" and so on."""
        scopes: dict[str, Any] = self.settings["scopes"]
        return scopes

    def key(self) -> Key:
        """The key that is registered on its client."""
        return Key.pem(self.settings["key_pem"], kid=self.settings["kid"])

    def client(self, **settings: Any) -> Client:
        """Make a client that it knows. settings: what else Client() takes, such as signer= in place of its key."""
        if "signer" not in settings:
            settings.setdefault("key", self.key())
        return Client(environment=self.environment, client_id=self.settings["client_id"], **settings)

    def journal(self) -> list[dict[str, Any]]:
        """List the requests it got, oldest first, with what it answered; never with a secret."""
        requests: list[dict[str, Any]] = self._control("GET", "journal")["requests"]
        return requests

    def count(self, path: str) -> int:
        """Count the requests it got at a path, such as "/token"."""
        return int(self._control("GET", "journal")["counts"].get(path, 0))

    def reset(self) -> None:
        """Forget the requests, and end all faults and the clock's offset."""
        self.set_faults()
        self.set_clock_offset(0)
        self.reset_journal()

    def reset_journal(self) -> None:
        """Forget the requests."""
        self._control("DELETE", "journal")

    def set_faults(self, *faults: dict[str, Any]) -> None:
        """Replace all faults with these, such as {"path": "/token", "latency_ms": 2000, "times": 1}."""
        self._control("PUT", "faults", list(faults))

    def set_clock_offset(self, seconds: int) -> None:
        """Let its clock differ from ours; a positive number puts it ahead."""
        self._control("PUT", "clock", {"offset_seconds": seconds})

    def _control(self, method: str, what: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.settings['control']}/{what}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        # It is on this machine, so no proxy.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=_CONTROL_LIMIT_S) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _installed_command() -> str:
    name = "maskinporten.exe" if sys.platform == "win32" else "maskinporten"
    beside = Path(sysconfig.get_path("scripts"), name)
    found = os.environ.get("MASKINPORTEN_COMMAND") or (str(beside) if beside.exists() else shutil.which(name))
    if found:
        return found
    raise FileNotFoundError(f"the command {name} is not installed: install the wheel, or set MASKINPORTEN_COMMAND")
