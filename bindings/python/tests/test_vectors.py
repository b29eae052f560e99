"""The cases that every language runs, on the shared library and on WebAssembly."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from maskinporten._engine import Engine
from vectors import PLACES, Object, Runner, read, subjects


@pytest.mark.parametrize("subject", subjects())
def test_subject(subject: str, each_engine: Engine) -> None:
    file = read(f"{subject}.json")
    defaults = {name: file[name] for name in ("config", "request") if name in file}
    cases = [{**defaults, **case} for case in file["cases"] if PLACES & set(case["runs_on"])]

    def run(case: Object) -> str:
        try:
            why = Runner(each_engine).run(file["operation"], case)
        except Exception as error:
            why = repr(error)
        return f"{case['name']}: {why}" if why else ""

    with ThreadPoolExecutor(32) as pool:  # so that their pauses overlap
        assert [why for why in pool.map(run, cases) if why] == []


def test_there_are_vectors() -> None:
    assert sum(len(read(f"{subject}.json")["cases"]) for subject in subjects()) >= 300
