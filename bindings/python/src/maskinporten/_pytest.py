"""A fixture for pytest, which finds it by itself in an environment where this package is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .testing import Sandbox


@pytest.fixture(scope="session")
def _maskinporten_sandbox_process() -> Iterator[Sandbox]:
    from .testing import Sandbox

    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def maskinporten_sandbox(_maskinporten_sandbox_process: Sandbox) -> Iterator[Sandbox]:
    """A strict Maskinporten on this machine, one for all tests; each test finds it without faults and requests."""
    _maskinporten_sandbox_process.reset()
    yield _maskinporten_sandbox_process
    _maskinporten_sandbox_process.reset()
