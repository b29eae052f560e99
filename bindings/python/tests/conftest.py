"""The tests run against the installed wheel, and against the sandbox that comes with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers import Api, openssl, serve
from maskinporten import Client
from maskinporten._engine import Engine
from maskinporten._native import load_native
from maskinporten._wasm import load_wasm
from maskinporten.testing import Sandbox


@pytest.fixture
def sandbox(maskinporten_sandbox: Sandbox) -> Sandbox:
    """Return what the package's own plugin gives to every program's tests."""
    return maskinporten_sandbox


@pytest.fixture(scope="session")
def wasm_engine() -> Engine:
    pytest.importorskip("wasmtime", reason="wasmtime is not installed")
    return load_wasm()


@pytest.fixture(params=["native", "wasm"])
def each_engine(request: pytest.FixtureRequest) -> Engine:
    """Return one engine and then the other."""
    if request.param == "native":
        return load_native()
    engine: Engine = request.getfixturevalue("wasm_engine")
    return engine


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    with sandbox.client() as client:
        yield client


@pytest.fixture
def api() -> Iterator[Api]:
    with serve() as api:
        yield api


@pytest.fixture(scope="session")
def openssl_chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A leaf with an organization number, an intermediate and a root, made by the openssl command."""
    folder = tmp_path_factory.mktemp("chain")
    (folder / "ca.ext").write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n")
    (folder / "leaf.ext").write_text("basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n")
    for name, subject, sign, extensions in (
        ("root", "/CN=Root", "-signkey root.key", "ca.ext"),
        ("intermediate", "/CN=Intermediate", "-CA root.pem -CAkey root.key", "ca.ext"),
        (
            "leaf",
            "/CN=Example AS/organizationIdentifier=NTRNO-991825827",
            "-CA intermediate.pem -CAkey intermediate.key",
            "leaf.ext",
        ),
    ):
        openssl(folder, f"genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out {name}.key")
        openssl(folder, f"req -new -key {name}.key -subj '{subject}' -out {name}.csr")
        openssl(
            folder,
            f"x509 -req -in {name}.csr -out {name}.pem -days 30 -set_serial 1 {sign} -extfile {extensions}",
        )
    (folder / "others.pem").write_text((folder / "root.pem").read_text() + (folder / "intermediate.pem").read_text())
    return folder


@pytest.fixture(scope="session")
def chain_p12(openssl_chain: Path) -> tuple[bytes, str]:
    """The chain in PKCS#12, root before intermediate, and its password."""
    files = "-inkey leaf.key -in leaf.pem -certfile others.pem -out leaf.p12"
    openssl(openssl_chain, f"pkcs12 -export {files} -passout pass:correct")
    return (openssl_chain / "leaf.p12").read_bytes(), "correct"
