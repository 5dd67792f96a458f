// The user's own auctions: where they lead, are outbid, won, lost, and what they watch; kept up to date.
import { setClock } from "./clock.js";
import { el, Entries } from "./dom.js";
import { CARD, card, look, ticking } from "./list.js";
import { subscribe } from "./live.js";
import { Pages } from "./pages.js";
import { keepScroll } from "./place.js";
import { isYou, onLearned } from "./self.js";
import { ask, user } from "./session.js";
import { setTitle } from "./title.js";
import { notificationEvents } from "./unread.js";
import { explained } from "./words.js";
import { doublingNote } from "./worth.js";

const PAGE = `query ($s: Standing!, $n: Int, $a: String) { myActivity(standing: $s, first: $n, after: $a) {
  edges { node { ${CARD} } } pageInfo { hasNextPage endCursor } } }`;
const UPDATES = `subscription { auction: auctionsUpdated { ${CARD} } }`;
const SIZE = 24;
const SOON = 1_000;
const RELOAD = 45_000;

// What the tabs are called in the address, and what they show.
const TABS = {
  leading: { standing: "LEADING", label: "Leading", empty: "You lead in no auction right now." },
  outbid: { standing: "OUTBID", label: "Outbid", empty: "Nobody has outbid you." },
  sealed: { standing: "SEALED", label: "Sealed", empty: "You have no sealed bid in an auction that goes on." },
  offered: { standing: "OFFERED", label: "Offered", empty: "Nothing is offered to you." },
  won: { standing: "WON", label: "Won", empty: "You have won no auction yet." },
  lost: { standing: "LOST", label: "Lost", empty: "You have lost no auction." },
  cancelled: { standing: "CANCELLED", label: "Cancelled", empty: "No auction in which you bid was cancelled." },
  watching: { standing: "WATCHING", label: "Watching", empty: "You watch no auction. Each auction’s page has a button for it." },
};

/** The page of the user's own auctions. */
export function mine(main, argument) {
  const tab = Object.hasOwn(TABS, argument) ? argument : "leading";
  const { standing, label, empty } = TABS[tab];
  const known = new Map();
  const list = el("ul", { class: "cards" });
  const entries = new Entries(list);
  const note = doublingNote();
  const message = el("p", { class: "empty", role: "status" });
  const pages = new Pages({ size: SIZE, fetch, show, fail });
  let keeping = null;
  let soon = null;

  async function fetch(after, first) {
    return (await ask(PAGE, { s: standing, n: first, a: after })).myActivity;
  }

  function show(found, anew) {
    if (anew) known.clear();
    for (const auction of found) take(auction);
    draw();
    keeping ??= keepScroll(list);
  }

  function fail(error) {
    message.textContent = error ? explained(error) : "";
  }

  function take(auction) {
    setClock(auction.asOf);
    known.set(auction.id, auction);
  }

  function draw() {
    // The API's order: created last first.
    const inOrder = [...known.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
    note.hidden = !inOrder.some(({ winner, leadingBid }) => (winner?.bid ?? leadingBid)?.doubled);
    entries.show(inOrder, { key: ({ id }) => id, look, build: card });
    message.textContent = known.size || !pages.complete ? "" : empty;
    tick();
  }

  function tick() {
    entries.each(ticking);
  }

  // What changed may have moved from one list to another, which the API knows.
  function onUpdate({ auction }) {
    const before = known.get(auction.id);
    if (before && before.version <= auction.version) {
      take(auction);
      draw();
    }
    if (before || [auction.leadingBid, auction.winner, auction.sale?.current].some((won) => isYou(won?.bidder))) loadSoon();
  }

  function loadSoon() {
    soon ??= setTimeout(() => {
      soon = null;
      if (!document.hidden) pages.load();
    }, SOON);
  }

  setTitle(`${label}, your auctions`);
  main.replaceChildren(
    el("div", { class: "bar" }, el("h1", { tabindex: -1 }, "Your auctions"),
      el("nav", { class: "tabs", "aria-label": "Which of your auctions" }, ...Object.entries(TABS).map(([key, { label: text }]) =>
        el("a", { href: `#/mine/${key}`, "aria-current": key === tab ? "page" : null }, text)))),
    note, list, message, pages.more);
  if (!user()) {
    message.textContent = "Sign in to see your auctions.";
    return () => {};
  }
  pages.load();
  const clock = setInterval(tick, 250);
  const again = setInterval(loadSoon, RELOAD);
  const stop = subscribe(UPDATES, () => ({}), onUpdate);
  notificationEvents.addEventListener("received", loadSoon);
  const stopLearning = onLearned(draw);
  return () => {
    stop();
    stopLearning();
    notificationEvents.removeEventListener("received", loadSoon);
    clearInterval(clock);
    clearInterval(again);
    clearTimeout(soon);
    pages.stop();
    keeping?.();
  };
}
