// GraphQL subscriptions over one WebSocket (graphql-transport-ws), which reconnects by itself.
import { apiError } from "./api.js";
import { resetClock, now } from "./clock.js";
import { changes, discardToken, token } from "./session.js";

const LONGEST_PAUSE = 15_000;
const SIGN_IN_ENDED = 4403;
// Milliseconds without a message before a ping is sent, and how long an answer may take before the socket is closed.
const PING_AFTER = 15_000;
const TIMEOUT = 8_000;
const FINAL = new Set(["NOT_FOUND", "BAD_USER_INPUT", "FORBIDDEN"]);

/** "change" events: `detail` is "live", "reconnecting", or "idle" without subscriptions.
 *  "back": connected again after a break; updates may have been interrupted. */
export const status = new EventTarget();

const subscriptions = new Set();
let operations = new Map();
let count = 0;
let socket = null;
let ready = false;
let failures = 0;
let pause = null;
let silence = null;
let messageAt = NaN;
let interrupted = false;

/** When the last message came, in milliseconds of the server's clock; NaN before the first. */
export function lastMessageAt() {
  return messageAt;
}

function setState(state) {
  status.dispatchEvent(new CustomEvent("change", { detail: state }));
}

function send(message) {
  socket.send(JSON.stringify(message));
}

/** Subscribe until the returned function is called. `onData` gets each result.
 *  `variables` is called at each connection, so that it can say where to resume.
 *  `onError` gets the error if trying again can't help; the subscription has ended then. */
export function subscribe(query, variables, onData, onError = () => {}) {
  const subscription = { query, variables, onData, onError, operation: null, again: null };
  subscriptions.add(subscription);
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
  if (!subscriptions.delete(subscription)) return;
  if (ready && operations.delete(subscription.operation)) {
    send({ id: subscription.operation, type: "complete" });
  }
}

async function connect() {
  if (socket || !subscriptions.size) return;
  clearTimeout(pause);
  pause = null;
  const address = `${location.origin.replace("http", "ws")}/graphql`;
  const opening = (socket = new WebSocket(address, "graphql-transport-ws"));
  opening.onmessage = ({ data }) => opening === socket && receive(JSON.parse(data));
  opening.onclose = ({ code }) => opening === socket && onDisconnected(code);
  opening.onopen = async () => {
    try {
      const access = await token();
      const payload = access ? { Authorization: `Bearer ${access}` } : {};
      if (opening === socket) send({ type: "connection_init", payload });
    } catch {
      if (opening === socket) disconnect();
    }
  };
  expectMessage(TIMEOUT);
}

// Called for each message. Without another in time, a ping is sent; without an answer to that, the socket is closed.
function expectMessage(milliseconds) {
  clearTimeout(silence);
  silence = setTimeout(() => (ready ? ping() : disconnect()), milliseconds);
}

function ping() {
  send({ type: "ping" });
  clearTimeout(silence);
  silence = setTimeout(disconnect, TIMEOUT);
}

function receive(message) {
  expectMessage(PING_AFTER);
  messageAt = Number.isNaN(now()) ? Date.now() : now();
  const subscription = operations.get(message.id);
  switch (message.type) {
    case "connection_ack":
      ready = true;
      resetClock();
      setState("live");
      for (const each of subscriptions) start(each);
      if (interrupted) status.dispatchEvent(new Event("back"));
      interrupted = false;
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
      // These subscriptions have no end of their own: the server stopped this one early.
      operations.delete(message.id);
      if (subscription) startLater(subscription);
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
    discardToken();
    disconnect();
  } else {
    startLater(subscription);
  }
}

function startLater(subscription) {
  clearTimeout(subscription.again);
  subscription.again = setTimeout(() => {
    if (!ready || !subscriptions.has(subscription)) return;
    if (operations.delete(subscription.operation)) {
      send({ id: subscription.operation, type: "complete" });
    }
    start(subscription);
  }, 1_000 + Math.random() * 2_000);
}

// Does not wait for the close handshake: the other side may be gone.
function disconnect() {
  socket?.close();
  onDisconnected();
}

function onDisconnected(code) {
  socket = null;
  ready = false;
  operations = new Map();
  clearTimeout(silence);
  clearTimeout(pause);
  pause = null;
  setState(subscriptions.size ? "reconnecting" : "idle");
  if (!subscriptions.size) return;
  interrupted = true;
  if (code === SIGN_IN_ENDED) discardToken();
  const longest = Math.min(LONGEST_PAUSE, 300 * 2 ** failures++);
  pause = setTimeout(connect, longest * (0.5 + Math.random() / 2));
}

/** Connect now, without waiting for the pause to end. */
export function reconnect() {
  failures = 0;
  if (socket) disconnect();
  clearTimeout(pause);
  pause = null;
  connect();
}

// A connection keeps the token that it was opened with, so another token needs another connection.
changes.addEventListener("renewed", () => ready && reconnect());
changes.addEventListener("user", reconnect);
addEventListener("online", reconnect);
addEventListener("offline", () => ready && ping());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  resetClock();
  if (pause) reconnect();
  else if (ready) ping();
});
