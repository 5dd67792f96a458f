// Who is signed in: the access token stays in memory; tabs share the refresh token, one at a time.
import { post } from "./api.js";
import { houseTime } from "./clock.js";

const KEY = "portal.session";
const SESSION = "accessToken refreshToken expiresAt user { id username isStaff }";
const REFRESH = `mutation ($t: String!) { session: refreshSession(refreshToken: $t) { ${SESSION} } }`;
const LOGIN = `mutation ($u: String!, $p: String!) { session: login(username: $u, password: $p) { ${SESSION} } }`;

let access = null;
let shown = stored()?.user.id;
let timer = null;

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
  changes.dispatchEvent(new CustomEvent("user", { detail: why }));
}

async function keep(session) {
  localStorage.setItem(KEY, JSON.stringify(
    { refreshToken: session.refreshToken, user: session.user }));
  const lasts = Date.parse(session.expiresAt) - await houseTime().catch(() => Date.now());
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

// Another tab signed in or out. That it merely renewed the session is none of our business.
addEventListener("storage", (event) => {
  if ((event.key !== KEY && event.key !== null) || shown === user()?.id) return;
  access = null;
  clearTimeout(timer);
  announce();
});

// A refresh token is good once, so two tabs must not use it at the same time.
function alone(action) {
  return navigator.locks ? navigator.locks.request(KEY, action) : action();
}

function good() {
  return access && performance.now() < access.until;
}

/** A good access token, refreshed if need be; null when nobody is signed in. */
export async function token() {
  if (!stored()) return null;
  if (good()) return access.token;
  return alone(async () => {
    const known = stored();
    if (!known) return null;
    if (good()) return access.token;
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

/** The access token is no good any more, whatever the clock says. */
export function distrust() {
  access = null;
}

/** Ask as whoever is signed in. */
export async function ask(query, variables = {}) {
  const given = await token();
  try {
    return await post(query, variables, given);
  } catch (error) {
    if (error.code !== "UNAUTHENTICATED" || !given) throw error;
    if (access?.token === given) distrust();
    const other = await token();
    if (!other) throw error;
    return post(query, variables, other);
  }
}

/** Sign in; ApiError if name or password are wrong. */
export async function signIn(username, password) {
  const { session } = await post(LOGIN, { u: username, p: password });
  await alone(() => keep(session));
}

/** Sign out, here and at the auction house. */
export async function signOut(why = "You are signed out.") {
  const refreshToken = await alone(() => {
    const known = stored();
    forget(why);
    return known?.refreshToken;
  });
  if (refreshToken) {
    // If it can't be told now, the session there ends by itself.
    await post("mutation ($t: String!) { logout(refreshToken: $t) }", { t: refreshToken }).catch(() => {});
  }
}
