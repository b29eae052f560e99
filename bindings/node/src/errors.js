/** Everything that goes wrong in this package, with what to do about it. */
export class MaskinportenError extends Error {
  /**
   * @param {object} detail an error object of the core (see maskinporten.h)
   * @param {{cause?: unknown}} [options] what a signer or fetch threw
   */
  constructor(detail, options) {
    super(detail.text ?? detail.message, options);
    this.code = detail.code;
    this.number = detail.number;
    this.kind = detail.kind;
    this.remedy = detail.remedy;
    this.retryable = detail.retryable;
    this.problems = detail.problems ?? [];
    this.oauthError = detail.error;
    this.description = detail.error_description;
    this.mpCode = detail.mp_code;
    this.status = detail.status;
    this.traceId = detail.trace_id;
    this.attempts = detail.attempts;
    this.nextAttempt = detail.next_attempt_ms === undefined ? undefined : new Date(detail.next_attempt_ms);
    for (const name of Object.keys(this)) {
      if (this[name] === undefined) delete this[name]; // what does not apply is absent, also in a log
    }
  }

  /** Reads an error object as an engine delivers it. */
  static fromJSON(json) {
    return new MaskinportenError(JSON.parse(json));
  }
}
// On the prototype, so that it does not show among the fields of a logged error.
Object.defineProperty(MaskinportenError.prototype, "name", { value: "MaskinportenError", configurable: true, writable: true });

// The numbers of the few errors that this package finds by itself. They are
// the core's own; 0 is what no core knows.
const numbers = { invalid_argument: 1001, invalid_configuration: 1002, closed: 1009, internal: 1012, engine_unavailable: 0 };

/** An error found on this side of the engine. */
export function localError(code, message, remedy, options) {
  return new MaskinportenError(
    { kind: "local", code, number: numbers[code], message, remedy, text: `maskinporten: ${message}. ${remedy}`, retryable: false },
    options,
  );
}
