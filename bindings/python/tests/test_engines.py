"""Which engine is taken, what it says where none fits, and the life of a WebAssembly instance."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import maskinporten
from helpers import until
from maskinporten import _engine, _native, _wasm
from maskinporten._engine import Engine
from maskinporten._secret import Secret
from maskinporten.testing import Sandbox
from test_process import BEGIN

TOKEN = (
    BEGIN
    + """
from maskinporten._engine import engine
print(new_client().source(s["scopes"]["plain"]).token().token_type, engine().name)
"""
)
SITE_PACKAGES = str(Path(maskinporten.__file__).parent.parent)


@pytest.fixture(scope="module")
def any_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel for any platform, unpacked: what pip installs on Alpine."""
    if sys.version_info < (3, 11):
        pytest.skip("building a wheel needs Python 3.11")
    import wheel_backend

    folder = tmp_path_factory.mktemp("any")
    module = _wasm._module_path()
    assert module.exists(), "set MASKINPORTEN_WASM to build/maskinporten-wasip1.wasm"
    wheel = folder / wheel_backend._wheel(folder, module)
    assert wheel.name == f"maskinporten-{maskinporten.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def run_in(folder: Path, sandbox: Sandbox, *, wasmtime: bool, **environ: str) -> tuple[str, str]:
    """Run the program in a Python that has this one package, and wasmtime if that is wanted."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("MASKINPORTEN_")}
    more = f"sys.path.append({SITE_PACKAGES!r})\n" if wasmtime else ""
    program = f"import sys\nsys.path.insert(0, {str(folder)!r})\n{more}" + TOKEN
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(sandbox.settings_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**given, **environ},
    )
    return done.stdout.strip(), done.stderr


def test_where_there_is_no_library_webassembly_is_taken(any_wheel: Path, sandbox: Sandbox) -> None:
    assert run_in(any_wheel, sandbox, wasmtime=True) == ("Bearer wasm", "")
    assert sandbox.count("/token") == 1


def test_without_wasmtime_the_error_says_what_to_install(any_wheel: Path, sandbox: Sandbox) -> None:
    out, err = run_in(any_wheel, sandbox, wasmtime=False)
    assert out == ""
    assert "LibraryError" in err
    assert "pip install maskinporten[wasm]" in err
    _, err = run_in(any_wheel, sandbox, wasmtime=False, MASKINPORTEN_ENGINE="wasm")
    assert "pip install maskinporten[wasm]" in err


def test_the_native_engine_can_be_insisted_on(any_wheel: Path, sandbox: Sandbox) -> None:
    out, err = run_in(any_wheel, sandbox, wasmtime=True, MASKINPORTEN_ENGINE="native")
    assert (out, "LibraryError" in err) == ("", True)
    _, err = run_in(any_wheel, sandbox, wasmtime=True, MASKINPORTEN_ENGINE="fast")
    assert "MASKINPORTEN_ENGINE: it names no engine" in err


def test_on_musl_the_error_says_why_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What a dlopen of musl says to a library of Go, which needs a model of thread-local storage that musl lacks.
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    path = tmp_path / "libmaskinporten.so"
    path.write_bytes(b"\x7fELF initial-exec TLS resolves to dynamic definition")
    with pytest.raises(maskinporten.LibraryError, match=r"musl \(Alpine\).*pip install maskinporten\[wasm\]") as caught:
        _native.NativeEngine(path)
    assert caught.value.code == "library_unavailable"


def test_a_module_that_is_none_is_an_error_and_no_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (b"", b"\x00asm\x01\x00\x00\x00", b"\x00asm\x0d\x00\x01\x00garbage"):
        (tmp_path / "module.wasm").write_bytes(content)
        monkeypatch.setenv("MASKINPORTEN_WASM", str(tmp_path / "module.wasm"))
        with pytest.raises(maskinporten.LibraryError, match="cannot be started"):
            _wasm.load_wasm()


def test_a_library_of_another_abi_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_native, "ABI_VERSION", 2)
    with pytest.raises(maskinporten.LibraryError, match="ABI version 1, and this package needs 2"):
        _native.load_native()


def test_an_instance_that_trapped_is_replaced(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wasmtime", reason="wasmtime is not installed")
    monkeypatch.setenv("MASKINPORTEN_ENGINE", "wasm")
    _engine._chosen.cache_clear()
    try:
        with sandbox.client() as client:
            source = client.source(sandbox.scopes["plain"])
            source.token()
            source.token()
            engine = client._engine
            assert isinstance(engine, _wasm.WasmEngine)
            with pytest.raises(maskinporten.LibraryError, match="the WebAssembly instance stopped"):
                engine._enter("mp_source_peek", 0, 0)  # with a parameter too many, wasmtime refuses it as a trap
            for call in (source.token, client.status, lambda: client.source("a:b")):
                with pytest.raises(maskinporten.LibraryError) as caught:
                    call()
                assert caught.value.code == "poisoned"
        with sandbox.client() as client:
            assert client._engine is not engine
            assert client.source(sandbox.scopes["plain"]).token().token_type == "Bearer"
    finally:
        _engine._chosen.cache_clear()


def test_inputs_that_are_too_long_are_errors(each_engine: Engine) -> None:
    for size in (5 << 20, 17 << 20):
        with pytest.raises(maskinporten.ConfigurationError, match="4 MiB"):
            each_engine.client_new(Secret(b"x" * size))
    with pytest.raises(maskinporten.ConfigurationError):
        each_engine.client_new(Secret(b"{}"))


def test_handles_that_are_none_are_errors(each_engine: Engine) -> None:
    for handle in (1, 1 << 63, (1 << 64) - 1):
        with pytest.raises(maskinporten.ClosedError):
            each_engine.source_key(handle)
        with pytest.raises(maskinporten.ClosedError):
            each_engine.source_peek(handle)
        each_engine.source_free(handle)
    before = each_engine.live_handles()
    each_engine.client_free(0)
    until(lambda: each_engine.live_handles() == before)
