// GraphQL over HTTP.

/** An answer that is an error; `code` is its extensions.code, or "OFFLINE" if there was none. */
export class ApiError extends Error {
  constructor(code, message, field) {
    super(message);
    this.code = code;
    this.field = field;
  }
}

/** The data of a query or mutation, asked with that access token. */
export async function post(query, variables, token) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  let content;
  try {
    const answer = await fetch("/graphql", {
      method: "POST", headers, body: JSON.stringify({ query, variables }),
    });
    content = await answer.json();
  } catch {
    throw new ApiError("OFFLINE", "The auction house does not answer. Try again in a moment.");
  }
  const error = content.errors?.[0];
  if (error) throw new ApiError(error.extensions?.code, error.message, error.extensions?.field);
  return content.data;
}
