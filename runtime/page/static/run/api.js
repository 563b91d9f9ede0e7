// The HTTP API: JSON in, JSON out, and errors that are one sentence.

export class ApiError extends Error {
  constructor(status, message, lines = [], retryAfter = null) {
    super(message);
    this.status = status;
    this.lines = lines;
    this.retryAfter = retryAfter;
  }
}

async function refusal(response) {
  const retryAfter = Number(response.headers.get("Retry-After")) || null;
  try {
    const body = await response.json();
    return new ApiError(response.status, body.error, body.lines ?? [], retryAfter);
  } catch {
    return new ApiError(response.status, `The run answered ${response.status}.`, [], retryAfter);
  }
}

async function call(method, path, body, signal) {
  let response;
  try {
    response = await fetch(path, {
      method,
      signal,
      credentials: "same-origin",
      ...(body === undefined
        ? {}
        : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The run does not answer. The page tries again by itself.");
  }
  if (!response.ok) throw await refusal(response);
  return response.status === 204 ? null : response.json();
}

/** Return a path with a query; empty values are left out, lists are repeated. */
export function withQuery(path, values = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") query.append(name, one);
    }
  }
  return query.size ? `${path}?${query}` : path;
}

export const api = {
  get: (path, values, signal) => call("GET", withQuery(path, values), undefined, signal),
  put: (path, body) => call("PUT", path, body),
  post: (path, body = {}) => call("POST", path, body),
  patch: (path, body) => call("PATCH", path, body),
  delete: (path) => call("DELETE", path),
};
