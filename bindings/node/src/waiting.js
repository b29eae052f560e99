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
 * Runs `work` with a signal that is aborted after `ms`, or with `stop`. The
 * result comes then too, whether or not the work listens to the signal.
 */
export async function within(ms, stop, work) {
  stop.throwIfAborted();
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new DOMException(`no result within ${ms} ms`, "TimeoutError")), ms);
  const off = onAbort(stop, () => limit.abort(stop.reason));
  try {
    return await abortable(Promise.resolve(work(limit.signal)), limit.signal);
  } finally {
    clearTimeout(timer);
    off();
  }
}

/** Waits `ms`, or rejects when `stop` is aborted. */
export async function sleep(ms, stop) {
  let timer;
  try {
    await abortable(new Promise((resolve) => { timer = setTimeout(resolve, ms); }), stop);
  } finally {
    clearTimeout(timer);
  }
}
