"""The installed package in every other CPython that this machine has."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import maskinporten
from maskinporten.testing import Sandbox
from test_process import BEGIN

VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.13t", "3.14", "3.14t")
PACKAGE = Path(maskinporten.__file__).parent

PROGRAM = (
    BEGIN
    + """
seen = []
client = new_client()
source = client.source(s["scopes"]["plain"])
tokens = {source.token() for _ in range(3)}
threads = [threading.Thread(target=lambda: seen.append(source.token())) for _ in range(20)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
async def tasks():
    return await asyncio.gather(*(source.token_async() for _ in range(20)))
tokens |= set(asyncio.run(tasks())) | set(seen)

class Store:
    entries = {}
    def load(self, key): return self.entries.get(key)
    def save(self, key, entry, life): self.entries[key] = entry
environment = Environment(s["issuer"], s["token_endpoint"], allow_loopback_http=True)
events = []
sharing = Client(environment=environment, client_id=s["client_id"], key=Key.pem(s["key_pem"], kid=s["kid"]),
                 store=Store(), store_key=bytes(32), on_event=events.append)
sharing.source(s["scopes"]["plain"]).token()
class Denied(Exception): pass
class Signer:
    alg, kid = "RS256", "k"
    def sign(self, signing_input): raise Denied
try:
    Client(environment=environment, client_id="c", signer=Signer()).source("a:b").token()
except Denied:
    seen.append("denied")
sharing.close()
child = os.fork()
if child == 0:
    try:
        source.token()
    except ForkedError:
        os._exit(7)
    os._exit(1)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(len(tokens), len(Store.entries), seen[-1], status, maskinporten.diagnose(
    environment="test", client_id="c", key=Key.pem(s["key_pem"], kid="k"), scopes="a:b").ok)
"""
)


def find(version: str) -> str | None:
    """Return an interpreter of that version: on the path, or among those of pyenv."""
    folders = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions").glob(f"{version.rstrip('t')}*")
    candidates = [shutil.which(f"python{version}"), *(str(folder / "bin" / "python") for folder in sorted(folders))]
    return next((found for found in candidates if found is not None and says(found) == version), None)


def says(interpreter: str) -> str:
    code = (
        "import sys, sysconfig; free = sysconfig.get_config_var('Py_GIL_DISABLED')\n"
        "print('.'.join(map(str, sys.version_info[:2])) + ('t' if free else ''))"
    )
    done = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


@pytest.mark.parametrize("version", VERSIONS)
def test_it_works_in(version: str, sandbox: Sandbox, tmp_path: Path) -> None:
    interpreter = find(version)
    if interpreter is None:
        pytest.skip(f"there is no CPython {version} on this machine")
    # The package alone, not the other packages beside it, which are for one version.
    shutil.copytree(PACKAGE, tmp_path / "maskinporten", ignore=shutil.ignore_patterns("__pycache__"))
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + PROGRAM
    done = subprocess.run(
        [interpreter, "-I", "-W", "ignore::DeprecationWarning", "-c", program, str(sandbox.settings_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("1 1 denied 7 True", "")


def test_the_source_is_of_the_oldest_version() -> None:
    for path in PACKAGE.glob("*.py"):
        ast.parse(path.read_text("utf-8"), feature_version=(3, 10))
    assert sys.version_info >= (3, 10)
