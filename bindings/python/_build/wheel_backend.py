"""Builds the wheel: this package, the shared library and the maskinporten command.

A PEP 517 backend that needs the standard library of Python 3.11 or newer only.
Use it through pip, or directly:

    pip wheel --no-deps --wheel-dir dist bindings/python
    python bindings/python/_build/wheel_backend.py dist

The library and the command are built before (make lib, make cli). They are
taken from the repository's build folder, or from where MASKINPORTEN_LIBRARY and
MASKINPORTEN_COMMAND say. Equal inputs give equal bytes.
"""

from __future__ import annotations

import base64
import hashlib
import os
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import elf

_PACKAGE = Path(__file__).resolve().parent.parent
_REPOSITORY = _PACKAGE.parent.parent
_SUFFIX = {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")
_LIBRARY = "maskinporten.dll" if sys.platform == "win32" else f"libmaskinporten{_SUFFIX}"
_COMMAND = "maskinporten.exe" if sys.platform == "win32" else "maskinporten"


class UnsupportedOperation(Exception):
    """What PEP 517 calls a hook that this backend does not have."""


def build_wheel(
    wheel_directory: str, config_settings: dict[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """Write the wheel and return its name (PEP 517)."""
    del config_settings, metadata_directory
    library = _built("MASKINPORTEN_LIBRARY", _LIBRARY, "make lib")
    command = _built("MASKINPORTEN_COMMAND", _COMMAND, "make cli")
    project = tomllib.loads((_PACKAGE / "pyproject.toml").read_text("utf-8"))["project"]
    stem = f"{project['name']}-{project['version']}"
    tag = f"py3-none-{_platform([library, command])}"

    files: dict[str, tuple[bytes, int]] = {}
    for path in sorted((_PACKAGE / "src").rglob("*")):
        if path.is_file() and path.suffix in {".py", ".typed"}:
            files[path.relative_to(_PACKAGE / "src").as_posix()] = (path.read_bytes(), 0o644)
    files[f"{project['name']}/{_LIBRARY}"] = (library.read_bytes(), 0o755)
    files[f"{stem}.data/scripts/{_COMMAND}"] = (command.read_bytes(), 0o755)
    info = f"{stem}.dist-info"
    licence = _REPOSITORY / "LICENSE"
    if licence.exists():
        files[f"{info}/licenses/LICENSE"] = (licence.read_bytes(), 0o644)
    files[f"{info}/METADATA"] = (_metadata(project, licence.exists()).encode(), 0o644)
    files[f"{info}/WHEEL"] = (f"Wheel-Version: 1.0\nGenerator: wheel_backend\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(), 0o644)
    files[f"{info}/RECORD"] = (_record(files, f"{info}/RECORD").encode(), 0o644)

    name = f"{stem}-{tag}.whl"
    Path(wheel_directory).mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(Path(wheel_directory, name), "w", zipfile.ZIP_DEFLATED) as archive:
        for path_in_wheel, (content, mode) in files.items():
            entry = zipfile.ZipInfo(path_in_wheel)  # dated 1980-01-01
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, whose mode follows
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, content)
    return name


def build_sdist(sdist_directory: str, config_settings: dict[str, Any] | None = None) -> str:
    """Refuse: the sources of the library are not in this folder (PEP 517)."""
    raise UnsupportedOperation("there is no source distribution; build a wheel from the repository")


def _built(variable: str, name: str, command: str) -> Path:
    path = Path(os.environ.get(variable) or _REPOSITORY / "build" / name).resolve()
    if not path.is_file():
        raise SystemExit(f"{path} does not exist: run {command} first, or set {variable}")
    return path


def _platform(files: list[Path]) -> str:
    if all(elf.is_elf(file) for file in files):
        return elf.platform_tag(files)
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


def _metadata(project: dict[str, Any], has_licence: bool) -> str:
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"Keywords: {','.join(project['keywords'])}",
        f"License-Expression: {project['license']}",
        *(["License-File: LICENSE"] if has_licence else []),
        *(f"Classifier: {classifier}" for classifier in project["classifiers"]),
        f"Requires-Python: {project['requires-python']}",
        "Description-Content-Type: text/markdown",
    ]
    readme: str = (_PACKAGE / project["readme"]).read_text("utf-8")
    return "\n".join(lines) + "\n\n" + readme


def _record(files: dict[str, tuple[bytes, int]], own_name: str) -> str:
    def digest(content: bytes) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()

    rows = [f"{name},sha256={digest(content)},{len(content)}" for name, (content, _) in files.items()]
    return "\n".join([*rows, f"{own_name},,"]) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python wheel_backend.py DIRECTORY")
    print(build_wheel(sys.argv[1]))
