"""Checks every wheel in a folder: its name and tags as packaging reads them, its metadata, its files and their hashes.

python capi/release/check_wheels.py dist
"""

from __future__ import annotations

import base64
import csv
import hashlib
import sys
import zipfile
from email import message_from_string
from pathlib import Path

from packaging.metadata import Metadata
from packaging.utils import parse_wheel_filename

WANTED = {
    "manylinux_2_17_x86_64": {"libmaskinporten.so", "maskinporten"},
    "manylinux_2_17_aarch64": {"libmaskinporten.so", "maskinporten"},
    "win_amd64": {"maskinporten.dll", "maskinporten.exe"},
    "any": {"maskinporten-wasip1.wasm"},
}


def check(path: Path) -> str:
    """Raise AssertionError for what is wrong, and return the wheel's first platform."""
    name, version, _, tags = parse_wheel_filename(path.name)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        files = {file: archive.read(file) for file in archive.namelist()}
        dates = {entry.date_time for entry in archive.infolist()}
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    info = f"{name}-{version}.dist-info"
    metadata = Metadata.from_email(files[f"{info}/METADATA"])  # raises for what the standard does not have
    assert (metadata.name, metadata.version) == (name, version)
    wheel = message_from_string(files[f"{info}/WHEEL"].decode())
    assert sorted(wheel.get_all("Tag", [])) == sorted(map(str, tags))
    platforms = {tag.platform for tag in tags}
    (platform,) = platforms & set(WANTED)
    assert wheel["Root-Is-Purelib"] == ("true" if platform == "any" else "false")
    assert not any("musllinux" in tag.platform for tag in tags), "musl cannot load a library written in Go"

    scripts = f"{name}-{version}.data/scripts/"
    native = {file for file in files if file.startswith((f"{name}/", scripts)) and not file.endswith((".py", ".typed"))}
    assert {Path(file).name for file in native} == WANTED[platform]
    assert all(modes[file] & 0o111 for file in native if not file.endswith(".wasm"))
    assert all(file.startswith((f"{name}/", f"{info}/", scripts)) for file in files)
    assert dates == {(1980, 1, 1, 0, 0, 0)}

    rows = list(csv.reader(files[f"{info}/RECORD"].decode().splitlines()))
    assert [row[0] for row in rows] == list(files)
    for file, digest, size in rows:
        if file != f"{info}/RECORD":
            computed = base64.urlsafe_b64encode(hashlib.sha256(files[file]).digest()).rstrip(b"=").decode()
            assert (digest, size) == (f"sha256={computed}", str(len(files[file]))), file
    return platform


if __name__ == "__main__":
    found = sorted(check(path) for path in Path(sys.argv[1]).glob("*.whl"))
    print(*found)
    sys.exit(found != sorted(WANTED))
