// The list of auctions that are open, coming or ended: live, searchable, page by page.
import { left, setClock, standing, when } from "./clock.js";
import { el, Entries } from "./dom.js";
import { follow, status as line } from "./live.js";
import { ask, user } from "./session.js";
import { explained, many, name } from "./words.js";
import { doublingNote, paid, worth, WORTH } from "./worth.js";

const CARD = `id version title status startsAt endsAt bidCount bidderCount asOf
  leadingBid { ${WORTH} bidder { id username } }
  winner { bidder { id username } bid { ${WORTH} } }`;
const PAGE = `query ($s: AuctionStatus, $q: String, $a: String) {
  auctions(status: $s, search: $q, first: 24, after: $a) {
    edges { node { ${CARD} } } pageInfo { hasNextPage endCursor } } }`;
const UPDATES = `subscription { auction: auctionsUpdated { ${CARD} } }`;
const LOOK_AGAIN = 30_000;

/** What the tabs are called in the address, and what they show. */
export const TABS = {
  open: { status: "OPEN", label: "Open", empty: "No auction is open right now." },
  coming: { status: "SCHEDULED", label: "Coming", empty: "No auction is announced at the moment." },
  ended: { status: "ENDED", label: "Ended", empty: "No auction has ended yet." },
};

function theirs(bidder) {
  return bidder.id === user()?.id ? "you" : name(bidder);
}

function price(auction) {
  const { winner, leadingBid } = auction;
  if (winner) return ["Sold to ", theirs(winner.bidder), paid(winner.bid)];
  if (!leadingBid) return [auction.status === "ENDED" ? "Ended without a sale" : "No bids yet", "", ""];
  return ["Leading: ", theirs(leadingBid.bidder), worth(leadingBid)];
}

function timing(auction) {
  switch (standing(auction)) {
    case "OPEN": return `${left(auction.endsAt)} left`;
    case "SCHEDULED": return `Opens in ${left(auction.startsAt)}`;
    default: return auction.winner ? "Sold" : auction.leadingBid ? "Closing …" : "Unsold";
  }
}

function card(auction, changed) {
  const [label, who, amount] = price(auction);
  const ended = auction.status === "ENDED";
  const mine = user() && (auction.winner?.bidder ?? auction.leadingBid?.bidder)?.id === user().id;
  return el("li", { class: `card ${changed ? "changed" : ""} ${mine ? "mine" : ""}` },
    el("a", { href: `#/auction/${auction.id}` },
      el("p", { class: "chip" }, timing(auction)),
      el("h2", {}, auction.title),
      el("div", { class: "worth" },
        el("p", { class: "label" }, label, who && el("b", {}, who)),
        amount && el("p", { class: "price" }, amount)),
      el("p", { class: "facts" },
        auction.bidCount ? `${many(auction.bidCount, "bid")} by ${many(auction.bidderCount, "bidder")}` : "",
        el("span", {}, ended ? when(auction.endsAt) : ""))));
}

/** The list of one tab. */
export function auctions(main, tab) {
  const { status, label, empty } = TABS[tab];
  const known = new Map();
  const note = doublingNote();
  const list = el("ul", { class: "cards" });
  const entries = new Entries(list);
  const more = el("button", { class: "quiet more", hidden: true, onclick: () => load(after).catch(fail) }, "Load more");
  const message = el("p", { class: "empty", role: "status" });
  const search = el("input", { type: "search", id: "search", placeholder: "Search titles", maxlength: 200,
    autocomplete: "off", oninput: () => { clearTimeout(search.timer); search.timer = setTimeout(begin, 250); } });
  let after = null;
  let turn = 0;

  function draw() {
    const inOrder = [...known.values()].sort((a, b) =>
      Date.parse(a.endsAt) - Date.parse(b.endsAt) || (a.id < b.id ? -1 : 1));
    note.hidden = !inOrder.some(({ winner, leadingBid }) => (winner?.bid ?? leadingBid)?.doubled);
    entries.show(inOrder, {
      key: (auction) => auction.id,
      look: ({ version, status: stands }) => `${version} ${stands}`,
      build: card,
    });
    tick();
  }

  function tick() {
    for (const [index, auction] of [...list.children].entries()) {
      const { stands, text } = at(index);
      auction.classList.toggle("over", stands !== status);
      const chip = auction.querySelector(".chip");
      chip.dataset.standing = stands;
      if (chip.textContent !== text) chip.textContent = text;
    }
  }

  function at(index) {
    const id = list.children[index].querySelector("a").hash.split("/").pop();
    const auction = known.get(id);
    return { stands: standing(auction), text: timing(auction) };
  }

  function take(auction) {
    setClock(auction.asOf);
    const before = known.get(auction.id);
    if (!before || before.version <= auction.version) known.set(auction.id, auction);
  }

  async function load(cursor) {
    const asked = ++turn;
    const q = search.value.trim() || null;
    const { auctions: page } = await ask(PAGE, { s: status, q, a: cursor });
    if (asked !== turn) return;
    for (const { node } of page.edges) take(node);
    after = page.pageInfo.endCursor;
    more.hidden = !page.pageInfo.hasNextPage;
    message.textContent = known.size ? "" : q ? `Nothing here has “${q}” in its title.` : empty;
    draw();
  }

  // Beside the news: auctions that time alone brought here.
  async function lookAgain() {
    if (document.hidden || !known.size || !more.hidden) return;
    await load(null).catch(() => {});
  }

  function begin() {
    known.clear();
    load(null).catch(fail);
  }

  function fail(error) {
    message.textContent = explained(error);
  }

  function hear({ auction }) {
    const fits = auction.status === status && !search.value.trim();
    // Further down than what is loaded, it will come with its page.
    const reached = more.hidden || [...known.values()].some((other) => other.endsAt >= auction.endsAt);
    if (!known.has(auction.id) && !(fits && reached)) return;
    take(auction);
    message.textContent = "";
    draw();
  }

  document.title = `${label} auctions · Auction house`;
  main.replaceChildren(
    el("div", { class: "bar" },
      el("h1", { tabindex: -1 }, "Auctions"),
      el("nav", { class: "tabs", "aria-label": "Which auctions" }, Object.entries(TABS).map(([key, { label: text }]) =>
        el("a", { href: `#/${key}`, "aria-current": key === tab ? "page" : null }, text))),
      el("div", { class: "search" }, el("label", { for: "search", class: "unseen" }, "Search titles"), search)),
    note, message, list, more);
  begin();
  const clock = setInterval(tick, 250);
  const again = setInterval(lookAgain, LOOK_AGAIN);
  const back = ({ detail }) => detail === "live" && lookAgain();
  line.addEventListener("change", back);
  const stop = follow(UPDATES, () => ({}), hear);
  return () => {
    stop();
    clearInterval(clock);
    clearInterval(again);
    clearTimeout(search.timer);
    line.removeEventListener("change", back);
    turn++;
  };
}
