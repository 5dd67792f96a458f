// The page of winners, newest first; new ones are added as they are announced.
import { when } from "./clock.js";
import { el, Entries } from "./dom.js";
import { subscribe } from "./live.js";
import { Pages } from "./pages.js";
import { keepScroll } from "./place.js";
import { SALE, told, isWinners } from "./sale.js";
import { isYou } from "./self.js";
import { ask } from "./session.js";
import { setTitle } from "./title.js";
import { explained, name } from "./words.js";
import { doublingNote, paid, WORTH } from "./worth.js";

const WINNER = `auctionId auctionTitle announcedAt bidder { id name } pays bid { id ${WORTH} } ${SALE}`;
const PAGE = `query ($n: Int, $a: String) { winners(first: $n, after: $a) {
  edges { node { ${WINNER} } } pageInfo { hasNextPage endCursor } } }`;
const UPDATES = `subscription { auction: auctionsUpdated { winner { ${WINNER} } } }`;
const SIZE = 30;
const HEADINGS = ["Auction", "Winner", "Pays", "Announced"];

// Whether the lot is the winner's, as far as is known yet.
function keeps(winner) {
  return !winner.sale || isWinners({ sale: winner.sale, winner });
}

// What became of it, where that is not what the row says already.
function later(winner) {
  if (!keeps(winner)) return told(winner.sale);
  return winner.sale?.state === "OFFERED" ? "To be confirmed" : "";
}

function row(winner, changed, fresh) {
  const you = isYou(winner.bidder);
  return el("tr", { class: `${you ? "own" : ""} ${fresh ? "changed" : ""}` },
    el("td", {}, el("a", { href: `#/auction/${winner.auctionId}` }, winner.auctionTitle)),
    el("td", {}, you ? el("b", {}, "You") : name(winner.bidder), later(winner) && el("p", { class: "later soft" }, later(winner))),
    el("td", { class: "number" }, keeps(winner) ? paid(winner) : "–"),
    el("td", { class: "soft" }, when(winner.announcedAt)));
}

/** The page of winners. */
export function winners(main) {
  const known = new Map();
  const body = el("tbody");
  const entries = new Entries(body);
  const table = el("table", { class: "winners", hidden: true },
    el("thead", {}, el("tr", {}, HEADINGS.map((heading) =>
      el("th", { scope: "col", class: heading === "Pays" ? "number" : null }, heading)))), body);
  const note = doublingNote();
  const message = el("p", { class: "empty", role: "status" });
  const pages = new Pages({ size: SIZE, fetch, show, fail });
  let keeping = null;

  async function fetch(after, first) {
    return (await ask(PAGE, { n: first, a: after })).winners;
  }

  function show(found) {
    for (const winner of found) known.set(winner.auctionId, winner);
    draw();
    keeping ??= keepScroll(body);
  }

  function fail(error) {
    message.textContent = error ? explained(error) : "";
  }

  function draw(fresh = false) {
    const newestFirst = [...known.values()].sort((a, b) => Date.parse(b.announcedAt) - Date.parse(a.announcedAt));
    entries.show(newestFirst, {
      key: (winner) => winner.auctionId, build: (winner, changed) => row(winner, changed, fresh) });
    note.hidden = !newestFirst.some(({ bid }) => bid.doubled);
    table.hidden = !known.size;
    message.textContent = known.size ? "" : "No winner has been announced yet.";
  }

  setTitle("Winners");
  main.replaceChildren(el("h1", { tabindex: -1 }, "Winners"), note, table, message, pages.more);
  pages.load();
  const stop = subscribe(UPDATES, () => ({}), ({ auction: { winner } }) => {
    if (!winner) return;
    known.set(winner.auctionId, winner);
    draw(true);
  });
  return () => {
    stop();
    pages.stop();
    keeping?.();
  };
}
