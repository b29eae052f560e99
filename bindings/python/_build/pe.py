"""Reads from a Windows file (PE/COFF) which platform it needs: machine and libraries.

Only what a wheel tag is computed from (PE format specification: headers, section
table, import directory).
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import NamedTuple

_TAGS = {0x8664: "win_amd64", 0xAA64: "win_arm64"}
_PE32_PLUS = 0x20B
_IMPORT_DIRECTORY = 112 + 8  # in the optional header: the second of the data directories

# What every Windows that Go runs on (10 and newer) has, as far as Go programs ask for it.
_ALLOWED = re.compile(r"(kernel32|ntdll|advapi32|ws2_32|bcryptprimitives|ucrtbase|api-ms-win-crt-[a-z0-9-]+)\.dll")


class Needs(NamedTuple):
    """What a file asks of the system that loads it."""

    tag: str
    libraries: frozenset[str]


def is_pe(path: Path) -> bool:
    """Whether the file begins as a Windows program does."""
    with path.open("rb") as file:
        return file.read(2) == b"MZ"


def read_needs(path: Path) -> Needs:
    """Read what the file needs. Raises ValueError for a file that is not understood."""
    data = path.read_bytes()
    try:
        return _read(data)
    except (struct.error, ValueError) as error:
        raise ValueError(f"{path.name} is not a 64-bit Windows file that can be understood: {error}") from None


def platform_tag(files: list[Path]) -> str:
    """Compute the tag that fits all of the files."""
    needs = [read_needs(file) for file in files]
    if len({n.tag for n in needs}) != 1:
        raise ValueError("the files are for different machines")
    foreign = sorted(name for n in needs for name in n.libraries if not _ALLOWED.fullmatch(name))
    if foreign:
        raise ValueError(f"{', '.join(foreign)} cannot be expected on every Windows")
    return needs[0].tag


def _read(data: bytes) -> Needs:
    (start,) = struct.unpack_from("<I", data, 0x3C)
    if data[:2] != b"MZ" or data[start : start + 4] != b"PE\0\0":
        raise ValueError("it has no PE header")
    machine, count, optional_size = struct.unpack_from("<HH12xH", data, start + 4)
    optional = start + 24
    if machine not in _TAGS or struct.unpack_from("<H", data, optional)[0] != _PE32_PLUS:
        raise ValueError(f"machine {machine:#x} has no wheel tag here")
    # (virtual size, virtual address, raw size, raw offset) of each section
    sections = [struct.unpack_from("<4I", data, optional + optional_size + i * 40 + 8) for i in range(count)]
    (imports,) = struct.unpack_from("<I", data, optional + _IMPORT_DIRECTORY)
    return Needs(_TAGS[machine], frozenset(_imported(data, sections, imports)) if imports else frozenset())


def _imported(data: bytes, sections: list[tuple[int, ...]], table: int) -> set[str]:
    """Walk the import descriptors, the last of which is empty."""
    names = set()
    entry = _offset(sections, table)
    while (name := struct.unpack_from("<I", data, entry + 12)[0]) != 0:
        begin = _offset(sections, name)
        names.add(data[begin : data.index(b"\0", begin)].decode("ascii").lower())
        entry += 20
    return names


def _offset(sections: list[tuple[int, ...]], address: int) -> int:
    """Where in the file the loaded address stands."""
    for _, loaded_at, size, offset in sections:
        if loaded_at <= address < loaded_at + size:
            return offset + address - loaded_at
    raise ValueError("an address in it leads nowhere")
