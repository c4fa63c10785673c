// The service, asked by the page that it serves; the key lives in this module and nowhere else.

let key = "";

export class Refused extends Error {
  constructor(status, message, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function useKey(given) {
  key = given;
}

async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (key) headers.Authorization = `Bearer ${key}`;
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "The service does not answer. Is it still running?", "unreachable");
  }
  let body = null;
  try {
    body = await answer.json();
  } catch {
    throw new Refused(answer.status, `The answer is no JSON (status ${answer.status}).`, "garbled");
  }
  if (!answer.ok) throw new Refused(answer.status, body.error?.message ?? "refused", body.error?.code ?? "");
  return body;
}

export function info() {
  return ask("/v1/info");
}

export function search(variant, query, k, weights, signal) {
  const body = { query, k, index: variant.index, pipeline: variant.pipeline, explain: true };
  if (weights) body.weights = weights;
  return ask("/v1/search", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
}
