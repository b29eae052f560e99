"""The shared library, through ctypes (capi/include/maskinporten.h documents the functions).

It is loaded at the first use, never on import, because it starts a Go
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
from pathlib import Path
from typing import Any

from . import _errors
from ._engine import ABI_VERSION, BUFFER_TOO_SMALL, NO_TOKEN, Engine, Peeked
from ._secret import Secret

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
    "mp_lease_epoch": (c_void_p, ()),
    "mp_buf_free": (None, (_OUT,)),
    "mp_live_handles": (c_int32, (POINTER(c_uint64),)),
    "mp_client_new": (c_int32, (*_TEXT, _HANDLE_OUT, _OUT)),
    "mp_client_free": (c_int32, (_HANDLE,)),
    "mp_client_rotate": (c_int32, (_HANDLE, *_TEXT, _OUT)),
    "mp_client_events": (c_int32, (_HANDLE, c_int64, _OUT, _OUT)),
    "mp_client_status": (c_int32, (_HANDLE, _OUT, _OUT)),
    "mp_source_new": (c_int32, (_HANDLE, *_TEXT, _HANDLE_OUT, _OUT)),
    "mp_source_free": (c_int32, (_HANDLE,)),
    "mp_source_key": (c_int32, (_HANDLE, _OUT, _OUT)),
    "mp_source_token": (c_int32, (_HANDLE, c_int64, _OUT, _OUT)),
    "mp_source_invalidate": (c_int32, (_HANDLE, *_TEXT, _OUT)),
    "mp_flow_new": (c_int32, (_HANDLE, _HANDLE_OUT, _OUT)),
    "mp_flow_next": (c_int32, (_HANDLE, _OUT, _OUT)),
    "mp_flow_signed": (c_int32, (_HANDLE, *_TEXT, _OUT)),
    "mp_flow_received": (c_int32, (_HANDLE, *_TEXT, *_TEXT, _OUT)),
    "mp_flow_loaded": (c_int32, (_HANDLE, *_TEXT, _OUT)),
    "mp_flow_saved": (c_int32, (_HANDLE, _OUT)),
    "mp_flow_failed": (c_int32, (_HANDLE, *_TEXT, _OUT)),
    "mp_flow_perform": (c_int32, (_HANDLE, c_int64, _OUT)),
    "mp_flow_free": (c_int32, (_HANDLE,)),
    "mp_key_generate": (c_int32, (*_TEXT, _OUT, _OUT)),
    "mp_certificate_read": (c_int32, (*_TEXT, _OUT, _OUT)),
    "mp_diagnose": (c_int32, (*_TEXT, *_TEXT, _OUT, _OUT)),
}
# These answer with a status alone.
_WITHOUT_ERROR = {"mp_client_free", "mp_source_free", "mp_flow_free"}
_PEEK = (
    c_int32,
    (_HANDLE, c_char_p, c_size_t, POINTER(c_size_t), POINTER(c_int64), POINTER(c_int32), POINTER(c_int64)),
)


class NativeEngine(Engine):
    """The verbs of the library at that path."""

    name = "native"
    sends = True

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
                # Eight aligned bytes, which are read at once.
                place = c_uint64.from_address(self._dll.mp_lease_epoch())
                self.epoch = memoryview(place).cast("B").cast("Q")
                return
            reason = f"it has ABI version {abi}, and this package needs {ABI_VERSION}"
        raise _unavailable(path, reason)

    def version(self) -> str | None:
        return str(self._dll.mp_version().decode())

    def live_handles(self) -> int:
        count = c_uint64()
        if status := self._dll.mp_live_handles(byref(count)):
            raise _errors.from_json(b"", status)
        return count.value

    def client_events(self, client: int, timeout_ms: int) -> bytes:
        return self._bytes("mp_client_events", client, timeout_ms)

    def flow_perform(self, flow: int, timeout_ms: int) -> None:
        self._done("mp_flow_perform", flow, timeout_ms)

    def source_peek(self, source: int) -> Peeked | None:
        length, usable_ms, refresh_due, lease_ms = c_size_t(), c_int64(), c_int32(), c_int64()
        capacity = 4096
        while True:
            # A buffer of its own for each call: a signal handler may peek between any two lines.
            buffer = ctypes.create_string_buffer(capacity)
            status = self._peek(
                source, buffer, capacity, byref(length), byref(usable_ms), byref(refresh_due), byref(lease_ms)
            )
            if status != BUFFER_TOO_SMALL:
                break
            capacity = length.value + 1
        if status == NO_TOKEN:
            return None
        if status:
            self.source_key(source)  # fails for the same reason, and says which
            return None
        return Peeked(buffer.value.decode(), usable_ms.value, bool(refresh_due.value), lease_ms.value)

    def _handle(self, verb: str, *inputs: int | Secret) -> int:
        out = c_uint64()
        self._call(verb, inputs, byref(out))
        return out.value

    def _bytes(self, verb: str, *inputs: int | Secret) -> bytes:
        out = _Buffer()
        try:
            self._call(verb, inputs, byref(out))
            return ctypes.string_at(out.data, out.len) if out.len else b""
        finally:
            self._dll.mp_buf_free(byref(out))

    def _done(self, verb: str, *inputs: int | Secret) -> None:
        self._call(verb, inputs)

    def _call(self, verb: str, inputs: tuple[int | Secret, ...], *outputs: Any) -> None:
        error = _Buffer()
        try:
            function = getattr(self._dll, verb)
            if status := _enter(function, inputs, outputs if verb in _WITHOUT_ERROR else (*outputs, byref(error))):
                text = ctypes.string_at(error.data, error.len) if error.len else b""
                raise _errors.from_json(text, status)
        finally:
            self._dll.mp_buf_free(byref(error))


def _enter(function: Any, inputs: tuple[int | Secret, ...], outputs: tuple[Any, ...]) -> int:
    # Secrets are opened here and nowhere else: this frame is never part of a traceback of ours.
    values: list[Any] = []
    for value in inputs:
        values += (value.value, len(value.value)) if isinstance(value, Secret) else (value,)
    return int(function(*values, *outputs))


def load_native() -> NativeEngine:
    """Load the library inside this package, or the one that MASKINPORTEN_LIBRARY names."""
    return NativeEngine(Path(os.environ.get("MASKINPORTEN_LIBRARY") or Path(__file__).with_name(_FILE)).resolve())


def _unavailable(path: Path, reason: str) -> _errors.LibraryError:
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        remedy = (
            "musl (Alpine) cannot load a library written in Go: "
            "run pip install maskinporten[wasm], which does the same in WebAssembly, or use a Linux with glibc."
        )
    elif not path.exists():
        remedy = (
            "Install the wheel for this platform, run pip install maskinporten[wasm] where there is none, "
            "or set MASKINPORTEN_LIBRARY to the library that make lib built."
        )
    else:
        remedy = "Install the wheel that fits this platform and this version of the package."
    message = f"the shared library {path.name} cannot be loaded: {reason}"
    return _errors.LibraryError(
        f"maskinporten: {message}. {remedy}",
        {"code": "library_unavailable", "message": message, "remedy": remedy},
    )
