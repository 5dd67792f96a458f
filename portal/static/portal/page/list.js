// The lists: auctions that are open, coming or ended, and the winners.
import { left, now, setClock, when } from "./clock.js";
import { el } from "./dom.js";
import { follow } from "./live.js";
import { shown } from "./money.js";
import { ask } from "./session.js";

const CARD = `id version title status startsAt endsAt bidCount bidderCount asOf
  leadingBid { effectiveAmount bidder { username } } winner { bidder { username } bid { amount } }`;
const TABS = { open: ["OPEN", "Open"], coming: ["SCHEDULED", "Coming"], ended: ["ENDED", "Ended"] };

function line(auction) {
  const leading = auction.leadingBid;
  if (auction.winner) {
    return `Sold to ${name(auction.winner.bidder)} for ${shown(auction.winner.bid.amount)}`;
  }
  if (auction.status === "ENDED") return leading ? "Closing …" : "Ended unsold";
  if (!leading) return auction.status === "OPEN" ? "No bids yet" : "Not open yet";
  return `${shown(leading.effectiveAmount)} by ${name(leading.bidder)}`;
}

/** A bidder's name, or that there is none any more. */
export function name(bidder) {
  return bidder.username ?? "deleted user";
}

function many(count, what) {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function card(auction) {
  const time = el("span", { class: "time" });
  const tick = () => {
    const coming = Date.parse(auction.startsAt) > now();
    const over = Date.parse(auction.endsAt) <= now();
    time.textContent = over ? `Ended ${when(auction.endsAt)}`
      : coming ? `Opens in ${left(auction.startsAt)}` : `${left(auction.endsAt)} left`;
  };
  tick();
  const element = el("li", { class: "card" },
    el("a", { href: `#/auction/${auction.id}` },
      el("h2", {}, auction.title), el("p", { class: "price" }, line(auction)),
      el("p", { class: "facts" }, `${many(auction.bidCount, "bid")} by ${many(auction.bidderCount, "bidder")} · `, time)));
  return { element, tick, version: auction.version };
}

/** The list of one tab, live. */
export function auctions(main, tab) {
  const [status, heading] = TABS[tab];
  const cards = new Map();
  const list = el("ul", { class: "cards" });
  const more = el("button", { class: "quiet", hidden: true, onclick: () => load() }, "Show more");
  const empty = el("p", { class: "empty", hidden: true }, "Nothing here at the moment.");
  const search = el("input", { type: "search", placeholder: "Search titles", "aria-label": "Search titles",
    maxlength: 200, oninput: () => { clearTimeout(search.timer); search.timer = setTimeout(reload, 250); } });
  let after = null;
  let loading = 0;

  function show(auction) {
    setClock(auction.asOf);
    const known = cards.get(auction.id);
    if (known && known.version > auction.version) return;
    const fresh = card(auction);
    if (known) known.element.replaceWith(fresh.element);
    cards.set(auction.id, fresh);
    return known ? null : fresh.element;
  }

  async function load() {
    const turn = ++loading;
    const data = await ask(`query ($s: AuctionStatus, $q: String, $a: String) {
      auctions(status: $s, search: $q, first: 24, after: $a) {
        edges { node { ${CARD} } } pageInfo { hasNextPage endCursor } } }`,
      { s: status, q: search.value.trim() || null, a: after });
    if (turn !== loading) return;
    for (const { node } of data.auctions.edges) list.append(show(node) ?? "");
    after = data.auctions.pageInfo.endCursor;
    more.hidden = !data.auctions.pageInfo.hasNextPage;
    empty.hidden = cards.size > 0;
  }

  function reload() {
    cards.clear();
    list.replaceChildren();
    after = null;
    load().catch(fail);
  }

  const fail = (error) => empty.replaceChildren(error.message) ?? (empty.hidden = false);
  main.replaceChildren(
    el("h1", {}, "Auctions"),
    el("div", { class: "bar" },
      el("nav", { class: "tabs", "aria-label": "Which auctions" }, Object.entries(TABS).map(([key, [, label]]) =>
        el("a", { href: `#/${key}`, "aria-current": key === tab ? "page" : null }, label))),
      search),
    list, empty, more);
  document.title = `${heading} auctions · Auction house`;
  reload();
  const clock = setInterval(() => cards.forEach((each) => each.tick()), 1000);
  const stop = follow(`subscription { auction: auctionsUpdated { ${CARD} } }`, () => ({}), ({ auction }) => {
    const searching = search.value.trim();
    if (cards.has(auction.id)) show(auction);
    else if (auction.status === status && !searching && auction.version === 1) {
      list.prepend(show(auction));
      empty.hidden = true;
    }
  });
  return () => { clearInterval(clock); stop(); };
}

/** Who won what, newest first. */
export function winners(main) {
  const rows = el("tbody");
  const more = el("button", { class: "quiet", hidden: true, onclick: () => load() }, "Show more");
  let after = null;
  async function load() {
    const data = await ask(`query ($a: String) { winners(first: 30, after: $a) { edges { node {
      auctionId auctionTitle announcedAt bidder { username } bid { amount doubled } } }
      pageInfo { hasNextPage endCursor } } }`, { a: after });
    for (const { node } of data.winners.edges) {
      rows.append(el("tr", {},
        el("td", {}, el("a", { href: `#/auction/${node.auctionId}` }, node.auctionTitle)),
        el("td", {}, name(node.bidder)),
        el("td", { class: "number" }, shown(node.bid.amount), node.bid.doubled ? " ×2" : ""),
        el("td", {}, when(node.announcedAt))));
    }
    after = data.winners.pageInfo.endCursor;
    more.hidden = !data.winners.pageInfo.hasNextPage;
  }
  main.replaceChildren(el("h1", {}, "Winners"),
    el("div", { class: "scroll" }, el("table", {},
      el("thead", {}, el("tr", {}, ["Auction", "Winner", "Pays", "Announced"].map((h) =>
        el("th", { scope: "col", class: h === "Pays" ? "number" : null }, h)))), rows)), more);
  document.title = "Winners · Auction house";
  load().catch((error) => main.append(el("p", { class: "wrong" }, error.message)));
  return () => {};
}
