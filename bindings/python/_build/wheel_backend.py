"""Builds wheels and the source distribution.

A PEP 517 backend that needs the standard library of Python 3.11 or newer only.
Use it through pip, or directly:

    pip wheel --no-deps --wheel-dir dist bindings/python
    python bindings/python/_build/wheel_backend.py dist
    python bindings/python/_build/wheel_backend.py dist --native build/release/linux-arm64
    python bindings/python/_build/wheel_backend.py dist --wasm build/maskinporten-wasip1.wasm
    python bindings/python/_build/wheel_backend.py dist --sdist

A wheel for a platform carries the shared library and the maskinporten command;
native_files.py says where they come from. The wheel for any platform carries the
WebAssembly module. Equal inputs give equal bytes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

if sys.version_info < (3, 11):
    raise SystemExit("maskinporten: building it needs Python 3.11 or newer; what is built runs on 3.10 too")
import tomllib

import native_files
import sdist_file
import wheel_file

_PACKAGE = Path(__file__).resolve().parent.parent
_SOURCES = _PACKAGE / "native"  # in a source distribution
_REPOSITORY = _PACKAGE if _SOURCES.is_dir() else _PACKAGE.parent.parent


def build_wheel(
    wheel_directory: str, config_settings: dict[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """Write the wheel for this platform and return its name (PEP 517)."""
    del config_settings, metadata_directory
    with tempfile.TemporaryDirectory() as work:
        return _wheel(Path(wheel_directory), native_files.find(_REPOSITORY, _SOURCES, Path(work)))


def build_sdist(sdist_directory: str, config_settings: dict[str, Any] | None = None) -> str:
    """Write the source distribution and return its name (PEP 517)."""
    del config_settings
    if _SOURCES.is_dir():
        raise SystemExit("a source distribution is made from the repository")
    project = _project()
    stem = f"{project['name']}-{project['version']}"
    metadata = wheel_file.metadata(_PACKAGE, project, _REPOSITORY / "LICENSE")
    return sdist_file.write(Path(sdist_directory), _PACKAGE, _REPOSITORY, stem, metadata)


def _wheel(folder: Path, extra: native_files.Native | Path) -> str:
    return wheel_file.write(folder, _PACKAGE, _project(), _REPOSITORY / "LICENSE", extra)


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((_PACKAGE / "pyproject.toml").read_text("utf-8"))["project"]
    return project


def _main() -> None:
    parser = argparse.ArgumentParser(description="Build a wheel for this platform, or what the options say.")
    parser.add_argument("folder", help="where to put it")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--native", type=Path, metavar="FOLDER", help="a wheel with the library and the command of this folder"
    )
    what.add_argument(
        "--wasm", type=Path, metavar="FILE", help="a wheel for any platform, with this WebAssembly module"
    )
    what.add_argument("--sdist", action="store_true", help="the source distribution")
    given = parser.parse_args()
    if given.sdist:
        print(build_sdist(given.folder))
    elif given.native:
        print(_wheel(Path(given.folder), native_files.in_folder(given.native)))
    elif given.wasm:
        print(_wheel(Path(given.folder), given.wasm))
    else:
        print(build_wheel(given.folder))


if __name__ == "__main__":
    _main()
