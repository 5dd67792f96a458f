// The user's unread notifications, kept up to date in each window by a subscription.
import { subscribe, status as connection } from "./live.js";
import { ask, changes, user } from "./session.js";

/** The fields of a notification that each view needs. */
export const FIELDS = "id kind auctionId auctionTitle message read createdAt";
const RECEIVED = `subscription { notification: notificationReceived(includeRead: true) { ${FIELDS} } }`;
const UNREAD = `{ notifications(unreadOnly: true, first: 100) {
  edges { node { ${FIELDS} } } pageInfo { hasNextPage } } }`;
const READ = "mutation ($auction: UUID) { markNotificationsRead(auctionId: $auction) }";
// Milliseconds between two reports that the notifications of the auction on the screen are read.
const REPORT_EVERY = 15_000;

/** Its events. "received": `detail` is an unread notification that is new here, or changed. "new": the same, but not for
 *  those that were unread when the page was opened. "read": `detail` are the ids of some that were read. "change": the
 *  number of unread ones may have changed. */
export const notificationEvents = new EventTarget();

const unread = new Map();
// Ids of those read here. Answers sent before that may still have them as unread.
const read = new Set();
// The auction on the screen.
let screen = null;
let loaded = false;
let stop = () => {};

function isOffScreen({ auctionId }) {
  return document.hidden || auctionId !== screen;
}

/** How many are unread, without those of the auction on the screen. */
export function unreadCount() {
  return [...unread.values()].filter(isOffScreen).length;
}

/** Whether that one is unread, and not of the auction on the screen. */
export function isUnread(id) {
  return unread.has(id) && isOffScreen(unread.get(id));
}

/** Whether that one was read here, even if an answer sent before that says otherwise. */
export function wasRead(id) {
  return read.has(id);
}

function emit(type, detail) {
  notificationEvents.dispatchEvent(new CustomEvent(type, { detail }));
}

function take(notification) {
  const { id, createdAt } = notification;
  if (notification.read) return drop([id]);
  if (read.has(id) || Date.parse(unread.get(id)?.createdAt) >= Date.parse(createdAt)) return;
  unread.set(id, notification);
  emit("change");
  emit("received", notification);
  if (loaded) emit("new", notification);
}

function drop(ids) {
  for (const id of ids) {
    read.add(id);
    unread.delete(id);
  }
  emit("read", ids);
  emit("change");
}

// During a break of the connection, some may have been read in another window.
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
  // Those received while the others were loaded are new, too.
  if (first && !pageInfo.hasNextPage) for (const each of came) emit("new", each);
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

/** Mark the notifications of that auction as read while it is on the screen, until the returned function is called.
 *  This is reported at most once per REPORT_EVERY: each bid updates an unread notification, but adds another one
 *  after a notification that was read. */
export function onScreen(auctionId) {
  let pause = null;
  const some = () => [...unread.values()].some((each) => each.auctionId === auctionId);

  function report() {
    // If this fails, they are unread again after the next load.
    if (some()) markRead(auctionId).catch(() => {});
  }

  function reportInTurn() {
    if (document.hidden || pause || !some()) return;
    pause = setTimeout(() => {
      pause = null;
      reportInTurn();
    }, REPORT_EVERY);
    report();
  }

  function onVisibility() {
    if (document.hidden) report();
    emit("change");
  }

  screen = auctionId;
  notificationEvents.addEventListener("change", reportInTurn);
  document.addEventListener("visibilitychange", onVisibility);
  emit("change");
  return () => {
    notificationEvents.removeEventListener("change", reportInTurn);
    document.removeEventListener("visibilitychange", onVisibility);
    clearTimeout(pause);
    if (!document.hidden) report();
    screen = null;
    emit("change");
  };
}

function begin() {
  stop();
  loaded = false;
  unread.clear();
  emit("change");
  stop = user() ? subscribe(RECEIVED, () => ({}), ({ notification }) => take(notification)) : () => {};
}

connection.addEventListener("change", ({ detail }) => detail === "live" && load().catch(() => {}));
changes.addEventListener("user", begin);
begin();
