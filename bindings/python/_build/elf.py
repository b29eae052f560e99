"""Reads from an ELF file which platform it needs: machine, libraries and the glibc version.

Only what a wheel tag is computed from: 64-bit, little-endian, with section headers
(gABI chapter 4 and 5; symbol versioning as in the Linux Standard Base).
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import NamedTuple

_MACHINES = {0x3E: "x86_64", 0xB7: "aarch64", 0xF3: "riscv64"}
_DYNAMIC, _VERSIONS_NEEDED = 6, 0x6FFFFFFE  # section types SHT_DYNAMIC, SHT_GNU_verneed
_NEEDED = 1  # dynamic tag DT_NEEDED

# What PEP 600 lets a manylinux library take from the system, as far as Go programs ask for it.
_ALLOWED = re.compile(r"(lib(c|m|dl|rt|pthread|resolv)|ld-linux.*)\.so\.\d+")


class Needs(NamedTuple):
    """What a file asks of the system that loads it."""

    machine: str
    libraries: frozenset[str]
    glibc: tuple[int, int]


def is_elf(path: Path) -> bool:
    """Whether the file begins as an ELF file does."""
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def read_needs(path: Path) -> Needs:
    """Read what the file needs. Raises ValueError for a file that is not understood."""
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError(f"{path.name} is not a 64-bit little-endian ELF file")
    machine = struct.unpack_from("<H", data, 18)[0]
    if machine not in _MACHINES:
        raise ValueError(f"{path.name} is for machine {machine:#x}, which has no wheel tag here")
    sections = _sections(data)
    libraries, versions = set(), set()
    for kind, offset, size, link in sections:
        strings = sections[link][1] if link < len(sections) else 0
        if kind == _DYNAMIC:
            entries = struct.iter_unpack("<qQ", data[offset : offset + size])
            libraries |= {_text(data, strings + value) for tag, value in entries if tag == _NEEDED}
        elif kind == _VERSIONS_NEEDED:
            versions |= _version_names(data, offset, strings)
    glibc = [(int(m[1]), int(m[2])) for v in versions if (m := re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", v))]
    if "GLIBC_ABI_DT_RELR" in versions:  # compact relocations, which came with this version
        glibc.append((2, 36))
    return Needs(_MACHINES[machine], frozenset(libraries), max(glibc, default=(0, 0)))


def platform_tag(files: list[Path]) -> str:
    """Compute the tag that fits all of the files: manylinux if they need only glibc (PEP 600)."""
    needs = [read_needs(file) for file in files]
    if len({n.machine for n in needs}) != 1:
        raise ValueError("the files are for different machines")
    foreign = sorted(name for n in needs for name in n.libraries if not _ALLOWED.fullmatch(name))
    if foreign:
        raise ValueError(f"{', '.join(foreign)} cannot be expected on every Linux")
    # The oldest version of every machine here for which pip knows the tag.
    major, minor = max((2, 17), *(n.glibc for n in needs))
    return f"manylinux_{major}_{minor}_{needs[0].machine}"


def _sections(data: bytes) -> list[tuple[int, int, int, int]]:
    """List (type, offset, size, link) of every section."""
    start = struct.unpack_from("<Q", data, 40)[0]
    size, count = struct.unpack_from("<HH", data, 58)
    fields = struct.Struct("<4xI16xQQI")
    return [fields.unpack_from(data, start + i * size) for i in range(count)]


def _version_names(data: bytes, offset: int, strings: int) -> set[str]:
    """Walk the Verneed records and the Vernaux records of each."""
    names = set()
    while True:
        first, following = struct.unpack_from("<II", data, offset + 8)
        entry = offset + first
        while True:
            name, after = struct.unpack_from("<II", data, entry + 8)
            names.add(_text(data, strings + name))
            if not after:
                break
            entry += after
        if not following:
            return names
        offset += following


def _text(data: bytes, offset: int) -> str:
    return data[offset : data.index(b"\0", offset)].decode()
