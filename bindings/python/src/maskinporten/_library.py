"""The shared library, as Python functions. Everything else in this package goes through here.

The library is loaded at the first call and never unloaded. It starts a Go
runtime, which does not survive a fork: in a forked child the library itself
answers every call with "forked", before Go is entered. So there is no lock in
this module that a fork could leave locked.

ctypes releases the interpreter lock during a call, so other threads run while
one waits for a token. Peeking keeps it: it takes less time than to get it back.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from . import _errors
from ._secret import Secret

ABI_VERSION = 1
_OK, _NO_TOKEN, _BUFFER_TOO_SMALL = 0, 1007, 1008
_FILE = {"darwin": "libmaskinporten.dylib", "win32": "maskinporten.dll"}.get(sys.platform, "libmaskinporten.so")


class _Buffer(ctypes.Structure):
    """mp_buf: bytes that the library allocated, and that are ours to free."""

    _fields_ = (("data", c_void_p), ("len", c_size_t))


_OUT = POINTER(_Buffer)
_TEXT = (c_char_p, c_size_t)
_HANDLE = c_uint64
_HANDLE_OUT = POINTER(c_uint64)
_PROTOTYPES: dict[str, tuple[type | None, tuple[Any, ...]]] = {
    "mp_abi_version": (c_uint32, ()),
    "mp_version": (c_char_p, ()),
    "mp_buf_free": (None, (_OUT,)),
    "mp_client_new": (c_int32, (*_TEXT, _HANDLE_OUT, _OUT)),
    "mp_client_free": (c_int32, (_HANDLE,)),
    "mp_source_new": (c_int32, (_HANDLE, *_TEXT, _HANDLE_OUT, _OUT)),
    "mp_source_free": (c_int32, (_HANDLE,)),
    "mp_source_key": (c_int32, (_HANDLE, _OUT, _OUT)),
    "mp_source_token": (c_int32, (_HANDLE, c_int64, _OUT, _OUT)),
    "mp_source_invalidate": (c_int32, (_HANDLE, *_TEXT, _OUT)),
    "mp_flow_new": (c_int32, (_HANDLE, _HANDLE_OUT, _OUT)),
    "mp_flow_next": (c_int32, (_HANDLE, _OUT, _OUT)),
    "mp_flow_perform": (c_int32, (_HANDLE, c_int64, _OUT)),
    "mp_flow_free": (c_int32, (_HANDLE,)),
    "mp_key_generate": (c_int32, (*_TEXT, _OUT, _OUT)),
}
_PEEK = (
    c_int32,
    (_HANDLE, c_char_p, c_size_t, POINTER(c_size_t), POINTER(c_int64), POINTER(c_int32), POINTER(c_int64)),
)


class Peeked(NamedTuple):
    """What mp_source_peek says of a cached token."""

    access_token: str
    usable_ms: int
    refresh_due: bool
    lease_ms: int

    def __repr__(self) -> str:
        return f"<Peeked [redacted] usable_ms={self.usable_ms} refresh_due={self.refresh_due}>"


class Library:
    """One method for each function of maskinporten.h. Handles are numbers, texts are bytes of JSON."""

    def __init__(self, path: Path) -> None:
        try:
            self._dll = ctypes.CDLL(str(path))
            self._peek = ctypes.PyDLL(str(path)).mp_source_peek
            for name, (result, arguments) in _PROTOTYPES.items():
                function = getattr(self._dll, name)
                function.restype, function.argtypes = result, arguments
        except (OSError, AttributeError) as error:
            reason = str(error)
        else:
            self._peek.restype, self._peek.argtypes = _PEEK
            if (abi := self._dll.mp_abi_version()) == ABI_VERSION:
                return
            reason = f"it has ABI version {abi}, and this package needs {ABI_VERSION}"
        raise _unavailable(path, reason)

    def version(self) -> str:
        return str(self._dll.mp_version().decode())

    def client_new(self, config: Secret) -> int:
        return self._handle(self._dll.mp_client_new, config)

    def client_free(self, client: int) -> None:
        self._dll.mp_client_free(client)

    def source_new(self, client: int, request: Secret) -> int:
        return self._handle(self._dll.mp_source_new, client, request)

    def source_free(self, source: int) -> None:
        self._dll.mp_source_free(source)

    def source_key(self, source: int) -> bytes:
        return self._bytes(self._dll.mp_source_key, source)

    def source_token(self, source: int, timeout_ms: int) -> bytes:
        """Block at most timeout_ms; 0 asks the cache only."""
        return self._bytes(self._dll.mp_source_token, source, timeout_ms)

    def source_peek(self, source: int) -> Peeked | None:
        """Never block. None if there is no token that can be used."""
        length, usable_ms, refresh_due, lease_ms = c_size_t(), c_int64(), c_int32(), c_int64()
        capacity, status = 4096, _BUFFER_TOO_SMALL
        while status == _BUFFER_TOO_SMALL:
            # A buffer of its own for each call: a signal handler may peek between any two lines.
            buffer = ctypes.create_string_buffer(capacity)
            status = self._peek(
                source, buffer, capacity, byref(length), byref(usable_ms), byref(refresh_due), byref(lease_ms)
            )
            capacity = length.value + 1
        if status == _NO_TOKEN:
            return None
        if status != _OK:
            self.source_token(source, 0)  # fails for the same reason, and says which
            return None
        return Peeked(buffer.value.decode(), usable_ms.value, bool(refresh_due.value), lease_ms.value)

    def source_invalidate(self, source: int, access_token: Secret) -> None:
        self._nothing(self._dll.mp_source_invalidate, source, access_token)

    def flow_new(self, source: int) -> int:
        return self._handle(self._dll.mp_flow_new, source)

    def flow_next(self, flow: int) -> bytes:
        return self._bytes(self._dll.mp_flow_next, flow)

    def flow_perform(self, flow: int, timeout_ms: int) -> None:
        self._nothing(self._dll.mp_flow_perform, flow, timeout_ms)

    def flow_free(self, flow: int) -> None:
        self._dll.mp_flow_free(flow)

    def key_generate(self, options: Secret) -> bytes:
        return self._bytes(self._dll.mp_key_generate, options)

    def _handle(self, function: Any, *arguments: int | Secret) -> int:
        out = c_uint64()
        self._nothing(function, *arguments, byref(out))
        return out.value

    def _bytes(self, function: Any, *arguments: int | Secret) -> bytes:
        out = _Buffer()
        try:
            self._nothing(function, *arguments, byref(out))
            return ctypes.string_at(out.data, out.len) if out.len else b""
        finally:
            self._dll.mp_buf_free(byref(out))

    def _nothing(self, function: Any, *arguments: Any) -> None:
        error = _Buffer()
        try:
            if status := _call(function, arguments, error):
                text = ctypes.string_at(error.data, error.len) if error.len else b""
                raise _errors.from_json(text, status)
        finally:
            self._dll.mp_buf_free(byref(error))


def _call(function: Any, arguments: tuple[Any, ...], error: _Buffer) -> int:
    # Secrets are opened here and nowhere else: this frame is never part of a traceback of ours.
    values: list[Any] = []
    for argument in arguments:
        values += (argument.value, len(argument.value)) if isinstance(argument, Secret) else (argument,)
    return int(function(*values, byref(error)))


@cache
def library() -> Library:
    """Return the library, loading it at the first call.

    It is the one inside this package, unless the environment variable
    MASKINPORTEN_LIBRARY names another file. Two threads that come first at once
    both get the same one: the operating system loads a library once.
    """
    return Library(Path(os.environ.get("MASKINPORTEN_LIBRARY") or Path(__file__).with_name(_FILE)).resolve())


def _unavailable(path: Path, reason: str) -> _errors.LibraryError:
    if not path.exists():
        remedy = "Install the wheel for this platform, or set MASKINPORTEN_LIBRARY to the library that make lib built."
    elif sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        remedy = "Use a Linux with glibc: musl (Alpine) cannot load a library written in Go."
    else:
        remedy = "Install the wheel that fits this platform and this version of the package."
    message = f"the shared library {path.name} cannot be loaded: {reason}"
    return _errors.LibraryError(
        f"maskinporten: {message}. {remedy}",
        {"code": "library_unavailable", "message": message, "remedy": remedy},
    )
