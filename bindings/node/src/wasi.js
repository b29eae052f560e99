// WASI errno values (wasi_snapshot_preview1).
const success = 0;
const badDescriptor = 8;
const notSupported = 52;

const clockRealtime = 0;
const eventSize = 32;
const randomLimit = 65536; // of one getRandomValues

/**
 * Starts a wasip1 reactor. It gets clocks and randomness and nothing else of
 * this machine: no arguments, environment, files or output.
 */
export function startReactor(module) {
  let memory;
  let view;
  const look = () => (view?.buffer === memory.buffer ? view : (view = new DataView(memory.buffer)));

  const setNanoseconds = (address, milliseconds) => {
    const nanoseconds = milliseconds * 1e6;
    const high = Math.floor(nanoseconds / 2 ** 32);
    look().setUint32(address, nanoseconds - high * 2 ** 32, true);
    view.setUint32(address + 4, high, true);
    return success;
  };
  const nothing = (countAddress, sizeAddress) => {
    look().setUint32(countAddress, 0, true);
    view.setUint32(sizeAddress, 0, true);
    return success;
  };

  const given = {
    args_sizes_get: nothing,
    args_get: () => success,
    environ_sizes_get: nothing,
    environ_get: () => success,
    clock_time_get: (clock, _precision, address) => setNanoseconds(address, clock === clockRealtime ? Date.now() : performance.now()),
    random_get(address, length) {
      for (let at = 0; at < length; at += randomLimit) {
        crypto.getRandomValues(new Uint8Array(memory.buffer, address + at, Math.min(randomLimit, length - at)));
      }
      return success;
    },
    sched_yield: () => success,
    // Go sleeps with this while its collector spins. Every event is reported at
    // once: to wait for real would stop this thread.
    poll_oneoff(subscriptions, events, count, countAddress) {
      for (let i = 0; i < count; i++) {
        const event = new Uint8Array(memory.buffer, events + i * eventSize, eventSize).fill(0);
        event.set(new Uint8Array(memory.buffer, subscriptions + i * 48, 8)); // userdata
        event[10] = look().getUint8(subscriptions + i * 48 + 8); // type
      }
      look().setUint32(countAddress, count, true);
      return success;
    },
    // Only a fatal error of the Go runtime writes. It says it has written.
    fd_write(_descriptor, vectors, count, writtenAddress) {
      let written = 0;
      for (let i = 0; i < count; i++) written += look().getUint32(vectors + i * 8 + 4, true);
      look().setUint32(writtenAddress, written, true);
      return success;
    },
    fd_prestat_get: () => badDescriptor, // there are no folders
    fd_fdstat_get: () => badDescriptor,
    proc_exit(code) {
      throw new Error(`the Go runtime ended with exit code ${code}`);
    },
  };
  const imports = {};
  for (const { name } of WebAssembly.Module.imports(module)) {
    imports[name] = given[name] ?? (() => notSupported);
  }
  const { exports } = new WebAssembly.Instance(module, { wasi_snapshot_preview1: imports });
  memory = exports.memory;
  exports._initialize();
  return { exports, memory, stop: () => {} };
}
