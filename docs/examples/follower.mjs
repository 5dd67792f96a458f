// Follows an auction to its end: node follower.mjs URL AUCTION_ID USERNAME PASSWORD
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "graphql-ws";
import WebSocket from "ws"; // In browsers, and from Node.js 22 on, leave this and webSocketImpl out.

const [url, auctionId, username, password] = process.argv.slice(2);

const SESSION = "{ accessToken refreshToken }";
const LOGIN = `mutation ($username: String!, $password: String!) {
  session: login(username: $username, password: $password) ${SESSION} }`;
const REFRESH = `mutation ($token: String!) {
  session: refreshSession(refreshToken: $token) ${SESSION} }`;
const EVENTS = `subscription ($id: UUID!, $after: Int!) {
  event: auctionEvents(id: $id, afterVersion: $after) {
    __typename version ... on BidPlaced { bid { amount } } } }`;
const NOTIFICATIONS = "subscription { notification: notificationReceived { auctionId message } }";

const SIGN_IN_OVER = 4403;
const PASSING = ["RATE_LIMITED", "UNAVAILABLE", "UNAUTHENTICATED"];
const ENDS = ["WinnerAnnounced", "AuctionEndedUnsold", "AuctionCancelled"];

class Refused extends Error {
  constructor([{ message, extensions }]) {
    super(message);
    this.code = extensions.code;
  }
}

async function ask(query, variables) {
  const answer = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await answer.json();
  if (errors) throw new Refused(errors);
  return data;
}

let { session } = await ask(LOGIN, { username, password });
let refreshing = null;
let unanswered = null;

// Each refresh token is good once, so all who need a new session share one request.
function refresh() {
  refreshing ??= ask(REFRESH, { token: session.refreshToken })
    .then((data) => (session = data.session))
    .finally(() => (refreshing = null));
  return refreshing;
}

const client = createClient({
  url: `${url.replace("http", "ws")}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: () => ({ Authorization: `Bearer ${session.accessToken}` }),
  retryAttempts: 0, // follow() comes back itself, because it knows where to go on.
  keepAlive: 15_000,
  on: {
    // A line that is dead without saying so is given up.
    ping: (received) => received || (unanswered = setTimeout(() => client.terminate(), 8_000)),
    pong: (received) => received && clearTimeout(unanswered),
    closed: () => clearTimeout(unanswered),
  },
});

// A subscription's data; one that breaks off is begun anew, with variables as they are then.
async function* follow(query, variables = () => ({})) {
  let over = false;
  for (;;) {
    try {
      if (over) await refresh();
      over = false;
      for await (const { data, errors } of client.iterate({ query, variables: variables() })) {
        if (errors) throw new Refused(errors);
        yield data;
      }
    } catch (lost) {
      const refused = Array.isArray(lost) ? new Refused(lost) : lost;
      if (refused instanceof Refused && (over || !PASSING.includes(refused.code))) throw refused;
      over = lost.code === SIGN_IN_OVER || refused.code === "UNAUTHENTICATED";
      console.error(`connecting again: ${refused.code} ${refused.reason ?? refused.message}`);
    }
    await sleep(500 + 1000 * Math.random());
  }
}

async function watch() {
  let after = 0;
  for await (const { event } of follow(EVENTS, () => ({ id: auctionId, after }))) {
    // Whoever comes back goes on behind the last event that was seen.
    after = event.version;
    console.log(event.version, event.__typename, event.bid?.amount ?? "");
    if (ENDS.includes(event.__typename)) return;
  }
}

async function listen() {
  for await (const { notification } of follow(NOTIFICATIONS)) {
    if (notification.auctionId !== auctionId) continue;
    console.log(notification.message);
    return;
  }
}

await Promise.all([watch(), listen()]);
await client.dispose();
