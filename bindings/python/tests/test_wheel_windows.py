"""What the build backend reads from a Windows file."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

import pe

AMD64, ARM64, I386 = 0x8664, 0xAA64, 0x14C


def program(machine: int = AMD64, imports: tuple[str, ...] = (), magic: int = 0x20B) -> bytes:
    """The least that is a program: headers, and one section with the import directory at its beginning."""
    start, section = 0x1000, b""
    names = b"".join(name.encode() + b"\0" for name in imports)
    for name in imports:
        at = start + (len(imports) + 1) * 20 + names.index(name.encode() + b"\0")
        section += struct.pack("<5I", 1, 0, 0, at, 1)
    section += bytes(20) + names
    headers = b"MZ" + bytes(0x3A) + struct.pack("<I", 0x40)
    headers += b"PE\0\0" + struct.pack("<HHIIIHH", machine, 1, 0, 0, 0, 240, 0x2022)
    headers += struct.pack("<H110x", magic) + struct.pack("<8xII112x", start if imports else 0, len(section))
    headers += struct.pack("<8s4I16x", b".rdata", len(section), start, len(section), 0x200)
    return headers.ljust(0x200, b"\0") + section


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "maskinporten.dll"


def test_machine_and_libraries(file: Path) -> None:
    file.write_bytes(program(imports=("KERNEL32.dll", "api-ms-win-crt-heap-l1-1-0.dll")))
    assert pe.is_pe(file)
    assert pe.read_needs(file) == pe.Needs("win_amd64", frozenset({"kernel32.dll", "api-ms-win-crt-heap-l1-1-0.dll"}))
    assert pe.platform_tag([file, file]) == "win_amd64"
    file.write_bytes(program(ARM64))
    assert pe.read_needs(file) == pe.Needs("win_arm64", frozenset())


def test_what_windows_does_not_have_is_refused(file: Path) -> None:
    file.write_bytes(program(imports=("KERNEL32.dll", "libgcc_s_seh-1.dll")))
    with pytest.raises(ValueError, match=r"^libgcc_s_seh-1\.dll cannot be expected on every Windows$"):
        pe.platform_tag([file])


def test_two_machines_are_refused(file: Path, tmp_path: Path) -> None:
    file.write_bytes(program())
    other = tmp_path / "maskinporten.exe"
    other.write_bytes(program(ARM64))
    with pytest.raises(ValueError, match="different machines"):
        pe.platform_tag([file, other])


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"MZ", program(I386), program(magic=0x10B)])
def test_what_is_not_understood_is_refused(content: bytes, file: Path) -> None:
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"^maskinporten\.dll is not a 64-bit Windows file that can be understood"):
        pe.read_needs(file)


def test_a_file_that_is_cut_off_is_refused(file: Path) -> None:
    whole = program(imports=("KERNEL32.dll",))
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="is not a 64-bit Windows file"):
            pe.read_needs(file)
