import { MaskinportenError } from "./errors.js";
import { camel } from "./settings.js";

/** How many events an engine keeps between two looks at them; there is one after every step. */
export const keptEvents = 100;

/** Hands the events of a client to its observer, who cannot disturb what is going on. */
export class Reporter {
  #engine;
  #client;
  #onEvent;

  /**
   * @param engine the engine that holds the client
   * @param {import("./handle.js").Handle} client
   * @param {((event: object) => void) | undefined} onEvent
   */
  constructor(engine, client, onEvent) {
    this.#engine = engine;
    this.#client = client;
    this.#onEvent = onEvent;
  }

  /** Passes on what has happened since the last call. */
  report() {
    if (!this.#onEvent || this.#client.closed) return;
    let kept;
    try {
      kept = JSON.parse(this.#engine.clientEvents(this.#client.number));
    } catch {
      return; // the engine broke down, and its events are gone with it
    }
    for (const event of kept.events) this.#deliver(eventOf(event));
  }

  async #deliver(event) {
    try {
      await this.#onEvent(event);
    } catch (error) {
      complain(error);
    }
  }
}

/** A mistake in an observer is shown where the platform shows such things, and ends nothing. */
function complain(error) {
  if (globalThis.process?.emitWarning) globalThis.process.emitWarning(`maskinporten: onEvent failed: ${error?.stack ?? error}`);
  else globalThis.reportError?.(error);
}

/** An event of the core in this language's case, with dates and errors as such. */
function eventOf(detail) {
  const event = camel(detail);
  for (const name of ["time", "until"]) if (name in event) event[name] = new Date(event[name]);
  if (event.error) event.error = new MaskinportenError(event.error);
  return event;
}
