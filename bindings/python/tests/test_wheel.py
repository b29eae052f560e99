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
import sysconfig
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging.metadata import Metadata

import elf
import maskinporten
import native_files
import wheel_file

if sys.version_info < (3, 11):
    pytest.skip("building a wheel needs Python 3.11", allow_module_level=True)
import wheel_backend

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
    needs = metadata.get_all("Requires-Dist", [])
    assert [need for need in needs if 'extra == "wasm"' not in need] == []


def test_equal_inputs_give_equal_bytes(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKINPORTEN_LIBRARY", str(INSTALLED_LIBRARY))
    monkeypatch.setenv("MASKINPORTEN_COMMAND", str(Path(sys.prefix, "bin", "maskinporten")))
    again = tmp_path / wheel_backend.build_wheel(str(tmp_path))
    assert again.read_bytes() == wheel.read_bytes()


def test_what_was_not_built_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKINPORTEN_LIBRARY", str(tmp_path / "absent.so"))
    with pytest.raises(SystemExit, match=r"absent\.so does not exist: correct MASKINPORTEN_LIBRARY"):
        wheel_backend.build_wheel(str(tmp_path))
    monkeypatch.delenv("MASKINPORTEN_LIBRARY")
    with pytest.raises(SystemExit, match=r"libmaskinporten\.so does not exist: run make lib first"):
        native_files.find(tmp_path, tmp_path / "native", tmp_path)
    with pytest.raises(SystemExit, match="does not hold one library and one command"):
        native_files.in_folder(tmp_path)


def test_a_library_without_its_command_gives_a_wheel_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASKINPORTEN_LIBRARY", str(INSTALLED_LIBRARY))
    monkeypatch.delenv("MASKINPORTEN_COMMAND", raising=False)
    with zipfile.ZipFile(tmp_path / wheel_backend.build_wheel(str(tmp_path))) as archive:
        assert not [name for name in archive.namelist() if "scripts" in name]


def test_metadata_has_what_the_project_table_says(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Name\n")
    project = {
        "name": "name", "version": "1.2", "description": "What it is.", "readme": "README.md", "license": "MIT",
        "keywords": ["a", "b"], "classifiers": ["Typing :: Typed"], "requires-python": ">=3.10",
        "urls": {"Source": "https://example.no/source"}, "dependencies": ["first>=1"],
        "optional-dependencies": {"wasm": ["second==2", 'third; python_version < "3.12" or os_name == "nt"']},
    }  # fmt: skip
    read = Metadata.from_email(wheel_file.metadata(tmp_path, project, tmp_path / "LICENSE"))
    assert (read.name, str(read.version), read.license_expression, read.license_files) == ("name", "1.2", "MIT", None)
    assert read.project_urls == {"Source": "https://example.no/source"}
    assert read.provides_extra == ["wasm"]
    assert [str(requirement) for requirement in read.requires_dist or []] == [
        "first>=1",
        'second==2; extra == "wasm"',
        'third; (python_version < "3.12" or os_name == "nt") and extra == "wasm"',
    ]
    assert read.description == "# Name\n"


def test_the_oldest_glibc_has_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "libmaskinporten.so"
    library.write_bytes(b"\x7fELF")
    monkeypatch.setattr(elf, "read_needs", lambda _: elf.Needs("aarch64", frozenset(), (2, 17)))
    native = native_files.Native(library, None)
    assert wheel_file.platform_tags(native) == ["manylinux_2_17_aarch64", "manylinux2014_aarch64"]
    monkeypatch.setattr(elf, "read_needs", lambda _: elf.Needs("aarch64", frozenset(), (2, 28)))
    assert wheel_file.platform_tags(native) == ["manylinux_2_28_aarch64"]


def test_the_wheel_for_any_platform_holds_webassembly(tmp_path: Path) -> None:
    module = tmp_path / "maskinporten-wasip1.wasm"
    module.write_bytes(b"\0asm")
    subprocess.run([sys.executable, wheel_backend.__file__, tmp_path, "--wasm", module], check=True, timeout=60)
    with zipfile.ZipFile(tmp_path / f"maskinporten-{maskinporten.__version__}-py3-none-any.whl") as archive:
        assert archive.read("maskinporten/maskinporten-wasip1.wasm") == b"\0asm"
        assert not [name for name in archive.namelist() if "libmaskinporten" in name or "scripts" in name]


def test_the_source_distribution_holds_what_the_library_is_built_from(tmp_path: Path) -> None:
    name = wheel_backend.build_sdist(str(tmp_path))
    stem = f"maskinporten-{maskinporten.__version__}"
    assert name == f"{stem}.tar.gz"
    with tarfile.open(tmp_path / name) as archive:
        names = {member.name.removeprefix(f"{stem}/") for member in archive}
    assert names >= {"PKG-INFO", "LICENSE", "pyproject.toml", "README.md", "src/maskinporten/__init__.py"}
    assert names >= {"native/go.mod", "native/go.sum", "native/capi/shim.c", "native/capi/include/maskinporten.h"}
    assert "native/core/client.go" in names
    assert not [name for name in names if name.endswith("_test.go") or "__pycache__" in name or "/bench/" in name]
    again = tmp_path / "again"
    assert (again / wheel_backend.build_sdist(str(again))).read_bytes() == (tmp_path / name).read_bytes()


def test_the_source_distribution_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "go.mod").write_text("module example\n\ngo 1.26\n")
    monkeypatch.delenv("MASKINPORTEN_LIBRARY", raising=False)
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"(?s)Go and a C compiler .*install Go 1\.26 .*set MASKINPORTEN_LIBRARY"):
        native_files.find(tmp_path, tmp_path, tmp_path)
    monkeypatch.setattr(sysconfig, "get_config_var", lambda _: "x86_64-pc-linux-musl")
    with pytest.raises(SystemExit, match=r"(?s)musl \(Alpine\) cannot load.*maskinporten\[wasm\]"):
        native_files.find(tmp_path, tmp_path, tmp_path)
