"""The bearer token for requests and httpx. Neither is needed to use this package."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ._secret import NotPicklable

if TYPE_CHECKING:
    from ._source import Source
    from ._token import Token

_Request = TypeVar("_Request")
#: The header that carries the token (RFC 6750 §2.1).
HEADER = "Authorization"


class BearerAuth(NotPicklable):
    """Adds the token; after a 401 to it, fetches a new one and repeats the request once.

    A request whose body cannot be sent twice (a generator) is not repeated:
    its 401 is the answer, and the next request has a new token.
    """

    _stays_because = "it belongs to the client of this process"

    def __init__(self, source: Source) -> None:
        self._source = source

    def __call__(self, request: _Request) -> _Request:
        """Do what requests asks of an auth object."""
        prepared: Any = request
        token = self._source.token()
        prepared.headers[HEADER] = token.header
        prepared.register_hook("response", partial(self._retry, token))
        return request

    def _retry(self, token: Token, response: Any, **how: Any) -> Any:
        # After a redirect to another host the header is gone, and that host must not get a token.
        if response.status_code != 401 or response.request.headers.get(HEADER) != token.header:
            return response
        fresh = self._renew(token)
        repeat = response.request.copy()
        if fresh is None or not _rewind(repeat):
            return response
        repeat.headers[HEADER] = fresh.header
        response.content  # noqa: B018 - read to the end, so that the connection can be used again
        response.close()
        answer = response.connection.send(repeat, **how)
        answer.request = repeat
        answer.history.append(response)
        return answer

    def _renew(self, token: Token) -> Token | None:
        self._source.invalidate(token)
        fresh = self._source.token()
        return None if fresh.access_token == token.access_token else fresh

    def __repr__(self) -> str:
        return f"<BearerAuth for {self._source!r}>"


def _rewind(request: Any) -> bool:
    """Make the body of a requests.PreparedRequest ready to be sent again, if it can be."""
    if request.body is None or isinstance(request.body, (str, bytes)):
        return True
    if not isinstance(request._body_position, int):
        return False
    request.body.seek(request._body_position)
    return True


def bearer_auth(source: Source) -> BearerAuth:
    """Make the object: one that httpx and httpx2 know too, if they are installed."""
    from ._auth_httpx import auth_class

    return auth_class()(source)
