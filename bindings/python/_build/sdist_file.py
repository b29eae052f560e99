"""Writes the source distribution: the package, and the Go and C sources that its library is built from.

    maskinporten-<version>/            as bindings/python in the repository
    maskinporten-<version>/native/     the repository's go.mod, core and capi, without tests

Equal inputs give equal bytes.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

_DATED = 315532800  # 1980-01-01, like the files of the wheel
_GO_SUFFIXES = {".go", ".c", ".h", ".map", ".mod", ".sum"}
_GO_FOLDERS = ("core", "capi")
# Not part of the library or the command.
_LEFT_OUT = tuple(f"core/{part}/" for part in ("bench", "internal/vectors", "testdata")) + tuple(
    f"capi/{part}/" for part in ("tests", "examples", "release")
)


def write(folder: Path, package: Path, repository: Path, stem: str, metadata: str) -> str:
    """Write it and return its name."""
    files = {
        **{path: package / path for path in ("pyproject.toml", "README.md")},
        **{f"{part}/{name}": path for part in ("src", "_build") for name, path in _python(package / part)},
        **{f"native/{name}": path for name, path in _go(repository)},
        "LICENSE": repository / "LICENSE",
    }
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in sorted({"PKG-INFO": metadata.encode(), **_read(files)}.items()):
            entry = tarfile.TarInfo(f"{stem}/{name}")  # owned by 0, mode 644
            entry.size, entry.mtime = len(content), _DATED
            archive.addfile(entry, io.BytesIO(content))
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{stem}.tar.gz"
    with (folder / name).open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=_DATED) as packed:
        packed.write(raw.getvalue())
    return name


def _read(files: dict[str, Path]) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in files.items()}


def _python(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix in {".py", ".typed"}:
            yield path.relative_to(folder).as_posix(), path


def _go(repository: Path) -> Iterator[tuple[str, Path]]:
    for name in ("go.mod", "go.sum"):
        yield name, repository / name
    for part in _GO_FOLDERS:
        for path in (repository / part).rglob("*"):
            name = path.relative_to(repository).as_posix()
            if path.suffix in _GO_SUFFIXES and not name.endswith("_test.go") and not name.startswith(_LEFT_OUT):
                yield name, path
