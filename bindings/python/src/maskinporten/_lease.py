"""How long a source may hand a token out again without asking the core."""

from __future__ import annotations

import os
import weakref
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ._source import Source
    from ._token import Token


class Lease(NamedTuple):
    """A token, and until when by both clocks; it ends at once when the epoch moves on."""

    token: Token | None
    epoch: int
    #: time.monotonic_ns and time.time_ns; the end of either is the end.
    monotonic_end: int
    wall_end: int

    def __repr__(self) -> str:
        return "<Lease [redacted]>"


#: It ended before the first clock began.
NONE = Lease(None, 0, -1, -1)


class Asked(NamedTuple):
    """What is read before the core is asked, so that the lease begins no later than its answer."""

    epoch: int
    monotonic: int
    wall: int

    def lease(self, token: Token, lease_ms: int) -> Lease:
        nanoseconds = lease_ms * 1_000_000
        return Lease(token, self.epoch, self.monotonic + nanoseconds, self.wall + nanoseconds)


def now(epoch: int) -> Asked:
    return Asked(epoch, monotonic_ns(), time_ns())


_holders: weakref.WeakSet[Source] = weakref.WeakSet()


def watch(source: Source) -> None:
    """Let the source lose its lease in a forked child, where the engine says that it cannot be used."""
    _holders.add(source)


def _drop_all() -> None:
    for source in _holders:
        source._lease = NONE


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_all)
