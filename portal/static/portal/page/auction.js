// One auction: its state live, the bids that count, one's own, and everything that happened.
import { bidding } from "./bidding.js";
import { left, now, setClock, standing, when } from "./clock.js";
import { el, Entries, say } from "./dom.js";
import { history } from "./history.js";
import { follow } from "./live.js";
import { shown } from "./money.js";
import { ownBids } from "./own-bids.js";
import { user } from "./session.js";
import { setTitle } from "./title.js";
import { onScreen } from "./unread.js";
import { explained, many, name } from "./words.js";
import { doublingNote, paid, worth, WORTH } from "./worth.js";

const BID = `id ${WORTH} deleted placedAt bidder { id username }`;
const STATE = `subscription ($id: UUID!, $bids: Int) { auction: auctionUpdated(id: $id) {
  id version title description status startsAt endsAt asOf bidCount bidderCount
  leadingBid { ${BID} } myBids { ${BID} }
  bids(first: $bids) { edges { node { ${BID} } } pageInfo { hasNextPage } }
  winner { bidder { id username } bid { ${BID} } } } }`;
const PAGE = 20;
const LARGEST_PAGE = 100;
const SOON = 60_000;

function headline({ winner, leadingBid }, stands, me) {
  if (winner) {
    const you = winner.bidder.id === me;
    return { label: you ? "You won. Congratulations!" : `Sold to ${name(winner.bidder)}`, yours: you,
      price: paid(winner.bid) };
  }
  if (stands === "ENDED") {
    return { label: leadingBid ? "The hammer is about to fall …" : "Ended without a sale",
      price: leadingBid ? worth(leadingBid) : null };
  }
  if (!leadingBid) {
    return { label: stands === "OPEN" ? "No bids yet. Yours could be the first." : "Not open yet", price: null };
  }
  const you = leadingBid.bidder.id === me;
  return { label: you ? "You lead" : `${name(leadingBid.bidder)} leads`, yours: you, price: worth(leadingBid) };
}

/** The auction's own page. */
export function auction(main, id) {
  let state = null;
  let shownBids = PAGE;
  let drawn = null;
  const heading = el("h1", { tabindex: -1 }, "…");
  const description = el("p", { class: "description" });
  const countdown = el("p", { class: "countdown", role: "timer" });
  const span = el("p", { class: "span soft" });
  const leading = el("div", { class: "leading", "aria-live": "polite" });
  const leadingNote = doublingNote();
  const rankingNote = doublingNote();
  const ranking = el("ol", { class: "ranking" });
  const entries = new Entries(ranking);
  const facts = el("span", { class: "soft" });
  const more = el("button", { class: "quiet more", hidden: true, onclick: showMore }, "Show more bids");
  const form = bidding(id);
  const mine = ownBids(id);
  const log = history(id);

  main.replaceChildren(
    el("p", { class: "back" }, el("a", { href: "#/open" }, "← All auctions")),
    el("div", { class: "auction" },
      el("div", { class: "about" }, heading, description),
      el("section", { class: "desk", "aria-label": "Bidding" }, countdown, span, leading, leadingNote, form.element, mine.element),
      el("div", { class: "record" },
        el("section", {}, el("h2", {}, "Bids ", facts), rankingNote, ranking, more), log.element)));

  function tick() {
    if (!state) return;
    const stands = standing(state);
    const ending = Date.parse(state.endsAt);
    countdown.textContent = stands === "ENDED" ? "Ended"
      : stands === "OPEN" ? `${left(state.endsAt)} left` : `Opens in ${left(state.startsAt)}`;
    countdown.dataset.standing = stands;
    countdown.classList.toggle("soon", stands === "OPEN" && ending - now() < SOON);
    if (drawn !== stands) draw();
  }

  function draw() {
    const stands = (drawn = standing(state));
    const me = user()?.id;
    setTitle(state.title);
    if (heading.textContent !== state.title) heading.textContent = state.title;
    description.textContent = state.description;
    span.textContent = stands === "SCHEDULED" ? `Opens ${when(state.startsAt)}`
      : stands === "OPEN" ? `Ends ${when(state.endsAt)}` : when(state.endsAt);
    const { label, price, yours } = headline(state, stands, me);
    if (say(leading, el("p", { class: "label" }, label), price && el("p", { class: "price" }, price))) flash(leading);
    leading.classList.toggle("yours", Boolean(yours));
    leading.classList.toggle("won", Boolean(yours && state.winner));
    const { bids: { edges }, myBids, winner, leadingBid } = state;
    leadingNote.hidden = ![winner?.bid, leadingBid, ...myBids].some((bid) => bid?.doubled);
    rankingNote.hidden = !leadingNote.hidden || !edges.some(({ node }) => node.doubled);
    facts.textContent = state.bidCount ? `${shown(state.bidCount)} by ${many(state.bidderCount, "bidder")}` : "";
    entries.show(edges.map((edge) => edge.node), {
      key: (bid) => bid.id,
      build: (bid, changed) => el("li", { class: `${bid.bidder.id === me ? "own" : ""} ${changed ? "changed" : ""}` },
        el("span", { class: "who" }, bid.bidder.id === me ? "You" : name(bid.bidder)),
        el("span", { class: "number" }, worth(bid))),
    });
    ranking.dataset.empty = edges.length ? "" : "No live bids.";
    more.hidden = !state.bids.pageInfo.hasNextPage || shownBids >= LARGEST_PAGE;
    form.show(stands, state);
    mine.show(stands, myBids);
  }

  function showMore() {
    shownBids = Math.min(LARGEST_PAGE, shownBids + 2 * PAGE);
    watch.stop();
    watch = watching();
  }

  function watching() {
    return { stop: follow(STATE, () => ({ id, bids: shownBids }), (data) => {
      setClock(data.auction.asOf);
      if (state && data.auction.version < state.version) return;
      state = data.auction;
      draw();
      tick();
    }, (error) => {
      leave();
      main.replaceChildren(el("h1", { tabindex: -1 }, "Not found"),
        el("p", {}, error.code === "NOT_FOUND" || error.code === "BAD_USER_INPUT"
          ? "There is no such auction. The link may be mistyped." : explained(error)),
        el("p", {}, el("a", { href: "#/open" }, "See all auctions")));
    }) };
  }

  let watch = watching();
  const clock = setInterval(tick, 200);
  const seen = onScreen(id);
  function leave() {
    clearInterval(clock);
    watch.stop();
    log.stop();
    seen();
  }
  return leave;
}

function flash(element) {
  element.classList.remove("changed");
  requestAnimationFrame(() => element.classList.add("changed"));
}
