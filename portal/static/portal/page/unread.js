// The reader's unread notifications: kept up to date by the auction house, in every window.
import { follow, status as line } from "./live.js";
import { ask, changes, user } from "./session.js";

/** What is asked of a notification everywhere. */
export const FIELDS = "id kind auctionId auctionTitle message read createdAt";
const RECEIVED = `subscription { notification: notificationReceived(includeRead: true) { ${FIELDS} } }`;
const UNREAD = `{ notifications(unreadOnly: true, first: 100) {
  edges { node { ${FIELDS} } } pageInfo { hasNextPage } } }`;
const READ = "mutation ($auction: UUID) { markNotificationsRead(auctionId: $auction) }";
// How long the auction house is not told of what is read on the screen: milliseconds.
const REST = 15_000;

/** "received": `detail` is an unread notification that is new here, or changed. "news": so is this one, and it
 *  was not there when the page was opened. "read": `detail` are the ids of some that were read. "change":
 *  there are more unread ones, or fewer. */
export const news = new EventTarget();

const unread = new Map();
// Answers and news that were on their way when these were read may still say that they are unread.
const read = new Set();
// The auction on the screen.
let screen = null;
let loaded = false;
let stop = () => {};

function unseen({ auctionId }) {
  return document.hidden || auctionId !== screen;
}

/** How many are unread. */
export function unreadCount() {
  return [...unread.values()].filter(unseen).length;
}

/** Whether that one is unread. */
export function isUnread(id) {
  return unread.has(id) && unseen(unread.get(id));
}

/** Whether that one was read here, even if an answer that was on its way says otherwise. */
export function wasRead(id) {
  return read.has(id);
}

function tell(type, detail) {
  news.dispatchEvent(new CustomEvent(type, { detail }));
}

function take(notification) {
  const { id, createdAt } = notification;
  if (notification.read) return drop([id]);
  if (read.has(id) || Date.parse(unread.get(id)?.createdAt) >= Date.parse(createdAt)) return;
  unread.set(id, notification);
  tell("change");
  tell("received", notification);
  if (loaded) tell("news", notification);
}

function drop(ids) {
  for (const id of ids) {
    read.add(id);
    unread.delete(id);
  }
  tell("read", ids);
  tell("change");
}

// While the line was lost, some may have been read elsewhere.
async function load() {
  const me = user()?.id;
  if (!me) return;
  const before = [...unread.keys()];
  const { notifications: { edges, pageInfo } } = await ask(UNREAD);
  if (me !== user()?.id) return;
  const nodes = edges.map(({ node }) => node);
  const there = new Map(nodes.map(({ id, createdAt }) => [id, Date.parse(createdAt)]));
  if (!pageInfo.hasNextPage) drop(before.filter((id) => !there.has(id)));
  const came = [...unread.values()].filter(({ id, createdAt }) => !(there.get(id) >= Date.parse(createdAt)));
  nodes.reverse().forEach(take);
  const first = !loaded;
  loaded = true;
  // Those that came while the others were asked for were not there before, either.
  if (first && !pageInfo.hasNextPage) for (const each of came) tell("news", each);
}

/** Mark all as read, or with an id those about that auction. */
export async function markRead(auction = null) {
  const ids = [...unread.values()].filter(({ auctionId }) => !auction || auctionId === auction).map(({ id }) => id);
  drop(ids);
  try {
    await ask(READ, { auction });
  } catch (error) {
    for (const id of ids) read.delete(id);
    throw error;
  }
}

/** As long as an auction is on the screen, what is said about it is read; until the returned function is called.
 *  The auction house is told now and then only: what is unread there is brought up to date with each bid,
 *  where a new notification would be written if it had been read. */
export function onScreen(auctionId) {
  let resting = null;
  const some = () => [...unread.values()].some((each) => each.auctionId === auctionId);

  function tellHouse() {
    // If it can't be told, it is unread again when the line is back.
    if (some()) markRead(auctionId).catch(() => {});
  }

  function look() {
    if (document.hidden || resting || !some()) return;
    resting = setTimeout(() => {
      resting = null;
      look();
    }, REST);
    tellHouse();
  }

  function turn() {
    if (document.hidden) tellHouse();
    tell("change");
  }

  screen = auctionId;
  news.addEventListener("change", look);
  document.addEventListener("visibilitychange", turn);
  tell("change");
  return () => {
    news.removeEventListener("change", look);
    document.removeEventListener("visibilitychange", turn);
    clearTimeout(resting);
    if (!document.hidden) tellHouse();
    screen = null;
    tell("change");
  };
}

function begin() {
  stop();
  loaded = false;
  unread.clear();
  tell("change");
  stop = user() ? follow(RECEIVED, () => ({}), ({ notification }) => take(notification)) : () => {};
}

line.addEventListener("change", ({ detail }) => detail === "live" && load().catch(() => {}));
changes.addEventListener("user", begin);
begin();
