import { localError } from "./errors.js";

// Some edge runtimes tell nobody what was collected: their objects are freed by close, or with the isolate.
const { FinalizationRegistry: Registry = class { register() {} unregister() {} }, WeakRef } = globalThis;

const forgotten = new Registry((handle) => handle.close());

/**
 * A number that stands for an object inside an engine. An engine may lose its
 * objects (a WebAssembly instance that trapped is replaced); the number is then
 * made again from the settings, so whoever holds a Handle need not know.
 */
export class Handle {
  #engine;
  #open;
  #free;
  #parent;
  #generation = -1;
  #number = 0n;
  #closed = false;

  /**
   * @param engine the engine that knows the object
   * @param {() => bigint} open makes the object; must not refer to the owner, which could then never be collected
   * @param {string} free the engine's verb that frees it
   * @param {Handle} [parent] closing it closes this one
   */
  constructor(engine, open, free, parent) {
    this.#engine = engine;
    this.#open = open;
    this.#free = free;
    this.#parent = parent;
    this.#renew(); // a mistake in the settings shows here
  }

  /** Frees the object when `owner` is collected, for owners nobody closes. */
  ownedBy(owner) {
    forgotten.register(owner, this, this);
    return this;
  }

  get closed() {
    return this.#closed || this.#parent?.closed === true;
  }

  get number() {
    if (this.closed) {
      throw localError("closed", "the client was closed", "Create a new client; this one was closed.");
    }
    if (this.#generation !== this.#engine.generation) this.#renew();
    return this.#number;
  }

  #renew() {
    this.#number = this.#open();
    this.#generation = this.#engine.generation;
  }

  /** May be called twice, and after the parent was closed. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    forgotten.unregister(this);
    if (this.#generation !== this.#engine.generation) return;
    try {
      this.#engine[this.#free](this.#number);
    } catch {
      // The engine broke down, and the object is gone with it.
    }
  }
}

/** A map that keeps a value only as long as somebody else holds it. */
export class WeakValues {
  #references = new Map();
  #collected = new Registry((key) => {
    if (this.#references.get(key)?.deref() === undefined) this.#references.delete(key);
  });

  /** The value of that key, made if there is none. */
  get(key, make) {
    if (!WeakRef) return make(); // nothing is shared then
    let value = this.#references.get(key)?.deref();
    if (value === undefined) {
      value = make();
      this.#references.set(key, new WeakRef(value));
      this.#collected.register(value, key);
    }
    return value;
  }
}
