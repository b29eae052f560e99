"""Runs the README's examples and the whole job, against the sandbox."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import maskinporten
from helpers import Api
from maskinporten.testing import Sandbox

PACKAGE = Path(__file__).parent.parent


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text("utf-8"), re.DOTALL)


def test_the_examples_of_the_readme_run(sandbox: Sandbox, api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    settings, scopes = sandbox.settings, sandbox.scopes
    # What a reader would put in for what is only an example there.
    real = {
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
        "toll:movement/road/v2": scopes["customs"],
    }
    text = "\n".join(blocks())
    for example, value in real.items():
        assert example in text
        text = text.replace(example, value)
    names: dict[str, Any] = {"sandbox_environment": sandbox.environment}
    exec(compile(text, "README.md", "exec"), names)

    assert names["answer"].status_code == 200
    assert asyncio.run(names["things"]()).status_code == 200
    assert api.headers() == [names["client"].source(scopes["plain"]).token().header] * 2
    for name in ("delegated", "system_user", "customs"):
        assert names[name].token().token_type == "Bearer"
    said = capsys.readouterr().out
    assert "MP-200" in said, "the README shows the failing case"


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

    assert maskinporten.__version__ == version("maskinporten") == engine().version()
