"""What a step of a flow asks of this process, done on a thread or on an event loop.

Each job can be done in both ways: do() blocks, do_async() does not. The outcome
is a value or what was raised, unless the engine did the step itself.
"""

from __future__ import annotations

import contextvars
import inspect
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

from ._engine import Engine

#: The cache keys whose flights the running hook works for.
flying: contextvars.ContextVar[frozenset[bytes]] = contextvars.ContextVar("flying", default=frozenset())


class Outcome(NamedTuple):
    """What became of a job."""

    value: Any = None
    error: BaseException | None = None
    #: Whether the flow knows it already.
    is_fed: bool = False


class Hook(NamedTuple):
    """Calls the program's signer, transport or store, and gives up waiting after limit_s."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    limit_s: float

    def do(self) -> Outcome:
        def call() -> Any:
            value = self.function(*self.arguments)
            if inspect.isawaitable(value):
                if inspect.iscoroutine(value):
                    value.close()
                raise TypeError(f"{_name(self.function)} is asynchronous and not declared so: use async def")
            return value

        # A thread of its own, because nothing else can end the wait for a call that hangs.
        try:
            return Outcome(in_thread(call).result(self.limit_s))
        except BaseException as error:
            return self._failure(error)

    async def do_async(self) -> Outcome:
        import asyncio

        if not is_async(self.function):
            return await _from_thread(self.do)
        task = asyncio.ensure_future(self.function(*self.arguments))
        try:
            return Outcome(await asyncio.wait_for(task, self.limit_s))
        except Exception as error:  # a cancellation is that of the flight, and goes on
            return self._failure(error)

    def _failure(self, error: BaseException) -> Outcome:
        import asyncio
        import concurrent.futures

        # Before Python 3.11 the two are no TimeoutError.
        if isinstance(error, (asyncio.TimeoutError, concurrent.futures.TimeoutError)) and not str(error):
            error = TimeoutError(f"{_name(self.function)} took longer than {self.limit_s:g} s")
        return Outcome(error=error)


class Perform(NamedTuple):
    """Lets the engine do the step: sign with a key it holds, send, or wait."""

    engine: Engine
    flow: int
    limit_s: float

    def do(self) -> Outcome:
        self.engine.flow_perform(self.flow, int(self.limit_s * 1000))
        return Outcome(is_fed=True)

    async def do_async(self) -> Outcome:
        return await _from_thread(self.do)


class Pause(NamedTuple):
    """Waits, unless the client is closed meanwhile."""

    seconds: float
    closed: threading.Event

    def do(self) -> Outcome:
        self.closed.wait(self.seconds)
        return Outcome(is_fed=True)

    async def do_async(self) -> Outcome:
        import asyncio

        await asyncio.sleep(self.seconds)
        return Outcome(is_fed=True)


Job = Hook | Perform | Pause


def in_thread(work: Callable[[], Any]) -> Future[Any]:
    """Do it on a daemon thread of its own, which no end of the program waits for."""
    future: Future[Any] = Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            future.set_result(context.run(work))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="maskinporten-step", daemon=True).start()
    return future


async def _from_thread(work: Callable[[], Outcome]) -> Outcome:
    import asyncio

    outcome: Outcome = await asyncio.wrap_future(in_thread(work))
    return outcome


def is_async(function: Any) -> bool:
    """Whether it is declared with async def."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def _name(function: Any) -> str:
    return str(getattr(function, "__qualname__", type(function).__name__))
