// The page of the user's notifications, grouped by auction, with new ones as they come.
import { when } from "./clock.js";
import { el, Entries } from "./dom.js";
import { sign } from "./kinds.js";
import { Pages } from "./pages.js";
import { keepScroll } from "./place.js";
import { ask } from "./session.js";
import { setTitle } from "./title.js";
import { FIELDS, markRead, notificationEvents, wasRead } from "./unread.js";
import { explained, many } from "./words.js";
import { doublingNote } from "./worth.js";

const PAGE = `query ($n: Int, $a: String) { notifications(first: $n, after: $a) {
  edges { node { ${FIELDS} } } pageInfo { hasNextPage endCursor } } }`;
const SIZE = 50;

function newestFirst(a, b) {
  return Date.parse(b.createdAt) - Date.parse(a.createdAt) || (a.id < b.id ? 1 : -1);
}

function line({ kind, message, read, createdAt }) {
  return el("li", { class: read ? null : "unread", "data-kind": kind },
    el("span", { class: "sign", "aria-hidden": "true" }, sign(kind)),
    el("p", {}, !read && el("span", { class: "unseen" }, "Unread: "), message),
    el("time", { datetime: createdAt }, when(createdAt)));
}

function byAuction(notifications) {
  const groups = new Map();
  for (const each of notifications) {
    if (groups.has(each.auctionId)) groups.get(each.auctionId).push(each);
    else groups.set(each.auctionId, [each]);
  }
  return [...groups.values()];
}

// The newest is shown, the others are behind a disclosure.
function group([newest, ...earlier], opened) {
  const { auctionId, auctionTitle } = newest;
  const unread = earlier.filter(({ read }) => !read).length;
  return el("li", { class: newest.read && !unread ? null : "unread" },
    el("h2", {}, el("a", { href: `#/auction/${auctionId}` }, auctionTitle)),
    el("ul", {}, line(newest)),
    earlier.length > 0 && el("details", {
      open: opened.has(auctionId),
      ontoggle: ({ target }) => (target.open ? opened.add(auctionId) : opened.delete(auctionId)),
    },
      el("summary", {}, `${many(earlier.length, "earlier one")}${unread ? `, ${unread} unread` : ""}`),
      el("ul", {}, earlier.map(line))));
}

/** The page of notifications: the auction with the newest one first. */
export function notifications(main) {
  const known = new Map();
  const opened = new Set();
  const list = el("ul", { class: "notifications" });
  const entries = new Entries(list);
  const note = doublingNote();
  const message = el("p", { class: "empty", role: "status" });
  const said = el("p", { class: "unseen", role: "status" });
  const button = el("button", { class: "quiet small", hidden: true, onclick: () => markRead().then(pages.load, fail) }, "Mark all as read");
  const pages = new Pages({ size: SIZE, fetch, show, fail });
  let loaded = false;
  let keeping = null;

  async function fetch(after, first) {
    return (await ask(PAGE, { n: first, a: after })).notifications;
  }

  function show(nodes) {
    for (const each of nodes) {
      // One received while these were loaded may be newer.
      if (Date.parse(known.get(each.id)?.createdAt) > Date.parse(each.createdAt)) continue;
      known.set(each.id, { ...each, read: each.read || wasRead(each.id) });
    }
    loaded = true;
    draw();
    keeping ??= keepScroll(list);
  }

  function fail(error) {
    message.textContent = error ? explained(error) : "";
  }

  function draw() {
    const all = [...known.values()].sort(newestFirst);
    entries.show(byAuction(all), {
      key: ([{ auctionId }]) => auctionId, build: (notifications) => group(notifications, opened) });
    button.hidden = !all.some(({ read }) => !read);
    note.hidden = !all.some(({ kind }) => kind === "BID_DOUBLED");
    if (loaded) message.textContent = all.length ? "" : "Nothing yet. What concerns your bids is told here.";
  }

  function receive({ detail }) {
    known.set(detail.id, detail);
    if (!loaded) return;
    draw();
    said.textContent = detail.message;
  }

  function read({ detail: ids }) {
    for (const id of ids) {
      if (known.has(id)) known.set(id, { ...known.get(id), read: true });
    }
    draw();
  }

  setTitle("Notifications");
  main.replaceChildren(el("div", { class: "heading" }, el("h1", { tabindex: -1 }, "Notifications"), button),
    note, list, message, pages.more, said);
  notificationEvents.addEventListener("received", receive);
  notificationEvents.addEventListener("read", read);
  pages.load();
  return () => {
    notificationEvents.removeEventListener("received", receive);
    notificationEvents.removeEventListener("read", read);
    pages.stop();
    keeping?.();
  };
}
