// Subscriptions over one WebSocket (graphql-transport-ws) that comes back by itself.
import { changes, distrust, token } from "./session.js";

const LONGEST = 15_000;
const SIGN_IN_OVER = 4403;

export const status = new EventTarget();
const wanted = new Map();
let socket = null;
let ready = false;
let failures = 0;
let timer = null;
let count = 0;

function tell(state) {
  status.dispatchEvent(new CustomEvent("change", { detail: state }));
}

/** Follow a subscription until the returned function is called.
 *  `variables` is asked anew at each reconnect, so that it can say where to resume. */
export function follow(query, variables, onData, onError = () => {}) {
  const id = String(++count);
  wanted.set(id, { query, variables, onData, onError });
  if (ready) start(id);
  else connect();
  return () => {
    wanted.delete(id);
    if (ready) socket.send(JSON.stringify({ id, type: "complete" }));
  };
}

function start(id) {
  const { query, variables } = wanted.get(id);
  socket.send(JSON.stringify({ id, type: "subscribe", payload: { query, variables: variables() } }));
}

async function connect() {
  if (socket || timer || !wanted.size) return;
  const opening = (socket = new WebSocket(
    `${location.origin.replace("http", "ws")}/graphql`, "graphql-transport-ws"));
  opening.onopen = async () => {
    try {
      const access = await token();
      const payload = access ? { Authorization: `Bearer ${access}` } : {};
      opening.send(JSON.stringify({ type: "connection_init", payload }));
    } catch {
      opening.close();
    }
  };
  opening.onmessage = (event) => receive(JSON.parse(event.data));
  opening.onclose = (event) => closed(opening, event.code);
}

function receive(message) {
  const subscription = wanted.get(message.id);
  switch (message.type) {
    case "connection_ack":
      ready = true;
      failures = 0;
      tell("live");
      for (const id of wanted.keys()) start(id);
      break;
    case "next":
      if (message.payload.errors) subscription?.onError(message.payload.errors[0]);
      else subscription?.onData(message.payload.data);
      break;
    case "error":
      wanted.delete(message.id);
      subscription?.onError(message.payload[0]);
      break;
    case "ping":
      socket.send(JSON.stringify({ type: "pong" }));
  }
}

function closed(which, code) {
  if (which !== socket) return;
  socket = null;
  ready = false;
  if (code === SIGN_IN_OVER) distrust();
  if (!wanted.size) return;
  tell("reconnecting");
  const pause = Math.min(LONGEST, 250 * 2 ** failures++) * (0.5 + Math.random() / 2);
  timer = setTimeout(() => { timer = null; connect(); }, pause);
}

// Somebody else looks at the page now: their own bids are other ones.
changes.addEventListener("change", () => socket?.close());
addEventListener("online", () => { clearTimeout(timer); timer = null; failures = 0; connect(); });
