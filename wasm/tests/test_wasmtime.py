"""Drives the wasip1 modules from wasmtime, as a program would that embeds them.

What it does is what README.md of the folder above says, and nothing else. Only
the shared vectors run through the engine of the Python package.
"""

from __future__ import annotations

import base64
import functools
import json
import os
import queue
import struct
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from wasmtime import Config, Engine, Func, Linker, Module, Store, Trap, WasiConfig, WasmtimeError

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MASKINPORTEN_BUILD") or ROOT / "build")
sys.path.insert(0, str(ROOT / "bindings" / "python" / "tests"))

import vectors  # noqa: E402
from maskinporten._wasm import WasmEngine  # noqa: E402

FLAVOURS = ("wasip1", "wasip1-host-signs")
CONFIG = b'{"environment":"test","client_id":"c0ffee00-0000-4000-8000-000000000000","key":{"kid":"k"}}'
PAGE = 65536
PLENTY = 10**12  # of fuel


@functools.cache
def compiled(flavour: str, fuel: bool) -> tuple[Engine, Module]:
    config = Config()
    config.consume_fuel = fuel
    engine = Engine(config)
    return engine, Module.from_file(engine, str(BUILD / f"maskinporten-{flavour}.wasm"))


class Instance:
    """One instance: clocks, random numbers, and nothing else of this machine."""

    def __init__(self, flavour: str = "wasip1-host-signs", *, fuel: bool = False, memory: int = -1) -> None:
        engine, module = compiled(flavour, fuel)
        self.store = Store(engine)
        self.store.set_wasi(WasiConfig())
        self.store.set_limits(memory_size=memory)
        if fuel:
            self.store.set_fuel(PLENTY)
        linker = Linker(engine)
        linker.define_wasi()
        self.exports = linker.instantiate(self.store, module).exports(self.store)
        self.memory = self.exports["memory"]

    def started(self) -> Instance:
        self.enter("_initialize")
        return self

    def enter(self, export: str, *values: int) -> int:
        function = self.exports[export]
        assert isinstance(function, Func)
        return function(self.store, *values) or 0

    def give(self, data: bytes) -> tuple[int, int]:
        address = self.enter("mp_alloc", len(data)) & 0xFFFFFFFF
        assert address != 0
        self.memory.write(self.store, data, address)
        return address, len(data)

    def take(self, packed: int) -> tuple[int, bytes]:
        address, length = packed >> 32 & 0xFFFFFFFF, packed & 0xFFFFFFFF
        block = bytes(self.memory.read(self.store, address, address + length))
        self.enter("mp_free", address)
        return struct.unpack("<i", block[:4])[0], block[4:]

    def call(self, verb: str, *values: int | bytes) -> tuple[int, bytes]:
        """Call a verb with handles and inputs: its status and payload."""
        parameters: list[int] = []
        blocks: list[int] = []
        for value in values:
            parameters += (value,) if isinstance(value, int) else self.give(value)
            if not isinstance(value, int):
                blocks.append(parameters[-2])
        status, payload = self.take(self.enter(verb, *parameters))
        for block in blocks:
            self.enter("mp_free", block)
        return status, payload

    def good(self, verb: str, *values: int | bytes) -> bytes:
        status, payload = self.call(verb, *values)
        assert status == 0, payload
        return payload

    def handle(self, verb: str, *values: int | bytes) -> int:
        return int(struct.unpack("<q", self.good(verb, *values))[0])

    def source(self) -> int:
        return self.handle("mp_source_new", self.handle("mp_client_new", CONFIG), b'{"scopes":["a:b"]}')

    def works(self) -> None:
        flow = self.handle("mp_flow_new", self.source())
        assert json.loads(self.good("mp_flow_next", flow))["step"] == "sign"


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_whole_job(flavour: str) -> None:
    instance = Instance(flavour).started()
    source = instance.source()
    assert instance.call("mp_source_peek", source)[0] == 1007
    flow = instance.handle("mp_flow_new", source)
    sign = json.loads(instance.good("mp_flow_next", flow))
    header, _ = sign["signing_input"].split(".")
    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "RS256", "kid": "k"}
    instance.good("mp_flow_signed", flow, bytes(256))
    send = json.loads(instance.good("mp_flow_next", flow))
    assert send["step"] == "send"
    assert send["url"] == "https://test.maskinporten.no/token"
    answer = {"access_token": "secret", "token_type": "Bearer", "expires_in": 120, "scope": "a:b"}
    instance.good("mp_flow_received", flow, b'{"status":200}', json.dumps(answer).encode())
    assert json.loads(instance.good("mp_flow_next", flow))["step"] == "done"
    usable, due, lease = struct.unpack("<qIq", instance.good("mp_source_peek", source)[:20])
    assert 0 < lease <= usable <= 110_000
    assert due == 0
    assert instance.good("mp_source_peek", source)[20:] == b"secret"
    epoch_at = instance.enter("mp_lease_epoch")
    epoch = bytes(instance.memory.read(instance.store, epoch_at, epoch_at + 8))
    instance.good("mp_source_invalidate", source, b"secret")
    assert bytes(instance.memory.read(instance.store, epoch_at, epoch_at + 8)) != epoch
    assert instance.call("mp_source_peek", source)[0] == 1007


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_vectors(flavour: str) -> None:
    idle: queue.SimpleQueue[WasmEngine] = queue.SimpleQueue()

    def run(operation: str, case: vectors.Object) -> str:
        try:
            engine = idle.get_nowait()
        except queue.Empty:
            instance = Instance(flavour)
            engine = WasmEngine(instance.store, instance.exports)
        try:
            why = vectors.Runner(engine).run(operation, case)
        except Exception as error:
            why = repr(error)
        idle.put(engine)
        return f"{case['name']}: {why}" if why else ""

    jobs = []
    with ThreadPoolExecutor(32) as pool:  # so that their pauses overlap
        for subject in vectors.subjects():
            file = vectors.read(f"{subject}.json")
            defaults = {name: file[name] for name in ("config", "request") if name in file}
            jobs += [
                pool.submit(run, file["operation"], {**defaults, **case})
                for case in file["cases"]
                if "abi" in case["runs_on"]
            ]
    assert len(jobs) >= 300
    assert [why for job in jobs if (why := job.result())] == []


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_it_imports_nothing_but_wasi(flavour: str) -> None:
    _, module = compiled(flavour, False)
    assert {one.module for one in module.imports} == {"wasi_snapshot_preview1"}


def test_hostile_memory() -> None:
    instance = Instance().started()
    block, length = instance.give(CONFIG)
    hostile = [
        (0, 5),
        (1, 1),
        (-16, 8),
        (-16, 100),
        (block, -1),
        (-1, -1),
        (2**31 - 1, 2**31 - 1),
        (block, length + 1),
        (block + 1, 1),
    ]
    for address, size in hostile:
        for verb in ("mp_client_new", "mp_key_read"):
            status, failure = instance.take(instance.enter(verb, address, size))
            assert (status, json.loads(failure)["code"]) == (1001, "invalid_argument"), (verb, address, size)
        if address != block:
            instance.enter("mp_free", address)
    assert [instance.enter("mp_alloc", size) for size in (0, -1, 2**24 + 1, 2**31 - 1)] == [0, 0, 0, 0]
    instance.works()


def trap(call: Callable[[], object]) -> str:
    with pytest.raises((Trap, WasmtimeError)) as caught:
        call()
    return str(caught.value)


def test_fuel() -> None:
    """A call that needs more than it is given is cut off, and its instance is thrown away."""
    instance = Instance(fuel=True).started()
    before = instance.store.get_fuel()
    instance.works()
    assert before - instance.store.get_fuel() < 50_000_000
    instance.store.set_fuel(1000)
    assert "fuel" in trap(instance.works)
    Instance(fuel=True).started().works()


def test_memory_limit() -> None:
    """F87: where memory cannot grow the call traps; the next instance is as good as new."""
    free = Instance().started()
    free.works()
    limit = free.memory.size(free.store) * PAGE + 2**20
    for _ in range(2):
        instance = Instance(memory=limit).started()
        instance.works()
        assert trap(lambda instance=instance: [instance.enter("mp_alloc", 4 << 20) for _ in range(8)])  # type: ignore[misc]
        assert instance.memory.size(instance.store) * PAGE <= limit


def test_before_initialize() -> None:
    assert trap(lambda: Instance().enter("mp_alloc", 1))
