"""Packs one release build as an archive for C programs. Equal inputs give equal bytes.

python capi/release/archive.py build/release/linux-amd64 dist 0.1.0

    libmaskinporten-<version>-linux-<arch>.tar.gz    bin, include, lib with its links, lib/pkgconfig
    libmaskinporten-<version>-windows-<arch>.zip     bin with the DLL, include, lib with the import library
"""

from __future__ import annotations

import gzip
import io
import re
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DATED = 315532800  # 1980-01-01


def main(build: Path, folder: Path, version: str) -> str:
    """Write the archive and return its name."""
    stem = f"libmaskinporten-{version}-{build.name}"
    windows = build.name.startswith("windows")
    files = {
        "LICENSE": ROOT / "LICENSE",
        "README.md": ROOT / "capi/README.md",
        "include/maskinporten.h": build / "maskinporten.h",
        **(windows_files(build) if windows else linux_files(build, version)),
    }
    if windows:
        return write_zip(folder / f"{stem}.zip", stem, files)
    header = (build / "maskinporten.h").read_text("utf-8")
    (abi,) = re.findall(r"^#define MP_ABI_VERSION (\d+)$", header, re.MULTILINE)
    so = "libmaskinporten.so"
    links = {f"lib/{so}.{abi}": f"{so}.{version}", f"lib/{so}": f"{so}.{abi}"}
    texts = {"lib/pkgconfig/maskinporten.pc": pkg_config(version)}
    return write_tar(folder / f"{stem}.tar.gz", stem, files, links, texts)


def linux_files(build: Path, version: str) -> dict[str, Path]:
    return {
        "bin/maskinporten": build / "maskinporten",
        f"lib/libmaskinporten.so.{version}": build / "libmaskinporten.so",
    }


def windows_files(build: Path) -> dict[str, Path]:
    return {
        **{f"bin/{name}": build / name for name in ("maskinporten.dll", "maskinporten.exe")},
        **{f"lib/{name}": build / name for name in ("maskinporten.lib", "maskinporten.def")},
    }


def pkg_config(version: str) -> str:
    """Return maskinporten.pc for wherever the archive is unpacked."""
    text = (ROOT / "capi/maskinporten.pc.in").read_text("utf-8")
    for name, value in {"PREFIX": "${pcfiledir}/../..", "LIBDIR": "${prefix}/lib", "VERSION": version}.items():
        text = text.replace(f"@{name}@", value)
    return text


def mode(name: str) -> int:
    return 0o755 if name.startswith(("bin/", "lib/libmaskinporten.so")) else 0o644


def write_tar(path: Path, stem: str, files: dict[str, Path], links: dict[str, str], texts: dict[str, str]) -> str:
    contents = {**{name: file.read_bytes() for name, file in files.items()}}
    contents |= {name: text.encode() for name, text in texts.items()}
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted([*contents, *links]):
            entry = tarfile.TarInfo(f"{stem}/{name}")
            entry.mtime, entry.mode = DATED, mode(name)
            if name in links:
                entry.type, entry.linkname = tarfile.SYMTYPE, links[name]
                archive.addfile(entry)
            else:
                entry.size = len(contents[name])
                archive.addfile(entry, io.BytesIO(contents[name]))
    with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=DATED) as packed:
        packed.write(raw.getvalue())
    return path.name


def write_zip(path: Path, stem: str, files: dict[str, Path]) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{stem}/{name}")  # dated 1980-01-01
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            entry.external_attr = (0o100000 | mode(name)) << 16
            archive.writestr(entry, file.read_bytes())
    return path.name


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit("usage: python archive.py BUILD_OF_A_PLATFORM FOLDER VERSION")
    print(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
