"""How long a source may hand a token out again without asking the core.

A lease ends by either clock, and at once when the epoch moves on. Looking at two
clocks costs as much as all the rest of a cached read, so a call looks at the
monotonic clock and the epoch, and at the wall clock once in a millisecond: what
a call returns was right at most a millisecond of monotonic time before, as if
the call had begun then.
"""

from __future__ import annotations

import os
import weakref
from time import monotonic, time
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from ._source import Source
    from ._token import Token

# How long one look at the wall clock counts, in seconds of the monotonic clock.
_GLANCE_S = 0.001


class Lease(NamedTuple):
    """A token, the epoch it is bound to, and when the lease ends by each clock."""

    token: Token | None
    epoch: int
    monotonic_end: float
    wall_end: float

    def glance(self, epoch: int) -> Glance | None:
        """Look at both clocks, and return for how long that counts; None if the lease is over."""
        now = monotonic()
        if self.token is None or epoch != self.epoch or now >= self.monotonic_end or time() >= self.wall_end:
            return None
        # A plain tuple: Python takes it apart faster than one with names.
        return self.token, epoch, min(now + _GLANCE_S, self.monotonic_end)

    def __repr__(self) -> str:
        return "<Lease [redacted]>"


#: A token, the epoch it is bound to, and until when by the monotonic clock.
Glance = tuple["Token", int, float]

#: They ended before the first clock began.
NONE = Lease(None, 0, -1.0, -1.0)
NO_GLANCE: Glance = (cast("Token", None), 0, -1.0)


class Asked(NamedTuple):
    """What is read before the core is asked, so that the lease begins no later than its answer."""

    epoch: int
    monotonic: float
    wall: float

    def lease(self, token: Token, lease_ms: int) -> Lease:
        seconds = lease_ms / 1000
        return Lease(token, self.epoch, self.monotonic + seconds, self.wall + seconds)


def now(epoch: int) -> Asked:
    return Asked(epoch, monotonic(), time())


_holders: weakref.WeakSet[Source] = weakref.WeakSet()


def watch(source: Source) -> None:
    """Let the source lose its lease in a forked child, where the engine says that it cannot be used."""
    _holders.add(source)


def _drop_all() -> None:
    for source in _holders:
        source._lease, source._glance = NONE, NO_GLANCE


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_all)
