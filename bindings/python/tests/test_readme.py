"""Runs the README's examples and the whole job, against the sandbox."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

import maskinporten
from helpers import Api, missing_tool, until
from hooks import private_key
from maskinporten import Client
from maskinporten.testing import Sandbox
from redis_store import redis_server

PACKAGE = Path(__file__).parent.parent


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text("utf-8"), re.DOTALL)


def shown(sandbox: Sandbox, api: Api) -> dict[str, str]:
    """What a reader would put in for what is only an example there."""
    settings, scopes = sandbox.settings, sandbox.scopes
    return {
        'environment="test"': "environment=sandbox_environment",
        "b1a5e1d2-...": settings["client_id"],
        "key.pem": settings["key_pem"],
        "my-key": settings["kid"],
        "skatteetaten:innrapporteringboligsameie": scopes["plain"],
        "https://api.example.no": api.url,
        "example:delegated": scopes["delegated"],
        "910753614": settings["customer_organization"],
        "example:system": scopes["system_user"],
        "310702641": settings["system_user"]["org"],
        "accounting": settings["system_user"]["external_ref"],
        "example:consent": scopes["consent"],
        "7b5a...": settings["consent"]["id"],
        "urn:altinn:person:identifier-no:12345678901": settings["consent"]["from"],
        "toll:movement/road/v2": scopes["customs"],
        "altinn:instances.read": scopes["plain"],
        'Altinn("tt02")': f"Altinn(endpoint={settings['altinn_exchange']!r})",
        '"00..."': repr("07" * 32),
        "redis.Redis()": "redis.Redis(port=redis_port)",
    }


@pytest.fixture
def readme(
    sandbox: Sandbox, api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[dict[str, Any]]:
    """Run all examples, one after the other, and return what they made."""
    missing_tool("redis-server")
    for name, value in sandbox.environ.items():
        monkeypatch.setenv(name, value)
    fake_clouds(monkeypatch)
    text = "\n".join(blocks())
    for example, value in shown(sandbox, api).items():
        assert example in text, example
        text = text.replace(example, value)
    with redis_server() as port:
        module = ModuleType("readme")
        monkeypatch.setitem(sys.modules, "readme", module)
        names = module.__dict__
        names.update(sandbox_environment=sandbox.environment, redis_port=port)
        exec(compile(text, "README.md", "exec", dont_inherit=True), names)
        names["said"] = capsys.readouterr().out
        yield names


def fake_clouds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the one method that signs in the place of the two SDKs, which need a cloud. The key is real."""

    class Vault:
        def __init__(self, key: rsa.RSAPrivateKey) -> None:
            self.key = key

        def sign(self, algorithm: str, digest: bytes) -> SimpleNamespace:
            assert algorithm == "RS256"
            return SimpleNamespace(signature=self.key.sign(digest, padding.PKCS1v15(), Prehashed(SHA256())))

    class Kms:
        def __init__(self, key: rsa.RSAPrivateKey) -> None:
            self.key = key

        def asymmetric_sign(self, *, request: dict[str, Any]) -> SimpleNamespace:
            assert request["name"].startswith("projects/")
            digest = request["digest"]["sha256"]
            return SimpleNamespace(signature=self.key.sign(digest, padding.PKCS1v15(), Prehashed(SHA256())))

    azure = ModuleType("azure.keyvault.keys.crypto")
    azure.__dict__.update(CryptographyClient=Vault, SignatureAlgorithm=SimpleNamespace(rs256="RS256"))
    google = ModuleType("google.cloud")
    google.__dict__["kms"] = SimpleNamespace(KeyManagementServiceClient=Kms)
    for name in ("azure", "azure.keyvault", "azure.keyvault.keys", "google"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, azure.__name__, azure)
    monkeypatch.setitem(sys.modules, google.__name__, google)


def test_the_examples_of_the_readme_run(readme: dict[str, Any], sandbox: Sandbox, api: Api) -> None:
    assert readme["answer"].status_code == 200
    assert asyncio.run(readme["things"]()).status_code == 200
    assert api.headers() == [readme["client"].source(sandbox.scopes["plain"]).token().header] * 2
    for name in ("delegated", "system_user", "consented", "customs", "altinn"):
        assert readme[name].token().token_type == "Bearer", name
    assert "MP-200" in readme["said"], "the README shows the failing case"
    assert readme["report"].claims["scope"] == "a:b"


def test_the_readmes_fastapi_and_django(readme: dict[str, Any], sandbox: Sandbox, api: Api) -> None:
    async def visit() -> Any:
        app = readme["app"]
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://a") as visitor,
        ):
            return (await visitor.get("/things")).json()

    assert asyncio.run(visit()) == 200

    import django.conf
    from django.test import RequestFactory

    if not django.conf.settings.configured:
        django.conf.settings.configure()
    assert readme["things_view"](RequestFactory().get("/")).content == b'{"status": 200}'
    assert all(header.startswith("Bearer ") for header in api.headers())
    assert sandbox.count("/token") >= 2


def test_the_readmes_signers(readme: dict[str, Any], sandbox: Sandbox) -> None:
    key, kid = private_key(sandbox.settings["key_pem"]), sandbox.settings["kid"]
    vault = sys.modules["azure.keyvault.keys.crypto"].CryptographyClient(key)
    kms = sys.modules["google.cloud"].kms.KeyManagementServiceClient(key)
    for signer in (readme["KeyVaultSigner"](vault, kid), readme["CloudKmsSigner"](kms, "projects/p/1", kid)):
        assert isinstance(signer, maskinporten.Signer)
        assert sandbox.client(signer=signer).source(sandbox.scopes["plain"]).token().token_type == "Bearer"


def test_the_readmes_pkcs11_signer_is_the_one_that_is_tested() -> None:
    (shown_here,) = (block for block in blocks() if "Pkcs11Signer" in block)
    (body,) = re.findall(r"class Pkcs11Signer:.*", shown_here, re.DOTALL)
    from test_pkcs11 import Pkcs11Signer

    assert inspect.getsource(Pkcs11Signer).replace("  # type: ignore", "").split() == body.split()


def test_the_readmes_store(readme: dict[str, Any], sandbox: Sandbox) -> None:
    first = readme["sharing"].source(sandbox.scopes["other"]).token()
    with Client.from_env(store=readme["sharing"]._store, store_key=readme["store_key"]) as second:
        assert second.source(sandbox.scopes["other"]).token().access_token == first.access_token


def test_the_readmes_events(readme: dict[str, Any], sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    readme["logged"].source(sandbox.scopes["plain"]).token()
    until(lambda: "acquisition_ended" in caplog.text)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        readme["counted"].source(sandbox.scopes["plain"]).token()
        until(lambda: "acquisition_ended" in said.getvalue())


def test_the_readmes_test_runs_with_the_plugin(tmp_path: Path) -> None:
    (example,) = (block for block in blocks() if "maskinporten_sandbox" in block)
    imports = "from maskinporten import Client\nfrom maskinporten.testing import Sandbox\n\n"
    (tmp_path / "test_things.py").write_text(imports + example)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_main_job(sandbox: Sandbox) -> None:
    program = [sys.executable, str(PACKAGE / "examples" / "main_job.py"), str(sandbox.settings_path)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert 0 < result.pop("expires_in_s") <= 970
    assert result == {"grant": True, "token": True, "customs": True, "test_auth": 200}


def test_the_main_job_says_what_was_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({**sandbox.settings, "kid": "another"}))
    program = [sys.executable, str(PACKAGE / "examples" / "main_job.py"), str(settings)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Register this kid" in done.stderr
    assert json.loads(done.stdout)["grant"] is False


def test_the_versions_agree() -> None:
    from importlib.metadata import version

    from maskinporten._engine import engine

    assert maskinporten.__version__ == version("maskinporten")
    assert engine().version() in (maskinporten.__version__, None), "the module for WebAssembly does not say it"
