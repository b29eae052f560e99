"""What a program can do itself: sign, send, and share tokens between processes.

Each is a Protocol: any object with these members will do, and needs to inherit
nothing. The async form of each has the same members with `async def`.

What a hook raises is treated as a failure of that step: the core may try again,
with a new grant. If it does not help, the hook's exception is what token() raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from ._secret import NotPicklable


@runtime_checkable
class Signer(Protocol):
    """Signs with a key that this process cannot read: in an HSM, a KMS or an agent.

    Beside these members it says whose key it is, by one of two attributes:

    kid: str, the id under which the public key is registered in self-service; or
    x5c: the certificates (DER, leaf first) of a virksomhetssertifikat.

    sign() gets the bytes of RFC 7515 §5.1 and returns the raw RSASSA-PKCS1-v1_5
    signature over them, as long as the modulus. It has 5 seconds.
    TimeoutError, ConnectionError and exceptions whose `retryable` is true are tried once more.
    """

    @property
    def alg(self) -> str:
        """RS256, RS384 or RS512: the hash that goes into the signature."""
        ...

    def sign(self, signing_input: bytes, /) -> bytes:
        """Sign. Called on a thread of its own, for one grant at a time."""
        ...


@runtime_checkable
class AsyncSigner(Protocol):
    """A Signer whose sign() is a coroutine, run on the event loop of the caller."""

    @property
    def alg(self) -> str:
        """RS256, RS384 or RS512."""
        ...

    async def sign(self, signing_input: bytes, /) -> bytes:
        """Sign without blocking the loop."""
        ...


@dataclass(frozen=True, repr=False)
class Request(NotPicklable):
    """An HTTP request to send exactly as it stands, following no redirect. Its body holds the grant, a secret."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    #: Seconds for all of it, from the connection to the last byte of the answer.
    timeout: float
    #: Read no more of the answer's body than one byte beyond this.
    max_body: int

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.url} [redacted]>"


@dataclass(frozen=True, repr=False)
class Response(NotPicklable):
    """The answer: its status, its headers, and its body after content decoding, which holds the token."""

    status: int
    #: Names and values; give pairs where a name may come twice.
    headers: Mapping[str, str] | Iterable[tuple[str, str]]
    body: bytes = field(repr=False)

    def __repr__(self) -> str:
        return f"<Response {self.status} [redacted]>"


@runtime_checkable
class Transport(Protocol):
    """Sends requests in a way of its own: another TLS library, a proxy that needs more, a recording.

    An exception means that there was no answer. TimeoutError is reported as such,
    and ssl.SSLError, also as a cause, as a failure of TLS, which is not tried again.
    """

    def send(self, request: Request, /) -> Response:
        """Send it, and return the answer whatever its status. Called on a thread of its own."""
        ...


@runtime_checkable
class AsyncTransport(Protocol):
    """A Transport whose send() is a coroutine, run on the event loop of the caller."""

    async def send(self, request: Request, /) -> Response:
        """Send it without blocking the loop."""
        ...


@runtime_checkable
class Store(Protocol):
    """Keeps entries that processes share, such as Redis. They are encrypted and bound to their key.

    A store that fails, or holds something useless, is passed over, and a
    "store_failed" event says so. Each call has 2 seconds.
    """

    def load(self, key: str, /) -> bytes | None:
        """Return the entry under that key, or None."""
        ...

    def save(self, key: str, entry: bytes, life: float, /) -> None:
        """Keep the entry for at most life seconds."""
        ...


@runtime_checkable
class AsyncStore(Protocol):
    """A Store whose methods are coroutines, run on the event loop of the caller."""

    async def load(self, key: str, /) -> bytes | None:
        """Return the entry under that key, or None."""
        ...

    async def save(self, key: str, entry: bytes, life: float, /) -> None:
        """Keep the entry for at most life seconds."""
        ...


AnySigner = Signer | AsyncSigner
AnyTransport = Transport | AsyncTransport
AnyStore = Store | AsyncStore
