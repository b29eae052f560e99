"""The bearer token for httpx, whose auth objects are classes of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator

import httpx

from ._auth import HEADER, BearerAuth
from ._token import Token


class HttpxBearerAuth(BearerAuth, httpx.Auth):
    """A BearerAuth that httpx drives, for sync and async clients."""

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Yield the request with the token, and again with a new one after a 401."""
        token = self._source.token()
        request.headers[HEADER] = token.header
        response = yield request
        if _may_repeat(request, response, token):
            self._source.invalidate(token)
            fresh = self._source.token()
            if fresh.access_token != token.access_token:
                request.headers[HEADER] = fresh.header
                yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Do the same without blocking the event loop."""
        token = await self._source.token_async()
        request.headers[HEADER] = token.header
        response = yield request
        if _may_repeat(request, response, token):
            self._source.invalidate(token)
            fresh = await self._source.token_async()
            if fresh.access_token != token.access_token:
                request.headers[HEADER] = fresh.header
                yield request


def _may_repeat(request: httpx.Request, response: httpx.Response, token: Token) -> bool:
    # After a redirect to another host the header is gone: that 401 says nothing about the token.
    asked_with = response.request.headers.get(HEADER)
    return response.status_code == 401 and asked_with == token.header and isinstance(request.stream, httpx.ByteStream)
