"""Fetches that are shared by those who wait for them, threads and tasks alike.

A fetch runs on a daemon thread of its own, not one of an executor: an executor
would make the end of the program, or of the loop, wait for it.
"""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Callable

from ._errors import MaskinportenError, timed_out
from ._token import Token

# The core ends every fetch well before this, with a token or an error.
_FLIGHT_LIMIT_S = 60.0

_Outcome = Token | BaseException


class Flights:
    """At most one waiting thread for each event loop, shared by the tasks of that loop."""

    def __init__(self) -> None:
        self._landing: dict[asyncio.AbstractEventLoop, asyncio.Future[_Outcome]] = {}

    async def join(self, wait: Callable[[float], Token], timeout: float) -> Token:
        """Wait at most timeout seconds for what wait(), which blocks, returns or raises."""
        loop = asyncio.get_running_loop()
        landing = self._landing.get(loop)
        if landing is None:
            landing = self._landing[loop] = loop.create_future()
            threading.Thread(target=self._fly, args=(wait, loop, landing), name="maskinporten", daemon=True).start()
        return await outcome_of(landing, timeout)

    def _fly(
        self,
        wait: Callable[[float], Token],
        loop: asyncio.AbstractEventLoop,
        landing: asyncio.Future[_Outcome],
    ) -> None:
        outcome: _Outcome
        try:
            outcome = wait(_FLIGHT_LIMIT_S)
        except BaseException as error:  # whatever it is, those who wait must hear of it
            outcome = error
        try:
            loop.call_soon_threadsafe(self._land, loop, landing, outcome)
        except RuntimeError:  # the loop is closed and nobody waits
            self._landing.pop(loop, None)

    def _land(self, loop: asyncio.AbstractEventLoop, landing: asyncio.Future[_Outcome], outcome: _Outcome) -> None:
        del self._landing[loop]
        if not landing.done():
            landing.set_result(outcome)


async def outcome_of(landing: asyncio.Future[_Outcome], timeout: float) -> Token:
    """Wait at most timeout seconds; the end of this wait leaves the future alone."""
    # asyncio.wait does so when the task is cancelled, too.
    done, _ = await asyncio.wait([landing], timeout=timeout)
    if not done:
        raise timed_out(timeout)
    outcome = landing.result()
    if isinstance(outcome, BaseException):
        raise own(outcome)
    return outcome


def own(error: BaseException) -> BaseException:
    """Return an error with a traceback of its own for each who waits; those of the program stay themselves."""
    if not isinstance(error, MaskinportenError):
        return error
    copied = copy.copy(error)
    copied.__cause__ = error.__cause__
    return copied
