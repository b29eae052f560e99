"""Text that must not show up in a traceback, a log or a pickle."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Bytes that print as [redacted], also where a tool prints local variables."""

    __slots__ = ("value",)

    def __init__(self, value: bytes) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "[redacted]"


class NotPicklable:
    """A base for what must stay in this process: secrets, and handles of the library."""

    __slots__ = ()

    #: Why, as the end of a sentence.
    _stays_because = "it holds a secret"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} cannot be copied or pickled: {self._stays_because}")
