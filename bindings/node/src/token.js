const inspect = Symbol.for("nodejs.util.inspect.custom");

/** An access token and how long it holds. Prints without its secret. */
export class Token {
  #accessToken;
  #expiresAt;

  /** @param {object} detail a token object of the core (see maskinporten.h) */
  constructor(detail) {
    this.#accessToken = detail.access_token;
    this.#expiresAt = detail.expires_at_ms;
    this.tokenType = detail.token_type;
    this.scope = detail.scope ?? "";
    Object.freeze(this);
  }

  get accessToken() {
    return this.#accessToken;
  }

  get expiresAt() {
    return new Date(this.#expiresAt);
  }

  get header() {
    return `Bearer ${this.#accessToken}`;
  }

  toJSON() {
    return { accessToken: "[redacted]", tokenType: this.tokenType, scope: this.scope, expiresAt: this.expiresAt };
  }

  toString() {
    return `Token{${this.tokenType} [redacted], scope "${this.scope}", until ${this.expiresAt.toISOString()}}`;
  }

  [inspect]() {
    return this.toString();
  }
}
