/** The options of fetch with the token in their headers. */
export function authorized(input, init, token) {
  const headers = new Headers(init.headers ?? input?.headers);
  headers.set("authorization", token.header);
  return { ...init, headers };
}

/** Whether the body of a call, if any, is still there after it was sent. */
export function canSendAgain(input, init) {
  if (init.body == null) return !input?.body; // the body of a Request is a stream
  return typeof init.body.getReader !== "function" && !(Symbol.asyncIterator in Object(init.body));
}
