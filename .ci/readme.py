"""Runs the examples of README.md as they stand there, against a sandbox.

Last line: "N passed, N failed".
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
README = (ROOT / "README.md").read_text()


def block(heading: str, language: str) -> str:
    """Return the one code block of that language under that heading."""
    section = README.split(f"\n### {heading}\n")[1].split("\n## ")[0].split("\n### ")[0]
    (code,) = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return code


def variables(file: Path) -> dict[str, str]:
    """Return what a shell has after sourcing the file."""
    read = subprocess.run(["sh", "-c", '. "$0" && env -0', file], check=True, capture_output=True, text=True).stdout
    return dict(pair.split("=", 1) for pair in read.split("\0") if pair)


def go(work: Path) -> list[str]:
    (work / "main.go").write_text(block("Go", "go"))
    (work / "go.mod").write_text(
        "module example\n\nrequire github.com/maskinporten-core/maskinporten v0.0.0\n\n"
        f"replace github.com/maskinporten-core/maskinporten => {ROOT}\n"
        + (ROOT / "go.mod").read_text().split("\n", 1)[1]
    )
    shutil.copy(ROOT / "go.sum", work)
    return ["go", "run", "-mod=mod", "."]


def c(work: Path) -> list[str]:
    (work / "example.c").write_text(block("C", "c"))
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "maskinporten"],
        env={**os.environ, "PKG_CONFIG_PATH": str(BUILD)}, check=True, capture_output=True, text=True,
    ).stdout
    compiler = os.environ.get("CC", "cc")
    strict = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"]
    subprocess.run([compiler, *strict, "example.c", *shlex.split(flags), f"-Wl,-rpath,{BUILD}"], cwd=work, check=True)
    return [str(work / "a.out")]


def python(work: Path) -> list[str]:
    (work / "example.py").write_text(block("Python", "python"))
    return [sys.executable, "example.py"]  # the venv that has the wheel


def node(work: Path) -> list[str]:
    (work / "example.mjs").write_text(block("Node", "js"))
    (work / "node_modules").symlink_to(BUILD / "demo" / "node" / "node_modules")
    return ["node", "example.mjs"]


def shell(work: Path, heading: str) -> list[str]:
    (work / "build").symlink_to(BUILD)
    return ["sh", "-e", "-c", block(heading, "sh")]


def command_line(work: Path) -> list[str]:
    return shell(work, "On the command line")


def doctor(work: Path) -> list[str]:
    return shell(work, "When it does not work")


EXAMPLES = {
    "Go": (go, "a token until "),
    "C": (c, "a token of "),
    "Python": (python, "a token until "),
    "Node": (node, "a token until "),
    "command line": (command_line, '"token_type"'),
    "doctor": (doctor, "All is well."),
}


def run(name: str, environment: dict[str, str]) -> str:
    """Run one example and return what is wrong with it, or nothing."""
    prepare, expected = EXAMPLES[name]
    with tempfile.TemporaryDirectory() as folder:
        try:
            command = prepare(Path(folder))
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
        except (subprocess.SubprocessError, OSError, ValueError, IndexError) as error:
            return str(error)
    if done.returncode != 0 or expected not in done.stdout:
        return f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
    if "eyJ" in done.stdout + done.stderr:
        return "it prints a token"
    return ""


def main() -> int:
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        sandbox = subprocess.Popen(
            [BUILD / "maskinporten", "sandbox", "--until-stdin-closes", "--out", folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        assert sandbox.stdin and sandbox.stdout
        try:
            if not sandbox.stdout.readline().startswith("ready "):
                raise SystemExit("the sandbox did not start")
            environment = variables(Path(folder) / "env")
            for name in EXAMPLES:
                wrong = run(name, environment)
                failed += bool(wrong)
                print(f"{'FAIL' if wrong else 'ok  '} README example: {name}{': ' + wrong if wrong else ''}")
        finally:
            sandbox.stdin.close()
            sandbox.wait(10)
    print(f"{len(EXAMPLES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
