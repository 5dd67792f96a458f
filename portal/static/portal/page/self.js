// Which bidders are the user: by their own id, and in masked auctions by their aliases.
import { ask, changes, user } from "./session.js";

const ALIASES = `query ($a: String) { myAliases(first: 100, after: $a) {
  edges { node { bidder { id } } } pageInfo { hasNextPage endCursor } } }`;
// Pages of aliases that are known to lists; an auction's own page learns its alias from the user's bids.
const PAGES = 10;
const news = new EventTarget();
let known = new Set();

/** Whether the bidder is the user. */
export function isYou(bidder) {
  const me = user();
  return Boolean(me && bidder && (bidder.id === me.id || known.has(bidder.id)));
}

/** Note the bidders of the user's own bids. */
export function learn(bids) {
  add(known, bids.map(({ bidder }) => bidder.id));
}

/** Have the action done whenever more of them are known; what ends that. */
export function onLearned(action) {
  news.addEventListener("learned", action);
  return () => news.removeEventListener("learned", action);
}

function add(to, ids) {
  const before = to.size;
  for (const id of ids) to.add(id);
  if (to.size > before) news.dispatchEvent(new Event("learned"));
}

async function load() {
  const found = known = new Set();
  for (let page = 0, after = null; user() && page < PAGES; page++) {
    const { myAliases: { edges, pageInfo } } = await ask(ALIASES, { a: after });
    add(found, edges.map(({ node }) => node.bidder.id));
    if (!pageInfo.hasNextPage) return;
    after = pageInfo.endCursor;
  }
}

// Without them lists call the user by a number, too.
const reload = () => load().catch(() => {});
changes.addEventListener("user", reload);
reload();
