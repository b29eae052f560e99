/** What source.fetch(input, init) comes to: the signal of the call, and the call with a token. */
export class Call {
  #input;
  #init;

  constructor(input, init) {
    this.#input = input;
    this.#init = init ?? {};
  }

  get signal() {
    return this.#init.signal === undefined ? this.#input?.signal : this.#init.signal;
  }

  /** The arguments of fetch, with the token among the headers that the caller gave. */
  with(token) {
    const headers = new Headers(this.#init.headers ?? this.#input?.headers);
    headers.set("authorization", token.header);
    return [this.#input, { ...this.#init, headers }];
  }

  /** Whether the body, if any, is still there after it was sent. */
  get canBeRepeated() {
    const { body } = this.#init;
    if (body == null) return !this.#input?.body; // the body of a Request is a stream
    return typeof body.getReader !== "function" && !(Symbol.asyncIterator in Object(body));
  }
}
