// The list of auctions that are open, coming, paused, ended or cancelled: updated as they change, with a search, page by page.
import { left, now, setClock, standing, when } from "./clock.js";
import { el, Entries } from "./dom.js";
import { COMPARED, Filters } from "./filters.js";
import { subscribe } from "./live.js";
import { Pages } from "./pages.js";
import { address, keepScroll, route, setPlace } from "./place.js";
import { chipOf, SALE, standingOf } from "./sale.js";
import { isYou, onLearned } from "./self.js";
import { ask, user } from "./session.js";
import { setTitle } from "./title.js";
import { explained, many, name } from "./words.js";
import { doublingNote, paid, reserveUnmet, worth, WORTH } from "./worth.js";

/** The fields of an auction that its card needs. */
export const CARD = `id version title status startsAt endsAt bidCount bidderCount asOf
  leadingBid { ${WORTH} bidder { id name } }
  winner { bidder { id name } pays bid { ${WORTH} } } cancelled { at } paused { at } reserve { amount } ${SALE}`;
const PAGE = `query ($s: AuctionStatus, $o: AuctionOrder, $q: String, $n: Int, $a: String, $rule: AuctionRule,
    $from: Decimal, $to: Decimal, $after: DateTime, $before: DateTime) {
  auctions(status: $s, order: $o, search: $q, first: $n, after: $a, rule: $rule, priceFrom: $from, priceTo: $to,
    endsAfter: $after, endsBefore: $before) {
    edges { node { ${CARD} } } pageInfo { hasNextPage endCursor } } }`;
const UPDATES = `subscription { auction: auctionsUpdated { ${CARD} } }`;
const SIZE = 24;
const TYPING = 250;
const RELOAD = 45_000;
// Milliseconds that an auction stays in a list that it does not belong to any more, so that its end is seen.
const LINGER = 60_000;

/** What the tabs are called in the address, what they show, and in which orders: the usual one first. */
export const TABS = {
  open: { status: "OPEN", orders: ["ENDING_SOONEST", "NEWEST", "MOST_BIDS", "HIGHEST_PRICE", "LOWEST_PRICE"],
    label: "Open", empty: "No auction is open right now." },
  coming: { status: "SCHEDULED", orders: ["STARTING_SOONEST", "ENDING_SOONEST", "NEWEST"],
    label: "Coming", empty: "No auction is announced at the moment." },
  paused: { status: "PAUSED", orders: ["ENDING_SOONEST", "NEWEST", "MOST_BIDS", "HIGHEST_PRICE", "LOWEST_PRICE"],
    label: "Paused", empty: "No auction is paused." },
  ended: { status: "ENDED", orders: ["NEWEST_ENDED", "NEWEST", "MOST_BIDS", "HIGHEST_PRICE", "LOWEST_PRICE"],
    label: "Ended", empty: "No auction has ended yet." },
  cancelled: { status: "CANCELLED", orders: ["NEWEST_ENDED", "NEWEST", "MOST_BIDS", "HIGHEST_PRICE", "LOWEST_PRICE"],
    label: "Cancelled", empty: "No auction was cancelled." },
};

function bidderName(bidder) {
  return isYou(bidder) ? "you" : name(bidder);
}

function price(auction) {
  const { winner, leadingBid, cancelled, sale } = auction;
  if (cancelled) return ["Nobody wins", "", ""];
  if (sale) {
    const [label, bidder, amount] = standingOf(sale);
    return [label, bidder ? bidderName(bidder) : "", amount];
  }
  if (winner) return ["Sold to ", bidderName(winner.bidder), paid(winner)];
  // Only where bids are sealed nobody leads although there are some.
  if (!leadingBid && auction.bidCount) return ["Sealed bids", "", ""];
  if (!leadingBid || reserveUnmet(auction)) return [auction.status === "ENDED" ? "Ended without a sale" : "No bids yet", "", ""];
  return ["Leading: ", bidderName(leadingBid.bidder), worth(leadingBid)];
}

function timing(auction) {
  switch (standing(auction)) {
    case "OPEN": return `${left(auction.endsAt)} left`;
    case "CANCELLED": return "Cancelled";
    case "PAUSED": return "Paused";
    case "SCHEDULED": return `Opens in ${left(auction.startsAt)}`;
    default: return auction.sale ? chipOf(auction.sale) : auction.winner ? "Sold" : auction.bidCount && !reserveUnmet(auction) ? "Closing …" : "Unsold";
  }
}

function isYours({ cancelled, winner, leadingBid, sale }) {
  return !cancelled && isYou(sale ? sale.current?.bidder : winner?.bidder ?? leadingBid?.bidder);
}

/** What a card shows of an auction, in short: with another text it is drawn anew. */
export function look(auction) {
  return `${auction.version} ${auction.status} ${isYours(auction)}`;
}

/** The card of an auction in a list. */
export function card(auction, changed) {
  const [label, who, amount] = price(auction);
  const over = auction.cancelled?.at ?? (auction.status === "ENDED" && auction.endsAt);
  const mine = isYours(auction);
  return el("li", { class: `card ${changed ? "changed" : ""} ${mine ? "mine" : ""}` },
    el("a", { href: `#/auction/${auction.id}` },
      el("p", { class: "chip" }, timing(auction)),
      el("h2", {}, auction.title),
      el("div", { class: "worth" },
        el("p", { class: "label" }, label, who && el("b", {}, who)),
        amount && el("p", { class: "price" }, amount)),
      el("p", { class: "facts" },
        auction.bidCount ? `${many(auction.bidCount, "bid")} by ${many(auction.bidderCount, "bidder")}` : "",
        el("span", {}, over ? when(over) : ""))));
}

/** Have a card say how much time is left. */
export function ticking(element, auction) {
  const text = timing(auction);
  const chip = element.querySelector(".chip");
  chip.dataset.standing = standing(auction);
  if (chip.textContent !== text) chip.textContent = text;
}

/** The list of one tab. */
export function auctions(main, tab) {
  const { status, orders, label, empty } = TABS[tab];
  const known = new Map();
  const updated = new Set();
  const doubling = doublingNote();
  const list = el("ul", { class: "cards" });
  const entries = new Entries(list);
  const message = el("p", { class: "empty", role: "status" });
  const search = el("input", { type: "search", id: "search", placeholder: "Search titles", maxlength: 200,
    autocomplete: "off", value: route().query.get("q"), oninput: typing });
  const tabs = el("nav", { class: "tabs", "aria-label": "Which auctions" });
  const filters = new Filters({ orders, ended: status === "ENDED", changed: again });
  const pages = new Pages({ size: SIZE, fetch, show, fail });
  let sought = search.value.trim();
  let wanted = filters.variables();
  let seeking = false;
  let keeping = null;

  // Uses the search as of the request: the field may have another text when the answer comes.
  async function fetch(after, first) {
    if (!after) {
      updated.clear();
      wanted = filters.variables();
    }
    const { auctions: page } = await ask(PAGE, { ...wanted, s: status, q: sought || null, n: first, a: after });
    return page;
  }

  function show(found, anew) {
    if (anew) forget();
    for (const auction of found) take(auction);
    seek(false);
    message.textContent = known.size ? "" : nothing();
    draw();
    keeping ??= keepScroll(list);
  }

  function nothing() {
    if (filters.active) return "Nothing here fits these filters.";
    return sought ? `Nothing here has “${sought}” in its title.` : empty;
  }

  // Keep what was updated since the request, and what left this list a moment ago.
  function forget() {
    for (const [id, auction] of known) if (!updated.has(id) && !lingers(auction)) known.delete(id);
  }

  function lingers(auction) {
    const passed = Date.parse(auction.cancelled?.at ?? auction.paused?.at ?? (status === "SCHEDULED" ? auction.startsAt : auction.endsAt));
    return !seeking && standing(auction) !== status && now() - passed < LINGER;
  }

  function fail(error) {
    message.textContent = error ? explained(error) : "";
    if (error && seeking) {
      known.clear();
      draw();
    }
  }

  function draw() {
    const inOrder = [...known.values()].sort(COMPARED[wanted.o]);
    doubling.hidden = !inOrder.some(({ winner, leadingBid }) => (winner?.bid ?? leadingBid)?.doubled);
    entries.show(inOrder, {
      key: (auction) => auction.id,
      look,
      build: card,
    });
    tick();
  }

  function tick() {
    entries.each((element, auction) => {
      element.classList.toggle("over", standing(auction) !== status);
      ticking(element, auction);
    });
  }

  function take(auction) {
    setClock(auction.asOf);
    const before = known.get(auction.id);
    if (!before || before.version <= auction.version) known.set(auction.id, auction);
  }

  function typing() {
    clearTimeout(search.timer);
    search.timer = setTimeout(begin, TYPING);
  }

  // Until there is an answer, the result of the previous search is shown.
  function seek(begun) {
    seeking = begun;
    list.setAttribute("aria-busy", begun);
  }

  function begin() {
    if (search.value.trim() === sought) return;
    sought = search.value.trim();
    setPlace({ q: sought, page: null, at: null }, null);
    again();
  }

  function again() {
    seek(true);
    linkTabs();
    pages.begin();
  }

  function linkTabs() {
    tabs.replaceChildren(...Object.entries(TABS).map(([key, { label: text }]) =>
      el("a", { href: address(`#/${key}`, { q: sought, ...filters.shared }), "aria-current": key === tab ? "page" : null }, text)),
    user() ? el("a", { href: "#/mine" }, "Yours") : "");
  }

  // An auction that opens or ends only because of the time is not in the subscription.
  function reload() {
    if (!document.hidden) pages.load();
  }

  function onUpdate({ auction }) {
    const fits = auction.status === status && !sought && !filters.active;
    // An auction behind the loaded pages comes with its page.
    const reached = pages.complete || [...known.values()].some((other) => COMPARED[wanted.o](auction, other) <= 0);
    if (!known.has(auction.id) && !(fits && reached)) return;
    updated.add(auction.id);
    take(auction);
    message.textContent = "";
    draw();
  }

  setTitle(`${label} auctions`);
  linkTabs();
  main.replaceChildren(
    el("div", { class: "bar" }, el("h1", { tabindex: -1 }, "Auctions"), tabs,
      el("div", { class: "search" }, el("label", { for: "search", class: "unseen" }, "Search titles"), search)),
    filters.element, doubling, list, message, pages.more);
  pages.load();
  const clock = setInterval(tick, 250);
  const reloading = setInterval(reload, RELOAD * (0.75 + Math.random() / 2));
  const stop = subscribe(UPDATES, () => ({}), onUpdate);
  const stopLearning = onLearned(draw);
  return () => {
    stop();
    stopLearning();
    clearInterval(clock);
    clearInterval(reloading);
    clearTimeout(search.timer);
    pages.stop();
    filters.stop();
    keeping?.();
  };
}
