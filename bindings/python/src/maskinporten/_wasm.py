"""The core as WebAssembly, in wasmtime: for machines where no shared library fits, such as Alpine.

wasm/README.md documents the exports. The module gets clocks and random numbers
and nothing else of this machine. An instance serves one thread at a time, so
each call takes a lock; no call waits for the network.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _errors
from ._engine import ABI_VERSION, NO_TOKEN, Engine, Peeked
from ._secret import Secret

if TYPE_CHECKING:
    import wasmtime

_FILE = "maskinporten-wasip1.wasm"
_PEEK_HEADER = 4 + 8 + 4 + 8  # status, usable_ms, refresh_due, lease_ms

_forks = 0  # how many forks lie between this process and the one that was started


def _count_fork() -> None:
    global _forks
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_fork)


class WasmEngine(Engine):
    """The verbs of one instance. After a trap it is dead; the next client gets another one."""

    name = "wasm"
    sends = False

    def __init__(self, store: wasmtime.Store, exports: Any) -> None:
        self._store, self._exports = store, exports
        self._memory: wasmtime.Memory = exports["memory"]
        # Reentrant, because a signal handler may call in between two calls of its thread.
        self._lock = threading.RLock()
        self._forks = _forks
        exports["_initialize"](store)
        if (abi := exports["mp_abi_version"](store)) != ABI_VERSION:
            raise _unavailable(f"it has ABI version {abi}, and this package needs {ABI_VERSION}")
        self._epoch_at: int = exports["mp_lease_epoch"](store)
        # Memory moves when it grows; so what leases read is a copy, taken after each call.
        self.epoch = self._epoch_copy = [0]

    def version(self) -> str | None:
        return None

    def live_handles(self) -> int:
        with self._free_to_enter():
            return int(self._enter("mp_live_handles"))

    def client_events(self, client: int, timeout_ms: int) -> bytes:
        del timeout_ms
        return self._bytes("mp_client_events", client)

    def flow_perform(self, flow: int, timeout_ms: int) -> None:
        del timeout_ms
        self._done("mp_flow_perform", flow)

    def source_peek(self, source: int) -> Peeked | None:
        with self._free_to_enter():
            address, length = self._result(self._enter("mp_source_peek", source))
            block = bytes(self._memory.read(self._store, address, address + length))
            if (status := _number(block[:4])) == 0:  # its block belongs to the instance and is not freed
                header = block[:_PEEK_HEADER]
                return Peeked(
                    block[_PEEK_HEADER:].decode(), _number(header[4:12]), header[12] != 0, _number(header[16:24])
                )
            self._enter("mp_free", address)
        if status == NO_TOKEN:
            return None
        raise _errors.from_json(block[4:], status)

    def _handle(self, verb: str, *inputs: int | Secret) -> int:
        return _number(self._call(verb, inputs))

    def _bytes(self, verb: str, *inputs: int | Secret) -> bytes:
        return self._call(verb, inputs)

    def _done(self, verb: str, *inputs: int | Secret) -> None:
        self._call(verb, inputs)

    def _call(self, verb: str, inputs: tuple[int | Secret, ...]) -> bytes:
        with self._free_to_enter():
            blocks: list[int] = []
            try:
                values = self._copy_in(inputs, blocks)
                address, length = self._result(self._enter(verb, *values))
                block = bytes(self._memory.read(self._store, address, address + length))
                self._enter("mp_free", address)
                self._epoch_copy[0] = _number(self._memory.read(self._store, self._epoch_at, self._epoch_at + 8))
            finally:
                if not self.is_dead:
                    for address in blocks:
                        self._enter("mp_free", address)
        if status := _number(block[:4]):
            raise _errors.from_json(block[4:], status)
        return block[4:]

    def _copy_in(self, inputs: tuple[int | Secret, ...], blocks: list[int]) -> list[int]:
        values: list[int] = []
        for value in inputs:
            if not isinstance(value, Secret):
                # A handle is a u64, and wasmtime takes numbers with a sign.
                values.append(value - (1 << 64) if value >> 63 else value)
            elif value.value:
                blocks.append(self._copy(value))
                values += (blocks[-1], len(value.value))
            else:
                values += (0, 0)
        return values

    def _copy(self, secret: Secret) -> int:
        address = int(self._enter("mp_alloc", len(secret.value))) & 0xFFFFFFFF
        if address == 0:
            raise _errors.local(
                "invalid_argument", 1001, "the input is larger than 4 MiB", "Give at most 4 MiB of text."
            )
        self._memory.write(self._store, secret.value, address)
        return address

    def _free_to_enter(self) -> contextlib.AbstractContextManager[object]:
        # Before the lock is touched: another thread may have held it at the fork.
        if self._forks != _forks:
            raise _errors.local(
                "forked",
                1010,
                "the process forked after the engine was started",
                "Create the client after the fork, in the process that uses it.",
            )
        return self._lock

    def _result(self, packed: int) -> tuple[int, int]:
        return packed >> 32 & 0xFFFFFFFF, packed & 0xFFFFFFFF

    def _enter(self, export: str, *values: int) -> int:
        if self.is_dead:
            raise _stopped(None)
        try:
            result = self._exports[export](self._store, *values)
        except Exception as error:  # a verb reports errors as results: what is raised is a trap
            self.is_dead = True
            self._epoch_copy[0] += 1
            raise _stopped(error) from None
        return 0 if result is None else int(result)


def is_installed() -> bool:
    """Whether wasmtime and the module are there."""
    return importlib.util.find_spec("wasmtime") is not None and _module_path().exists()


def load_wasm() -> WasmEngine:
    """Start the module inside this package, or the one that MASKINPORTEN_WASM names."""
    path = _module_path()
    try:
        import wasmtime
    except ImportError as error:
        raise _unavailable(str(error)) from None
    try:
        config = wasmtime.Config()
        with contextlib.suppress(wasmtime.WasmtimeError):
            config.cache = True  # compiled once for all processes of a user who has a folder for caches
        wasm = wasmtime.Engine(config)
        module = wasmtime.Module.from_file(wasm, str(path))
        linker = wasmtime.Linker(wasm)
        linker.define_wasi()
        store = wasmtime.Store(wasm)
        store.set_wasi(wasmtime.WasiConfig())
        instance = linker.instantiate(store, module)
        # At the end of the interpreter wasmtime's finalizers would find their own module
        # taken apart, and other threads may still be inside: these live until the process ends.
        for kept in (config, wasm, module, linker, store):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))
        return WasmEngine(store, instance.exports(store))
    except (OSError, wasmtime.WasmtimeError, KeyError) as error:
        raise _unavailable(f"{path.name}: {error}") from None


def _module_path() -> Path:
    return Path(os.environ.get("MASKINPORTEN_WASM") or Path(__file__).with_name(_FILE)).resolve()


def _number(little_endian: bytes | bytearray) -> int:
    return int.from_bytes(little_endian, "little")


def _stopped(error: Exception | None) -> _errors.MaskinportenError:
    said = "" if error is None else f": {str(error).splitlines()[0]}"
    return _errors.local(
        "poisoned",
        1011,
        f"the WebAssembly instance stopped{said}",
        "Create a new client, which gets a new instance; report this as a bug if it happens again.",
    )


def _unavailable(reason: str) -> _errors.LibraryError:
    message = f"the WebAssembly engine cannot be started: {reason}"
    remedy = "Run pip install maskinporten[wasm]."
    return _errors.LibraryError(
        f"maskinporten: {message}. {remedy}",
        {"code": "library_unavailable", "message": message, "remedy": remedy},
    )
