/**
 * Says once that something has ended. An AbortSignal would do, were it not that
 * Workers tie one to the request in which it was made, and a client outlives those.
 */
export class Stop {
  #callbacks = new Set();
  #ended = false;
  #reason;

  get ended() {
    return this.#ended;
  }

  end(reason) {
    if (this.#ended) return;
    this.#ended = true;
    this.#reason = reason;
    for (const call of this.#callbacks) call(reason);
    this.#callbacks.clear();
  }

  throwIfEnded() {
    if (this.#ended) throw this.#reason;
  }

  /** Calls `callback` with the reason at the end, until the function that it returns is called. */
  onEnd(callback) {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }
}

const listeners = new WeakMap(); // signal -> what to call when it is aborted

/**
 * Calls `callback` when `signal` is aborted, until the function that it returns
 * is called. A signal gets one listener however many wait on it: a signal for
 * the whole program is common, and Node warns of more than ten.
 */
function onAbort(signal, callback) {
  let callbacks = listeners.get(signal);
  if (!callbacks) {
    callbacks = new Set();
    listeners.set(signal, callbacks);
    signal.addEventListener("abort", () => callbacks.forEach((call) => call()), { once: true });
  }
  callbacks.add(callback);
  return () => callbacks.delete(callback);
}

/** Settles as `promise` does, or rejects as soon as `signal` is aborted. */
export function abortable(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const off = onAbort(signal, () => reject(signal.reason));
    promise.then(resolve, reject).then(off);
  });
}

/**
 * Runs `work` with a signal that is aborted after `ms`, or at the `stop`. The
 * result comes then too, whether or not the work listens to the signal.
 */
export async function within(ms, stop, work) {
  stop.throwIfEnded();
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new DOMException(`no result within ${ms} ms`, "TimeoutError")), ms);
  const off = stop.onEnd((reason) => limit.abort(reason));
  try {
    return await abortable(Promise.resolve(work(limit.signal)), limit.signal);
  } finally {
    clearTimeout(timer);
    off();
  }
}

/** Waits `ms`, or rejects at the `stop`. */
export async function sleep(ms, stop) {
  stop.throwIfEnded();
  let timer;
  let off;
  try {
    await new Promise((resolve, reject) => {
      off = stop.onEnd(reject);
      timer = setTimeout(resolve, ms);
    });
  } finally {
    clearTimeout(timer);
    off();
  }
}
