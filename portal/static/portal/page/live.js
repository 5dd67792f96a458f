// Subscriptions over one WebSocket (graphql-transport-ws) that comes back by itself.
import { apiError } from "./api.js";
import { distrustClock, now } from "./clock.js";
import { changes, distrust, token } from "./session.js";

const LONGEST_PAUSE = 15_000;
const SIGN_IN_OVER = 4403;
// A line that says nothing is asked whether it is still there, and given up without an answer.
const QUIET = 15_000;
const PATIENCE = 8_000;
const FINAL = new Set(["NOT_FOUND", "BAD_USER_INPUT", "FORBIDDEN"]);

/** "change" events: `detail` is "live", "reconnecting", or "idle" if nothing is followed.
 *  "back": live again after the line was lost; news may have been missed. */
export const status = new EventTarget();

const followed = new Set();
let operations = new Map();
let count = 0;
let socket = null;
let ready = false;
let failures = 0;
let pause = null;
let watch = null;
let heard = NaN;
let missed = false;

/** When the auction house was last heard of, in milliseconds of its own clock; NaN if never. */
export function lastHeard() {
  return heard;
}

function tell(state) {
  status.dispatchEvent(new CustomEvent("change", { detail: state }));
}

function send(message) {
  socket.send(JSON.stringify(message));
}

/** Follow a subscription until the returned function is called.
 *  `variables` is asked anew at each reconnect, so that it can say where to resume.
 *  `onError` hears of errors that trying again won't mend. */
export function follow(query, variables, onData, onError = () => {}) {
  const subscription = { query, variables, onData, onError, operation: null, again: null };
  followed.add(subscription);
  if (ready) start(subscription);
  else if (!pause) connect();
  return () => stop(subscription);
}

function start(subscription) {
  const { query, variables } = subscription;
  clearTimeout(subscription.again);
  subscription.operation = String(++count);
  operations.set(subscription.operation, subscription);
  send({ id: subscription.operation, type: "subscribe", payload: { query, variables: variables() } });
}

function stop(subscription) {
  if (!followed.delete(subscription)) return;
  if (ready && operations.delete(subscription.operation)) {
    send({ id: subscription.operation, type: "complete" });
  }
}

async function connect() {
  if (socket || !followed.size) return;
  clearTimeout(pause);
  pause = null;
  const address = `${location.origin.replace("http", "ws")}/graphql`;
  const opening = (socket = new WebSocket(address, "graphql-transport-ws"));
  opening.onmessage = ({ data }) => opening === socket && receive(JSON.parse(data));
  opening.onclose = ({ code }) => opening === socket && lost(code);
  opening.onopen = async () => {
    try {
      const access = await token();
      const payload = access ? { Authorization: `Bearer ${access}` } : {};
      if (opening === socket) send({ type: "connection_init", payload });
    } catch {
      if (opening === socket) hangUp();
    }
  };
  listen(PATIENCE);
}

// Anything heard proves the line; after silence a ping has to.
function listen(patience) {
  clearTimeout(watch);
  watch = setTimeout(() => (ready ? ask() : hangUp()), patience);
}

function ask() {
  send({ type: "ping" });
  clearTimeout(watch);
  watch = setTimeout(hangUp, PATIENCE);
}

function receive(message) {
  listen(QUIET);
  heard = Number.isNaN(now()) ? Date.now() : now();
  const subscription = operations.get(message.id);
  switch (message.type) {
    case "connection_ack":
      ready = true;
      distrustClock();
      tell("live");
      for (const each of followed) start(each);
      if (missed) status.dispatchEvent(new Event("back"));
      missed = false;
      break;
    case "next":
      if (message.payload.errors) failed(subscription, message.payload.errors[0]);
      else subscription?.onData(message.payload.data);
      failures = 0;
      break;
    case "error":
      operations.delete(message.id);
      failed(subscription, message.payload[0]);
      break;
    case "complete":
      // None of ours ends by itself: the house broke off.
      operations.delete(message.id);
      if (subscription) startAgain(subscription);
      break;
    case "ping":
      send({ type: "pong" });
  }
}

function failed(subscription, error) {
  if (!subscription) return;
  const { code } = error.extensions ?? {};
  if (FINAL.has(code)) {
    stop(subscription);
    subscription.onError(apiError(error));
  } else if (code === "UNAUTHENTICATED") {
    distrust();
    hangUp();
  } else {
    startAgain(subscription);
  }
}

function startAgain(subscription) {
  clearTimeout(subscription.again);
  subscription.again = setTimeout(() => {
    if (!ready || !followed.has(subscription)) return;
    if (operations.delete(subscription.operation)) {
      send({ id: subscription.operation, type: "complete" });
    }
    start(subscription);
  }, 1_000 + Math.random() * 2_000);
}

// Without waiting for the other side, which may be gone.
function hangUp() {
  socket?.close();
  lost();
}

function lost(code) {
  socket = null;
  ready = false;
  operations = new Map();
  clearTimeout(watch);
  clearTimeout(pause);
  pause = null;
  tell(followed.size ? "reconnecting" : "idle");
  if (!followed.size) return;
  missed = true;
  if (code === SIGN_IN_OVER) distrust();
  const longest = Math.min(LONGEST_PAUSE, 300 * 2 ** failures++);
  pause = setTimeout(connect, longest * (0.5 + Math.random() / 2));
}

/** Try now, without waiting for the next try's turn. */
export function reconnect() {
  failures = 0;
  if (socket) hangUp();
  clearTimeout(pause);
  pause = null;
  connect();
}

// The house sees a new token, or somebody else, only on a new connection.
changes.addEventListener("renewed", () => ready && reconnect());
changes.addEventListener("user", reconnect);
addEventListener("online", reconnect);
addEventListener("offline", () => ready && ask());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  distrustClock();
  if (pause) reconnect();
  else if (ready) ask();
});
