import { localError, MaskinportenError } from "./errors.js";

const abiVersion = 1;
const noToken = 1007;
const peekHeader = 4 + 8 + 4 + 8; // status, usable_ms, refresh_due, lease_ms

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The engine inside a WebAssembly instance, which is made at the first call.
 * One that trapped is dropped with everything in it and replaced at the next
 * call; `generation` tells those who keep handles. The wasm folder of the
 * repository documents the exports.
 */
export class WasmEngine {
  generation = 0;
  /** Of the token that peek gave last: how long it may be handed out (ms), and 1 if it is due for renewal. */
  lease = new Float64Array(2);

  #leases = new Map(); // source -> what peek said, and until when it holds
  #start;
  #recycleAbove;
  #flows = 0;
  #instance;
  #epochAddress;
  #bytes; // the instance's memory as it is now
  #view;
  // Takes an i64 apart without arithmetic on BigInts, which allocates.
  #packed = new BigInt64Array(1);
  #halves = new Uint32Array(this.#packed.buffer);

  /**
   * @param {string} name which build it is
   * @param {() => {exports: WebAssembly.Exports, memory: WebAssembly.Memory, stop: () => void}} start
   * @param {number} [recycleAbove] the size of memory above which an idle instance is replaced, as memory never shrinks
   */
  constructor(name, start, recycleAbove = 512 * 2 ** 20) {
    this.name = name;
    this.#start = start;
    this.#recycleAbove = recycleAbove;
  }

  clientNew(json) {
    return handle(this.#call("mp_client_new", encoder.encode(json)));
  }
  clientFree(client) {
    this.#call("mp_client_free", client);
  }
  clientRotate(client, json) {
    this.#call("mp_client_rotate", client, encoder.encode(json));
  }
  clientEvents(client) {
    return decoder.decode(this.#call("mp_client_events", client));
  }
  clientStatus(client) {
    return decoder.decode(this.#call("mp_client_status", client));
  }
  sourceNew(client, json) {
    return handle(this.#call("mp_source_new", client, encoder.encode(json)));
  }
  sourceFree(source) {
    this.#leases.delete(source);
    this.#call("mp_source_free", source);
  }
  sourceKey(source) {
    return decoder.decode(this.#call("mp_source_key", source));
  }
  invalidate(source, accessToken) {
    this.#call("mp_source_invalidate", source, encoder.encode(accessToken));
  }
  flowNew(source) {
    const flow = handle(this.#call("mp_flow_new", source));
    this.#flows++;
    return flow;
  }
  flowNext(flow) {
    return decoder.decode(this.#call("mp_flow_next", flow));
  }
  flowSigned(flow, signature) {
    this.#call("mp_flow_signed", flow, signature);
  }
  flowReceived(flow, head, body) {
    this.#call("mp_flow_received", flow, encoder.encode(head), body);
  }
  flowLoaded(flow, entry) {
    this.#call("mp_flow_loaded", flow, entry);
  }
  flowSaved(flow) {
    this.#call("mp_flow_saved", flow);
  }
  flowFailed(flow, reason) {
    this.#call("mp_flow_failed", flow, encoder.encode(reason));
  }
  flowFree(flow) {
    this.#call("mp_flow_free", flow);
    this.#flows--;
    if (this.#flows === 0 && this.#instance.memory.buffer.byteLength > this.#recycleAbove) this.#drop();
  }
  keyRead(json) {
    return decoder.decode(this.#call("mp_key_read", encoder.encode(json)));
  }
  certificateRead(bytes) {
    return decoder.decode(this.#call("mp_certificate_read", bytes));
  }
  diagnose(config, request) {
    return decoder.decode(this.#call("mp_diagnose", encoder.encode(config), encoder.encode(request)));
  }
  keyGenerate(json) {
    return decoder.decode(this.#call("mp_key_generate", encoder.encode(json)));
  }

  liveHandles() {
    return Number(this.#enter("mp_live_handles"));
  }

  /** The cached access token, or undefined. The core says how long the answer holds without asking again. */
  peek(source) {
    const held = this.#leases.get(source);
    if (held !== undefined) {
      const passed = performance.now() - held.monotonic;
      if (passed < held.life && Date.now() - held.wall < held.life && this.#epoch() === held.epoch) {
        this.lease[0] = held.usable - passed;
        this.lease[1] = 0;
        return held.text;
      }
      this.#leases.delete(source);
    }
    const [monotonic, wall, epoch] = [performance.now(), Date.now(), this.#epoch()];
    const [length, address] = this.#result(this.#enter("mp_source_peek", source));
    const status = this.#view.getInt32(address, true);
    if (status === 0) {
      // The block of a peek belongs to the instance and is not freed.
      this.lease[0] = this.#view.getUint32(address + 4, true) + this.#view.getInt32(address + 8, true) * 2 ** 32;
      this.lease[1] = this.#view.getInt32(address + 12, true);
      const text = decoder.decode(this.#bytes.subarray(address + peekHeader, address + length));
      const life = this.#view.getUint32(address + 16, true) + this.#view.getInt32(address + 20, true) * 2 ** 32;
      if (life > 0) this.#leases.set(source, { text, usable: this.lease[0], life, monotonic, wall, epoch });
      return text;
    }
    if (status === noToken) {
      this.#enter("mp_free", address);
      return undefined;
    }
    return this.#take(length, address);
  }

  /** Grows whenever a lease ends before its time. Its low half tells as much as all of it. */
  #epoch() {
    this.#instance ??= this.#open();
    this.#look();
    return this.#view.getUint32(this.#epochAddress, true);
  }

  /** Calls a verb with handles (bigint) and bytes, and returns its payload. */
  #call(verb, ...inputs) {
    const blocks = [];
    try {
      const parameters = [];
      for (const input of inputs) {
        if (typeof input === "bigint") {
          parameters.push(input);
          continue;
        }
        const block = this.#copyIn(input);
        blocks.push(block);
        parameters.push(block, input.length);
      }
      const [length, address] = this.#result(this.#enter(verb, ...parameters));
      return this.#take(length, address);
    } finally {
      for (const block of blocks) if (this.#instance) this.#enter("mp_free", block);
    }
  }

  #copyIn(bytes) {
    if (bytes.length === 0) return 0;
    const block = this.#enter("mp_alloc", bytes.length) >>> 0;
    if (block === 0) throw localError("invalid_argument", `${bytes.length} bytes are too many`, "Give at most 4 MiB.");
    this.#look();
    this.#bytes.set(bytes, block);
    return block;
  }

  /** Copies a result out, frees its block, and throws if it is an error. */
  #take(length, address) {
    const status = this.#view.getInt32(address, true);
    const payload = this.#bytes.slice(address + 4, address + length);
    this.#enter("mp_free", address);
    if (status !== 0) throw MaskinportenError.fromJSON(decoder.decode(payload));
    return payload;
  }

  #result(packed) {
    this.#packed[0] = packed;
    this.#look();
    return this.#halves; // length, address
  }

  /** Views on memory are void once it has grown, and any call may grow it. */
  #look() {
    const { buffer } = this.#instance.memory;
    if (this.#bytes?.buffer === buffer) return;
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
  }

  #enter(verb, ...parameters) {
    this.#instance ??= this.#open();
    try {
      return this.#instance.exports[verb](...parameters);
    } catch (cause) {
      this.#drop(); // a verb reports errors as results: what is thrown is a trap
      throw localError(
        "internal",
        "the WebAssembly instance stopped",
        "Call again, which starts a new one; report this as a bug of maskinporten-core if it persists.",
        { cause },
      );
    }
  }

  #drop() {
    this.#instance.stop();
    this.#instance = undefined;
    this.#leases.clear();
    this.#flows = 0;
    this.generation++;
  }

  #open() {
    const instance = this.#start();
    const found = instance.exports.mp_abi_version();
    if (found === abiVersion) {
      this.#epochAddress = instance.exports.mp_lease_epoch() >>> 0;
      return instance;
    }
    instance.stop();
    throw localError(
      "engine_unavailable",
      `the WebAssembly module has ABI version ${found}, this package needs ${abiVersion}`,
      "Install the package again; its files are of different versions.",
    );
  }
}

function handle(payload) {
  return new DataView(payload.buffer).getBigUint64(0, true);
}
