"""Writes what is in a release: every artefact with its hash, and what it was made of (CycloneDX 1.6).

python capi/release/sbom.py dist 0.1.0 build/release/linux-amd64/libmaskinporten.so ...

The libraries and commands named are asked, through `go version -m`, which Go
and which modules went into them. Equal inputs give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path


def main(dist: Path, version: str, binaries: list[str]) -> str:
    """Write the file and return its name."""
    name = f"maskinporten-{version}.cdx.json"
    modules = sorted({module for binary in binaries for module in modules_of(binary)})
    artefacts = [artefact(path) for path in sorted(dist.iterdir()) if path.name not in (name, "SHA256SUMS")]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": "maskinporten",
                "name": "maskinporten",
                "version": version,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "components": artefacts,
            }
        },
        "components": [component(*module) for module in modules],
        "dependencies": [{"ref": "maskinporten", "dependsOn": [purl(*module) for module in modules]}],
    }
    (dist / name).write_text(json.dumps(document, indent=2) + "\n")
    return name


def modules_of(binary: str) -> list[tuple[str, str]]:
    """List what was linked into the file: the standard library, and modules with their versions."""
    command = [*os.environ.get("GO", "go").split(), "version", "-m", binary]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (go,) = re.findall(r": go(\S+)$", said, re.MULTILINE)
    return [("std", go), *re.findall(r"^\tdep\t(\S+)\t(\S+)", said, re.MULTILINE)]


def artefact(path: Path) -> dict[str, object]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"type": "file", "name": path.name, "hashes": [{"alg": "SHA-256", "content": digest}]}


def component(name: str, version: str) -> dict[str, object]:
    return {"type": "library", "bom-ref": purl(name, version), "name": name, "version": version, "purl": purl(name, version)}


def purl(name: str, version: str) -> str:
    return f"pkg:golang/{name}@{version}"


if __name__ == "__main__":
    if len(sys.argv) < 4:
        raise SystemExit("usage: python sbom.py DIST VERSION BINARY...")
    print(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
