"""Access tokens from Maskinporten, Norway's machine-to-machine OAuth 2.0 service.

    client = Client(environment="test", client_id="...", key=Key.pem("key.pem", kid="..."))
    source = client.source("skatteetaten:innrapporteringboligsameie")
    requests.get("https://api.example.no", auth=source.auth())

A Source keeps its token, renews it in the background before it ends, and lets
any number of threads and tasks share one fetch. Importing this package loads
next to nothing; what does the work, a shared library or a WebAssembly module,
is loaded with the first Client. maskinporten.testing has a Maskinporten for tests.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ._auth import BearerAuth as BearerAuth
    from ._client import Client as Client
    from ._diagnosis import Certificate as Certificate
    from ._diagnosis import Certificates as Certificates
    from ._diagnosis import Diagnosis as Diagnosis
    from ._diagnosis import Finding as Finding
    from ._diagnosis import diagnose as diagnose
    from ._diagnosis import read_certificate as read_certificate
    from ._errors import ClosedError as ClosedError
    from ._errors import ConfigurationError as ConfigurationError
    from ._errors import ForkedError as ForkedError
    from ._errors import LibraryError as LibraryError
    from ._errors import MaskinportenError as MaskinportenError
    from ._errors import Problem as Problem
    from ._errors import RequestRejected as RequestRejected
    from ._errors import TokenTimeout as TokenTimeout
    from ._errors import TransportError as TransportError
    from ._events import Event as Event
    from ._events import log_events as log_events
    from ._hooks import AsyncSigner as AsyncSigner
    from ._hooks import AsyncStore as AsyncStore
    from ._hooks import AsyncTransport as AsyncTransport
    from ._hooks import Request as Request
    from ._hooks import Response as Response
    from ._hooks import Signer as Signer
    from ._hooks import Store as Store
    from ._hooks import Transport as Transport
    from ._key import GeneratedKey as GeneratedKey
    from ._key import Key as Key
    from ._key import generate_key as generate_key
    from ._settings import Altinn as Altinn
    from ._settings import Consent as Consent
    from ._settings import Customs as Customs
    from ._settings import Environment as Environment
    from ._settings import SystemUser as SystemUser
    from ._settings import TokenExchange as TokenExchange
    from ._source import Source as Source
    from ._status import KeyStatus as KeyStatus
    from ._status import Status as Status
    from ._token import Token as Token

_PLACES = {
    "_auth": ("BearerAuth",),
    "_client": ("Client",),
    "_diagnosis": ("Certificate", "Certificates", "Diagnosis", "Finding", "diagnose", "read_certificate"),
    "_errors": (
        "ClosedError",
        "ConfigurationError",
        "ForkedError",
        "LibraryError",
        "MaskinportenError",
        "Problem",
        "RequestRejected",
        "TokenTimeout",
        "TransportError",
    ),
    "_events": ("Event", "log_events"),
    "_hooks": ("AsyncSigner", "AsyncStore", "AsyncTransport", "Request", "Response", "Signer", "Store", "Transport"),
    "_key": ("GeneratedKey", "Key", "generate_key"),
    "_settings": ("Altinn", "Consent", "Customs", "Environment", "SystemUser", "TokenExchange"),
    "_source": ("Source",),
    "_status": ("KeyStatus", "Status"),
    "_token": ("Token",),
}
_PLACE = {name: module for module, names in _PLACES.items() for name in names}
__all__ = ["__version__", *_PLACE]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _PLACE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_PLACE[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
