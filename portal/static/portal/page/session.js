// Who is signed in. The access token stays in memory; tabs share the refresh token, one at a time.
import { ApiError, post } from "./api.js";

const KEY = "portal.session";
const SESSION = "accessToken refreshToken expiresAt user { id username }";
const EARLY = 30_000;

let access = null;
export const changes = new EventTarget();

function stored() {
  return JSON.parse(localStorage.getItem(KEY) ?? "null");
}

function keep(session) {
  const before = stored()?.user.id;
  if (session) {
    const lasts = Date.parse(session.expiresAt) - Date.now();
    access = { token: session.accessToken, until: Date.now() + lasts - EARLY };
    localStorage.setItem(KEY, JSON.stringify(
      { refreshToken: session.refreshToken, user: session.user }));
  } else {
    access = null;
    localStorage.removeItem(KEY);
  }
  if (before !== session?.user.id) changes.dispatchEvent(new Event("change"));
}

addEventListener("storage", (event) => {
  if (event.key === KEY || event.key === null) {
    access = null;
    changes.dispatchEvent(new Event("change"));
  }
});

/** The signed-in user, or null. */
export function user() {
  return stored()?.user ?? null;
}

/** A good access token, refreshed if need be; null when nobody is signed in. */
export async function token() {
  if (!stored()) return null;
  if (access && Date.now() < access.until) return access.token;
  // A refresh token is good once, so two tabs must not use it at the same time.
  return navigator.locks.request(KEY, async () => {
    const known = stored();
    if (!known) return null;
    if (access && Date.now() < access.until) return access.token;
    try {
      const data = await post(
        `mutation ($t: String!) { session: refreshSession(refreshToken: $t) { ${SESSION} } }`,
        { t: known.refreshToken });
      keep(data.session);
    } catch (error) {
      if (error.code !== "UNAUTHENTICATED") throw error;
      keep(null);
      return null;
    }
    return access.token;
  });
}

/** The access token is no good any more, whatever the clock says. */
export function distrust() {
  access = null;
}

/** Ask as whoever is signed in. */
export async function ask(query, variables = {}) {
  try {
    return await post(query, variables, await token());
  } catch (error) {
    if (error.code !== "UNAUTHENTICATED" || !stored()) throw error;
    distrust();
    return post(query, variables, await token());
  }
}

/** Sign in; ApiError if name or password are wrong. */
export async function signIn(username, password) {
  const data = await post(
    `mutation ($u: String!, $p: String!) { session: login(username: $u, password: $p) { ${SESSION} } }`,
    { u: username, p: password });
  keep(data.session);
}

/** Sign out, here and at the auction house. */
export async function signOut() {
  const known = stored();
  keep(null);
  if (known) {
    await post("mutation ($t: String!) { logout(refreshToken: $t) }", { t: known.refreshToken });
  }
}

/** Submit a command under one idempotency key, however often the network fails, and await its outcome. */
export async function command(mutation, input) {
  const keyed = { ...input, idempotencyKey: crypto.randomUUID() };
  const submitted = await again(() => ask(mutation, { input: keyed }));
  const query = `query ($id: UUID!) { job(id: $id, wait: 20) {
    status rejection { code message } result { auctionId bidId userId version } } }`;
  for (;;) {
    const { job } = await again(() => ask(query, { id: submitted.job.id }));
    if (!job || job.status !== "QUEUED") return job;
  }
}

async function again(attempt, tries = 4) {
  for (let pause = 500; ; pause *= 2) {
    try {
      return await attempt();
    } catch (error) {
      const passing = error instanceof ApiError && ["OFFLINE", "UNAVAILABLE"].includes(error.code);
      if (!passing || --tries === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
