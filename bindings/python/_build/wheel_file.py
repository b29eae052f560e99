"""Writes a wheel: the package, and beside it a library or a WebAssembly module. Equal inputs give equal bytes."""

from __future__ import annotations

import base64
import hashlib
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import elf
import pe
from native_files import Native

Files = dict[str, tuple[bytes, int]]  # name in the wheel: content and mode


def write(folder: Path, package: Path, project: dict[str, Any], licence: Path, extra: Native | Path) -> str:
    """Write the wheel and return its name.

    extra: library and command, or the WebAssembly module of a wheel for any platform.
    """
    name, stem = project["name"], f"{project['name']}-{project['version']}"
    files: Files = {}
    for path in sorted((package / "src").rglob("*")):
        if path.is_file() and path.suffix in {".py", ".typed"}:
            files[path.relative_to(package / "src").as_posix()] = (path.read_bytes(), 0o644)
    if isinstance(extra, Native):
        platforms = platform_tags(extra)
        files[f"{name}/{extra.library.name}"] = (extra.library.read_bytes(), 0o755)
        if extra.command:
            files[f"{stem}.data/scripts/{extra.command.name}"] = (extra.command.read_bytes(), 0o755)
    else:
        platforms = ["any"]
        files[f"{name}/{extra.name}"] = (extra.read_bytes(), 0o644)
    info = f"{stem}.dist-info"
    if licence.is_file():
        files[f"{info}/licenses/LICENSE"] = (licence.read_bytes(), 0o644)
    files[f"{info}/METADATA"] = (metadata(package, project, licence).encode(), 0o644)
    tags = "".join(f"Tag: py3-none-{platform}\n" for platform in platforms)
    pure = "true" if platforms == ["any"] else "false"
    wheel = f"Wheel-Version: 1.0\nGenerator: wheel_backend\nRoot-Is-Purelib: {pure}\n{tags}"
    files[f"{info}/WHEEL"] = (wheel.encode(), 0o644)
    if points := _entry_points(project):
        files[f"{info}/entry_points.txt"] = (points.encode(), 0o644)
    files[f"{info}/RECORD"] = (_record(files, f"{info}/RECORD").encode(), 0o644)

    folder.mkdir(parents=True, exist_ok=True)
    file_name = f"{stem}-py3-none-{'.'.join(platforms)}.whl"
    _zip(folder / file_name, files)
    return file_name


def platform_tags(native: Native) -> list[str]:
    """Compute the tags from what library and command need of the system."""
    files = [file for file in native if file]
    if all(elf.is_elf(file) for file in files):
        tag = elf.platform_tag(files)
        return [tag, *([tag.replace("_2_17_", "2014_")] if "_2_17_" in tag else [])]  # its name of old (PEP 599)
    if all(pe.is_pe(file) for file in files):
        return [pe.platform_tag(files)]
    return [sysconfig.get_platform().replace("-", "_").replace(".", "_")]


def metadata(package: Path, project: dict[str, Any], licence: Path) -> str:
    """Write pyproject.toml's project table as core metadata (version 2.4)."""
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"Keywords: {','.join(project['keywords'])}",
        *(f"Project-URL: {label}, {url}" for label, url in project.get("urls", {}).items()),
        f"License-Expression: {project['license']}",
        *(["License-File: LICENSE"] if licence.is_file() else []),
        *(f"Classifier: {classifier}" for classifier in project["classifiers"]),
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {requirement}" for requirement in project.get("dependencies", [])),
    ]
    for extra, requirements in project.get("optional-dependencies", {}).items():
        lines.append(f"Provides-Extra: {extra}")
        for requirement in requirements:
            name, _, marker = (part.strip() for part in requirement.partition(";"))
            condition = f'({marker}) and extra == "{extra}"' if marker else f'extra == "{extra}"'
            lines.append(f"Requires-Dist: {name}; {condition}")
    lines.append("Description-Content-Type: text/markdown")
    readme: str = (package / project["readme"]).read_text("utf-8")
    return "\n".join(lines) + "\n\n" + readme


def _entry_points(project: dict[str, Any]) -> str:
    groups = {**project.get("entry-points", {}), "console_scripts": project.get("scripts", {})}
    return "\n".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in groups.items()
        if points
    )


def _record(files: Files, own_name: str) -> str:
    def digest(content: bytes) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()

    rows = [f"{name},sha256={digest(content)},{len(content)}" for name, (content, _) in files.items()]
    return "\n".join([*rows, f"{own_name},,"]) + "\n"


def _zip(path: Path, files: Files) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (content, mode) in files.items():
            entry = zipfile.ZipInfo(name)  # dated 1980-01-01
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, whose mode follows
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, content)
