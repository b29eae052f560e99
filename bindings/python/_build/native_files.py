"""Finds the shared library and the maskinporten command for a wheel, or builds them.

in the repository              what make built in its build folder
MASKINPORTEN_LIBRARY is set    that file, and the command that MASKINPORTEN_COMMAND names
from a source distribution     built from the sources in it, with Go and a C compiler
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

_LIBRARIES = ("libmaskinporten.so", "libmaskinporten.dylib", "maskinporten.dll")
_COMMANDS = ("maskinporten", "maskinporten.exe")
_LIBRARY = {"darwin": _LIBRARIES[1], "win32": _LIBRARIES[2]}.get(sys.platform, _LIBRARIES[0])
_COMMAND = _COMMANDS[sys.platform == "win32"]


class Native(NamedTuple):
    """The part of a wheel that is not Python."""

    library: Path
    command: Path | None


def in_folder(folder: Path) -> Native:
    """Return the library and the command of that folder, for whatever platform they are."""
    found = [[folder / name for name in names if (folder / name).is_file()] for names in (_LIBRARIES, _COMMANDS)]
    if [len(files) for files in found] != [1, 1]:
        raise SystemExit(f"{folder} does not hold one library and one command")
    return Native(found[0][0], found[1][0])


def find(repository: Path, sources: Path, work: Path) -> Native:
    """Return what belongs in the wheel. What it builds from the sources is put into work."""
    if given := os.environ.get("MASKINPORTEN_LIBRARY"):
        command = os.environ.get("MASKINPORTEN_COMMAND")
        return Native(
            _given("MASKINPORTEN_LIBRARY", given), _given("MASKINPORTEN_COMMAND", command) if command else None
        )
    if sources.is_dir():
        return _build(sources, work)
    for path, how in ((repository / "build" / _LIBRARY, "make lib"), (repository / "build" / _COMMAND, "make cli")):
        if not path.is_file():
            raise SystemExit(f"{path} does not exist: run {how} first, or set MASKINPORTEN_LIBRARY")
    return in_folder(repository / "build")


def _given(variable: str, value: str) -> Path:
    path = Path(value).resolve()
    if not path.is_file():
        raise SystemExit(f"{path} does not exist: correct {variable}")
    return path


def _build(sources: Path, work: Path) -> Native:
    if sys.platform == "linux" and "musl" in (sysconfig.get_config_var("HOST_GNU_TYPE") or ""):
        raise SystemExit(
            "maskinporten: musl (Alpine) cannot load a library written in Go. Install the wheel for any platform\n"
            'together with WebAssembly instead: pip install --only-binary=maskinporten "maskinporten[wasm]"'
        )
    go, compiler = shutil.which("go"), _c_compiler()
    if not go or not compiler:
        missing = " and ".join(name for name, there in (("Go", go), ("a C compiler", compiler)) if not there)
        raise SystemExit(
            f"maskinporten: no wheel fits this platform, and {missing} is not on the PATH to build one. Either\n"
            f"  - install Go {_go_version(sources)} or newer and a C compiler, and try again (Go fetches modules), or\n"
            "  - set MASKINPORTEN_LIBRARY to a shared library of this version, and MASKINPORTEN_COMMAND to its command."
        )
    flags = ["-trimpath", "-buildvcs=false"]
    for cgo, more, name, package in (
        ("1", ["-buildmode=c-shared", "-ldflags", f"-s -w -buildid= {_link(sources)}"], _LIBRARY, "./capi"),
        ("0", ["-ldflags", "-s -w -buildid="], _COMMAND, "./core/cmd/maskinporten"),
    ):
        command = [go, "build", *flags, *more, "-o", str(work / name), package]
        if subprocess.run(command, cwd=sources, env={**os.environ, "CC": compiler, "CGO_ENABLED": cgo}).returncode:
            raise SystemExit(f"maskinporten: Go could not build {name}; its own words stand above")
    return in_folder(work)


def _c_compiler() -> str | None:
    if chosen := os.environ.get("CC"):
        return chosen
    return next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)


def _go_version(sources: Path) -> str:
    found = re.search(r"^go (\S+)$", (sources / "go.mod").read_text("utf-8"), re.MULTILINE)
    return found[1] if found else ""


def _link(sources: Path) -> str:
    """What the linker is told, so that the library has a name and shows mp_ functions only."""
    header = (sources / "capi/include/maskinporten.h").read_text("utf-8")
    (abi,) = re.findall(r"^#define MP_ABI_VERSION (\d+)$", header, re.MULTILINE)
    flags = {
        "linux": f"-Wl,-soname,{_LIBRARY}.{abi} -Wl,--version-script={sources}/capi/maskinporten.map -Wl,-z,nodelete",
        "darwin": f"-Wl,-install_name,@rpath/libmaskinporten.{abi}.dylib -Wl,-exported_symbol,_mp_*",
    }.get(sys.platform)
    return f'-extldflags "{flags}"' if flags else ""
