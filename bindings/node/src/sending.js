/**
 * Sends the request of a "send" step exactly as it stands and reads at most one
 * byte more than it allows, which is enough for the core to refuse the rest.
 * @returns {Promise<{head: object, body: Uint8Array}>}
 */
export async function send(fetch, step, options) {
  const response = await fetch(step.url, {
    method: step.method,
    headers: step.headers,
    body: step.body || undefined, // a GET may not have one, not even an empty one
    redirect: "manual",
    ...options,
  });
  return {
    head: {
      status: response.type === "opaqueredirect" ? 302 : response.status, // browsers hide which redirect it was
      headers: headersOf(response),
    },
    body: await read(response.body, step.max_body + 1),
  };
}

function headersOf(response) {
  const headers = Object.create(null);
  for (const [name, value] of response.headers) {
    headers[name] = name in headers ? [headers[name], value].flat() : value;
  }
  return headers;
}

async function read(stream, limit) {
  if (!stream) return new Uint8Array(0);
  const reader = stream.getReader();
  const chunks = [];
  let length = 0;
  while (length < limit) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    length += value.length;
  }
  if (length >= limit) reader.cancel().catch(() => {}); // the rest is not wanted, nor how it ends
  return join(chunks, Math.min(length, limit));
}

function join(chunks, length) {
  const joined = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    const part = chunk.subarray(0, length - at);
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

// How Node names a TLS failure, in the code of the error behind fetch's own.
const tlsCode = /CERT|TLS|SSL|UNABLE_TO_(GET|VERIFY)|SELF_SIGNED|HOSTNAME_MISMATCH/;

/** What to tell the core about a request that got no answer. */
export function failureOf(error) {
  const code = String(error?.cause?.code ?? error?.code ?? "");
  if (error?.name === "TimeoutError" || /TIMEOUT/.test(code)) {
    return { code: "timeout", message: "the endpoint did not answer in time" };
  }
  const message = error?.cause?.message || code || String(error?.message ?? error); // fetch's own says nothing
  return { code: tlsCode.test(code) ? "tls_failed" : "connection_failed", message };
}
