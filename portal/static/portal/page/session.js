// Who is signed in. The access token stays in memory; all tabs share the refresh token, and one at a time uses it.
import { post } from "./api.js";
import { serverTime } from "./clock.js";

const KEY = "portal.session";
const SESSION = "accessToken refreshToken expiresAt user { id username isStaff }";
const REFRESH = `mutation ($t: String!) { session: refreshSession(refreshToken: $t) { ${SESSION} } }`;
const LOGIN = `mutation ($u: String!, $p: String!) { session: login(username: $u, password: $p) { ${SESSION} } }`;

let access = null;
let shown = stored()?.user.id;
let timer = null;
let farewell = null;

/** "user": somebody else is signed in now, or nobody; `detail` may say why. "renewed": a new access token. */
export const changes = new EventTarget();

function stored() {
  try {
    return JSON.parse(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

/** The signed-in user, or null. */
export function user() {
  return stored()?.user ?? null;
}

function announce(why) {
  if (shown === user()?.id) return;
  shown = user()?.id;
  changes.dispatchEvent(new CustomEvent("user", { detail: farewell?.() ?? why }));
  farewell = null;
}

async function keep(session) {
  localStorage.setItem(KEY, JSON.stringify(
    { refreshToken: session.refreshToken, user: session.user }));
  const lasts = Date.parse(session.expiresAt) - await serverTime().catch(() => Date.now());
  const early = Math.min(30_000, lasts / 5);
  access = { token: session.accessToken, until: performance.now() + lasts - early };
  clearTimeout(timer);
  timer = setTimeout(renew, Math.max(1_000, lasts - early + 100));
  announce();
}

async function renew() {
  if (await token().catch(() => null)) changes.dispatchEvent(new Event("renewed"));
}

function forget(why) {
  access = null;
  clearTimeout(timer);
  localStorage.removeItem(KEY);
  announce(why);
}

// Another tab signed in or out. If it only renewed the session, nothing changes here.
addEventListener("storage", (event) => {
  if ((event.key !== KEY && event.key !== null) || shown === user()?.id) return;
  access = null;
  clearTimeout(timer);
  announce();
});

// A refresh token is valid once, so two tabs must not use it at the same time.
function locked(action) {
  return navigator.locks ? navigator.locks.request(KEY, action) : action();
}

function valid() {
  return access && performance.now() < access.until;
}

/** A valid access token, refreshed if need be; null when nobody is signed in. */
export async function token() {
  if (!stored()) return null;
  if (valid()) return access.token;
  return locked(async () => {
    const known = stored();
    if (!known) return null;
    if (valid()) return access.token;
    try {
      await keep((await post(REFRESH, { t: known.refreshToken })).session);
    } catch (error) {
      if (error.code !== "UNAUTHENTICATED") throw error;
      forget("Your session has ended. Please sign in again.");
      return null;
    }
    return access.token;
  });
}

/** Forget the access token, which the server refused; the next request gets another. */
export function discardToken() {
  access = null;
}

/** The data of a query or mutation, sent with the access token of whoever is signed in. */
export async function ask(query, variables = {}) {
  const sent = await token();
  try {
    return await post(query, variables, sent);
  } catch (error) {
    if (error.code !== "UNAUTHENTICATED" || !sent) throw error;
    if (access?.token === sent) discardToken();
    const other = await token();
    if (!other) throw error;
    return post(query, variables, other);
  }
}

/** Sign in; ApiError if name or password are wrong. */
export async function signIn(username, password) {
  const { session } = await post(LOGIN, { u: username, p: password });
  await locked(() => keep(session));
}

/** What gives the words if the session ends now, as a deletion may end it before its outcome is known; null for the usual. */
export function bidFarewell(words) {
  farewell = words;
}

/** Sign out here, and end the session at the server. */
export async function signOut(why = "You are signed out.") {
  const refreshToken = await locked(() => {
    const known = stored();
    forget(why);
    return known?.refreshToken;
  });
  if (refreshToken) {
    // If the server can't be reached now, the session expires there.
    await post("mutation ($t: String!) { logout(refreshToken: $t) }", { t: refreshToken }).catch(() => {});
  }
}
