"""The build backend: what platform a file needs, and what is in the wheel."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import elf
import maskinporten

wheel_backend = pytest.importorskip("wheel_backend", reason="building a wheel needs Python 3.11")
INSTALLED_LIBRARY = Path(maskinporten.__file__).with_name("libmaskinporten.so")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads ELF files")


@pytest.mark.skipif(shutil.which("objdump") is None, reason="objdump is not installed")
@pytest.mark.parametrize("path", [INSTALLED_LIBRARY, Path(sys.executable).resolve()], ids=["library", "python"])
def test_the_glibc_version_is_what_objdump_says(path: Path) -> None:
    private = subprocess.run(["objdump", "-p", path], check=True, capture_output=True, text=True, timeout=60).stdout
    wanted = [(int(a), int(b)) for a, b in re.findall(r"GLIBC_(\d+)\.(\d+)", private)]
    assert elf.read_needs(path).glibc == max(wanted)
    assert elf.read_needs(path).libraries == set(re.findall(r"NEEDED\s+(\S+)", private))


def test_the_library_fits_every_linux_with_its_glibc() -> None:
    assert re.fullmatch(r"manylinux_2_\d+_(x86_64|aarch64)", elf.platform_tag([INSTALLED_LIBRARY]))


def test_the_tag_is_that_of_the_file_that_needs_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = {
        "old": elf.Needs("x86_64", frozenset({"libc.so.6"}), (2, 3)),
        "new": elf.Needs("x86_64", frozenset({"libc.so.6", "libresolv.so.2"}), (2, 34)),
        "arm": elf.Needs("aarch64", frozenset(), (2, 17)),
        "ssl": elf.Needs("x86_64", frozenset({"libssl.so.3"}), (2, 17)),
    }
    monkeypatch.setattr(elf, "read_needs", lambda path: needs[path.name])
    old, new, arm, ssl = (tmp_path / name for name in needs)
    assert elf.platform_tag([old]) == "manylinux_2_17_x86_64"
    assert elf.platform_tag([old, new]) == "manylinux_2_34_x86_64"
    with pytest.raises(ValueError, match="different machines"):
        elf.platform_tag([old, arm])
    with pytest.raises(ValueError, match=r"libssl\.so\.3 cannot be expected"):
        elf.platform_tag([old, ssl])


@pytest.mark.parametrize("content", [b"", b"\x7fELF\x01\x01", b"MZ" + bytes(64)])
def test_what_is_no_elf_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not a 64-bit little-endian ELF file"):
        elf.read_needs(path)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKINPORTEN_LIBRARY", str(INSTALLED_LIBRARY))
        patch.setenv("MASKINPORTEN_COMMAND", str(Path(sys.prefix, "bin", "maskinporten")))
        return Path(folder, wheel_backend.build_wheel(str(folder)))


def test_what_is_tested_is_installed_and_up_to_date() -> None:
    source = Path(__file__).parent.parent / "src" / "maskinporten"
    installed = Path(maskinporten.__file__).parent
    assert installed != source, "install the wheel, and do not put src on the path"
    for path in source.rglob("*.py"):
        assert (installed / path.relative_to(source)).read_bytes() == path.read_bytes(), "build the wheel again"


def test_the_record_lists_every_file_with_its_hash(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    record = next(name for name in files if name.endswith(".dist-info/RECORD"))
    rows = {name: (digest, size) for name, digest, size in csv.reader(io.StringIO(files[record].decode()))}
    assert rows.pop(record) == ("", "")
    del files[record]
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        assert rows.pop(name) == (f"sha256={digest}", str(len(content)))
    assert rows == {}


def test_the_wheel_holds_the_package_the_library_and_the_command(wheel: Path) -> None:
    version = maskinporten.__version__
    assert re.fullmatch(rf"maskinporten-{version}-py3-none-manylinux_2_\d+_\w+\.whl", wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
        metadata = message_from_bytes(archive.read(f"maskinporten-{version}.dist-info/METADATA"))
    assert names >= {"maskinporten/__init__.py", "maskinporten/py.typed", "maskinporten/libmaskinporten.so"}
    assert modes[f"maskinporten-{version}.data/scripts/maskinporten"] == 0o755
    assert not [name for name in names if "__pycache__" in name]
    assert metadata["Version"] == version
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata.get_all("Requires-Dist") is None


def test_equal_inputs_give_equal_bytes(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKINPORTEN_LIBRARY", str(INSTALLED_LIBRARY))
    monkeypatch.setenv("MASKINPORTEN_COMMAND", str(Path(sys.prefix, "bin", "maskinporten")))
    again = tmp_path / wheel_backend.build_wheel(str(tmp_path))
    assert again.read_bytes() == wheel.read_bytes()


def test_what_was_not_built_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKINPORTEN_LIBRARY", str(tmp_path / "absent.so"))
    with pytest.raises(SystemExit, match=r"absent\.so does not exist: run make lib first"):
        wheel_backend.build_wheel(str(tmp_path))
    with pytest.raises(wheel_backend.UnsupportedOperation):
        wheel_backend.build_sdist(str(tmp_path))
