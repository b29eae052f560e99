"""Getting tokens step by step: with hooks, or with an engine that does not send."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import weakref
from collections.abc import Callable, Generator
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TYPE_CHECKING

from . import _errors
from ._driver import Faults, Hooks, Step, acquire, result
from ._engine import Engine
from ._jobs import Job, Outcome, flying, in_thread
from ._token import Token

if TYPE_CHECKING:
    import asyncio

    _Tasks = weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[bytes, asyncio.Task[Token | BaseException]]]


class Driven:
    """The flights of a client: one for each cache key, whoever waits for it.

    Nothing that waits happens under the lock. It is reentrant because a signal
    handler may ask for a token at any time, and it is never taken in a forked
    child: the engine refuses before.
    """

    def __init__(self, engine: Engine, hooks: Hooks, told: Callable[[], None]) -> None:
        """told: called after each flight, and from the thread that ran it."""
        self._engine, self._hooks, self._told = engine, hooks, told
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._flights: dict[bytes, Future[Token]] = {}
        self._tasks: _Tasks = weakref.WeakKeyDictionary()
        self._faults: dict[bytes, Faults] = {}
        self._closed = threading.Event()

    def close(self) -> None:
        """Release those who wait."""
        if os.getpid() != self._process:
            return  # in a forked child nobody waits, and the lock may be locked for ever
        self._closed.set()
        with self._lock:
            flights = list(self._flights.values())
        for flight in flights:
            _settle(flight, _errors.local("closed", 1009, "the client was closed", "Create a new client."))

    def wait(self, source: int, timeout: float) -> Token:
        """Join the flight for a source, or start it, and wait at most timeout seconds."""
        self._refuse_async()
        flight = self._join(source)
        if isinstance(flight, Token):
            return flight
        with contextlib.suppress(FutureTimeout, TimeoutError):
            return self._landed(flight, timeout)
        if flight.done():
            return self._landed(flight, 0)  # the TimeoutError is the flight's own
        raise _errors.timed_out(timeout)

    def renew(self, source: int, held: Token | None) -> Token:
        """Return the token that is due, and let its renewal begin."""
        if self._hooks.is_async:
            if held is None:
                self._refuse_async()
            return held  # type: ignore[return-value]  # only token_async can renew it
        flight = self._join(source)
        # While a flight runs, a flow is answered with the token that is held.
        return flight if isinstance(flight, Token) else self.held(source)

    async def wait_async(self, source: int, timeout: float) -> Token:
        """Do as wait() with asynchronous hooks, on the running loop."""
        from ._flights import outcome_of

        while True:
            task = self._join_async(source)
            if isinstance(task, Token):
                return task
            with contextlib.suppress(_Ended):
                return await outcome_of(task, timeout)

    def renew_async(self, source: int) -> Token:
        """Do as renew() with asynchronous hooks, on the running loop."""
        task = self._join_async(source)
        return task if isinstance(task, Token) else self.held(source)

    @property
    def is_async(self) -> bool:
        return self._hooks.is_async

    def _refuse_async(self) -> None:
        if self._hooks.is_async:
            raise _errors.local(
                "invalid_argument",
                1001,
                "the signer, transport or store is asynchronous, and a token has to be fetched",
                "Call await source.token_async().",
            )

    def _join(self, source: int) -> Token | Future[Token]:
        key = self._key(source)
        with self._lock:
            flow, step, faults = self._begin(source, key)
            if step["step"] in ("done", "failed"):
                return self._end(flow, step, faults)
            flight = self._flights.get(key)
            if flight is not None and not flight.done():  # which the flow has found, too
                self._engine.flow_free(flow)
                return flight
            flight = self._flights[key] = Future()
        in_thread(lambda: self._fly(key, flow, step, faults, flight))
        return flight

    def _join_async(self, source: int) -> Token | asyncio.Task[Token | BaseException]:
        import asyncio

        loop = asyncio.get_running_loop()
        key = self._key(source)
        with self._lock:
            flow, step, faults = self._begin(source, key)
            if step["step"] in ("done", "failed"):
                return self._end(flow, step, faults)
            tasks = self._tasks.setdefault(loop, {})
            if (task := tasks.get(key)) is not None:
                self._engine.flow_free(flow)
                return task
            steps = acquire(self._engine, flow, step, self._hooks, faults, self._closed)
            task = tasks[key] = loop.create_task(self._fly_async(key, steps, faults))
            task.add_done_callback(lambda _: tasks.pop(key, None))
        return task

    def _key(self, source: int) -> bytes:
        key = self._engine.source_key(source)
        if key in flying.get():
            raise _errors.local(
                "reentrant",
                1021,
                "a hook of this token's fetch asked for the same token",
                "Ask for another token there, or for none.",
            )
        return key

    def _begin(self, source: int, key: bytes) -> tuple[int, Step, Faults]:
        flow = self._engine.flow_new(source)
        step: Step = json.loads(self._engine.flow_next(flow))
        return flow, step, self._faults.get(key) or Faults()

    def _end(self, flow: int, step: Step, faults: Faults) -> Token:
        self._engine.flow_free(flow)
        return result(step, faults)

    def held(self, source: int) -> Token:
        """Return the token that is in the cache."""
        flow = self._engine.flow_new(source)
        return self._end(flow, json.loads(self._engine.flow_next(flow)), Faults())

    def _fly(self, key: bytes, flow: int, step: Step, faults: Faults, flight: Future[Token]) -> None:
        flying.set(flying.get() | {key})
        outcome: Token | BaseException
        try:
            outcome = _run(acquire(self._engine, flow, step, self._hooks, faults, self._closed))
        except BaseException as error:  # whatever it is, those who wait must hear of it
            outcome = error
        self._land(key, faults)
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]
        _settle(flight, outcome)
        self._told()

    async def _fly_async(
        self, key: bytes, steps: Generator[Job, Outcome, Token], faults: Faults
    ) -> Token | BaseException:
        import asyncio

        flying.set(flying.get() | {key})
        try:
            return await _run_async(steps)
        except asyncio.CancelledError:
            return _Ended()  # with its loop, or by the program: those who wait elsewhere begin anew
        except BaseException as error:
            return error
        finally:
            self._land(key, faults)
            self._told()

    def _land(self, key: bytes, faults: Faults) -> None:
        """Remember what hooks raised as long as the core remembers the failure that came of it."""
        if faults.are_none:
            self._faults.pop(key, None)
        else:
            self._faults[key] = faults

    def _landed(self, flight: Future[Token], timeout: float) -> Token:
        from ._flights import own

        if isinstance(error := flight.exception(timeout), BaseException):
            raise own(error)
        return flight.result()


class _Ended(Exception):
    """A flight was cancelled."""


def _run(steps: Generator[Job, Outcome, Token]) -> Token:
    try:
        job = next(steps)
        while True:
            job = steps.send(job.do())
    except StopIteration as end:
        token: Token = end.value
        return token
    finally:
        steps.close()


async def _run_async(steps: Generator[Job, Outcome, Token]) -> Token:
    try:
        job = next(steps)
        while True:
            job = steps.send(await job.do_async())
    except StopIteration as end:
        token: Token = end.value
        return token
    finally:
        steps.close()


def _settle(flight: Future[Token], outcome: Token | BaseException) -> None:
    with contextlib.suppress(InvalidStateError):  # closing the client may have come before
        if isinstance(outcome, BaseException):
            flight.set_exception(outcome)
        else:
            flight.set_result(outcome)
