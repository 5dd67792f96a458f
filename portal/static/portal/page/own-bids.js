// The user's own bids on an auction, page by page, each with a button that deletes it.
import { DELETE_BID, Intent } from "./commands.js";
import { now, timeOfDay } from "./clock.js";
import { el, Entries, confirmed } from "./dom.js";
import { shown } from "./money.js";
import { Newest } from "./newest.js";
import { Pages } from "./pages.js";
import { ask } from "./session.js";
import { explained, refusal } from "./words.js";
import { offer, worth, WORTH } from "./worth.js";

const PAGE = 100;
/** The field of an auction for the newest of the user's bids; part of each state. */
export const OWN_BIDS = connection("first: 20");
const MORE = `query ($id: UUID!, $v: Int, $n: Int, $a: String) { auction(id: $id, atLeastVersion: $v) {
  ${connection("first: $n, after: $a")} } }`;

function connection(page) {
  return `mySealedBid { bidId amount } myBidsConnection(${page}) {
    edges { node { id ${WORTH} automatic deleted removed { reason } placedAt deletableUntil bidder { id name } } } pageInfo { hasNextPage endCursor } }`;
}

/** The list of the user's bids. Call `show` with each new state and `apply` with each event.
 *  `changed` is called when more were loaded, or an event changed one. */
export function ownBids(auctionId, changed) {
  const list = el("ul", { class: "mine", tabindex: 0, "aria-label": "Your bids, newest first" });
  const entries = new Entries(list);
  const count = el("span", { class: "soft" });
  const unloaded = el("p", { class: "wrong", role: "status" });
  const wrong = el("p", { class: "wrong", role: "alert" });
  const announcement = el("p", { class: "unseen", role: "status" });
  const newest = new Newest();
  const pages = new Pages({ size: PAGE, fetch, show: take, fail, label: "Show more of your bids", live: true, name: "own" });
  const element = el("section", { hidden: true }, el("h2", {}, "Your bids ", count), list, unloaded, pages.more, wrong, announcement);
  const intents = new Map();
  let open = false;
  let endsAt = null;
  let top = null;
  // What the user's live sealed bid holds, which nobody else is told.
  let opened = null;
  let drawing = null;

  function deletable({ deleted, deletableUntil }) {
    return open && !deleted && deletableUntil !== null && now() < Date.parse(deletableUntil);
  }

  function entry({ bid, open: may, until }) {
    return el("li", { class: bid.deleted ? "deleted" : null, "data-bid": bid.id },
      el("span", { class: "number" }, opened?.bidId === bid.id && bid.amount === null ? `${shown(opened.amount)}, sealed` : worth(bid)),
      el("time", { class: "soft", datetime: bid.placedAt }, timeOfDay(bid.placedAt)),
      bid.automatic && el("span", { class: "soft placed-for-you" }, "placed for you"),
      bid.deleted ? el("span", { class: "soft" }, bid.removed ? `removed by the house: ${bid.removed.reason}` : "deleted")
        : may && [until && el("span", { class: "soft" }, `can be deleted until ${timeOfDay(until)} `), el("button", { class: "quiet small", type: "button", "aria-label": `Delete your ${offer(bid)}`,
          onclick: (event) => remove(event.currentTarget, bid) }, "Delete")]);
  }

  async function remove(button, bid) {
    if (button.hasAttribute("aria-disabled")) return;
    wrong.textContent = "";
    const yes = await confirmed(`Delete your ${offer(bid)}?`,
      "It stops counting at once. This can’t be undone, but you can bid again.", "Delete bid");
    if (!yes) return;
    const following = nextTo(bid.id);
    button.setAttribute("aria-disabled", "true");
    if (!intents.has(bid.id)) intents.set(bid.id, new Intent(DELETE_BID));
    try {
      const job = await intents.get(bid.id).carryOut({ auctionId, bidId: bid.id });
      wrong.textContent = refusal(job) ?? "";
      if (!wrong.textContent) moveOn(bid, following);
    } catch (error) {
      wrong.textContent = explained(error);
    }
    button.removeAttribute("aria-disabled");
  }

  // The bids below this one, then those above it, the nearest first.
  function nextTo(bidId) {
    const ids = [...list.children].map((entry) => entry.dataset.bid);
    const place = ids.indexOf(bidId);
    return [...ids.slice(place + 1), ...ids.slice(0, place).reverse()];
  }

  // If the focus was on the deleted bid's button, move it to the next button, or to the field for another bid.
  function moveOn(bid, following) {
    announcement.textContent = `Your ${offer(bid)} is deleted.`;
    const { activeElement } = document;
    if (activeElement !== document.body && !entryOf(bid.id)?.contains(activeElement)) return;
    const buttons = following.map((id) => entryOf(id)?.querySelector("button"));
    (buttons.find(Boolean) ?? document.getElementById("amount"))?.focus();
  }

  function entryOf(bidId) {
    return list.querySelector(`[data-bid="${bidId}"]`);
  }

  async function fetch(after, first) {
    const { auction } = await ask(MORE, { id: auctionId, v: top.version, n: first, a: after });
    return auction.myBidsConnection;
  }

  // What was loaded anew may lack the newest bids, which came with a state meanwhile.
  function take(bids, anew) {
    if (anew) {
      newest.replace(bids);
      join();
    } else newest.extend(bids);
    draw();
    changed();
  }

  function fail(error) {
    unloaded.textContent = error ? explained(error) : "";
  }

  // More may have been placed since the last state than one state has; then there is a gap, and all is loaded anew.
  function join() {
    if (!newest.join(top.bids)) pages.load();
  }

  function draw() {
    const { bids } = newest;
    element.hidden = !bids.length;
    count.textContent = pages.complete ? shown(bids.length) : `the newest ${shown(bids.length)}`;
    entries.show(bids.map(shownOf), { key: ({ bid }) => bid.id, build: entry });
  }

  // A bid that can be deleted until the auction ends needs no time of its own.
  function shownOf(bid) {
    const may = deletable(bid);
    return { bid, open: may, until: may && bid.deletableUntil !== endsAt ? bid.deletableUntil : null };
  }

  return {
    element,
    /** The loaded bids, newest first. */
    get bids() {
      return newest.bids;
    },
    /** Whether all are loaded. */
    get complete() {
      return pages.complete;
    },
    /** Show the auction's new state. */
    show(standing, { version, endsAt: ends, mySealedBid, myBidsConnection: { edges, pageInfo } }) {
      opened = mySealedBid;
      const first = !top;
      // Until when older bids can be deleted has moved with the end.
      const moved = endsAt !== null && ends !== endsAt;
      open = standing === "OPEN";
      endsAt = ends;
      top = { version, bids: edges.map(({ node }) => node) };
      if (first || pages.count === 1) {
        newest.replace(top.bids);
        pages.reached(pageInfo);
      } else join();
      if ((first || moved) && pages.count > 1) pages.load();
      draw();
    },
    /** Apply an event: states have the newest bids only, an event may change an older one. */
    apply(event) {
      if (!newest.apply(event)) return;
      cancelAnimationFrame(drawing);
      drawing = requestAnimationFrame(() => {
        draw();
        changed();
      });
    },
    /** Take away the buttons of bids that could be deleted until now. */
    tick() {
      let late = false;
      entries.each((_, { bid, open: may }) => { late ||= may && !deletable(bid); });
      if (late) draw();
    },
    /** Load nothing more. */
    stop() {
      cancelAnimationFrame(drawing);
      pages.stop();
    },
  };
}
