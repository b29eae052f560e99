"""The bearer token for httpx and its successor httpx2, whose auth objects are classes of their own."""

from __future__ import annotations

import importlib
from collections.abc import AsyncGenerator, Generator
from functools import cache
from typing import Any

from ._auth import HEADER, BearerAuth
from ._token import Token


class _HttpxFlow(BearerAuth):
    """A BearerAuth that httpx drives, for sync and async clients."""

    requires_request_body = False
    requires_response_body = False

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
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

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
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


def _may_repeat(request: Any, response: Any, token: Token) -> bool:
    # After a redirect to another host the header is gone: that 401 says nothing about the token.
    asked_with = response.request.headers.get(HEADER)
    # A body of bytes, and no generator, can be sent twice.
    return bool(
        response.status_code == 401 and asked_with == token.header and type(request.stream).__name__ == "ByteStream"
    )


@cache
def auth_class() -> type[BearerAuth]:
    """Return a class that those of the two know that are installed."""
    bases: list[type] = []
    for name in ("httpx", "httpx2"):
        try:
            bases.append(importlib.import_module(name).Auth)
        except ImportError:
            continue
    return type("BearerAuth", (_HttpxFlow, *bases), {}) if bases else BearerAuth
