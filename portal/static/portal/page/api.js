// GraphQL over HTTP: a request gives its data or throws an ApiError.

// Milliseconds until a request without an answer fails.
const TIMEOUT = 45_000;

/** An answer that is an error; `code` is its extensions.code, or OFFLINE if there was no answer. */
export class ApiError extends Error {
  constructor(code, message, field) {
    super(message);
    this.code = code;
    this.field = field;
  }

  /** Whether the same request may succeed in a moment. */
  get passing() {
    return this.code === "OFFLINE" || this.code === "UNAVAILABLE";
  }
}

/** The ApiError for an entry of `errors` in an answer. */
export function apiError({ message, extensions = {} }) {
  return new ApiError(extensions.code, message, extensions.field);
}

/** The data of a query or mutation, sent with that access token. */
export async function post(query, variables, token) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  let content;
  try {
    const answer = await fetch("/graphql", {
      method: "POST",
      headers,
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(TIMEOUT),
    });
    content = await answer.json();
  } catch {
    throw new ApiError("OFFLINE", "no answer");
  }
  if (content.errors?.length) throw apiError(content.errors[0]);
  return content.data;
}
