// The page of one auction: its state as it changes, the live bids, the user's own, and the log of events.
import { bidding } from "./bidding.js";
import { left, now, setClock, standing, timeOfDay, when } from "./clock.js";
import { el, Entries, setLiveText } from "./dom.js";
import { history } from "./history.js";
import { subscribe } from "./live.js";
import { cents, plain, shown } from "./money.js";
import { MAXIMUM, maximum } from "./maximum.js";
import { OWN_BIDS, ownBids } from "./own-bids.js";
import { Pages } from "./pages.js";
import { past } from "./past.js";
import { keepScroll } from "./place.js";
import { Ranking } from "./ranking.js";
import { rules } from "./rules.js";
import { answering, headlineOf, SALE } from "./sale.js";
import { isYou, learn } from "./self.js";
import { ask } from "./session.js";
import { setTitle } from "./title.js";
import { onScreen } from "./unread.js";
import { watching } from "./watching.js";
import { why } from "./why.js";
import { explained, many, name } from "./words.js";
import { doublingNote, paid, reserveUnmet, worth, WORTH } from "./worth.js";

const BID = `id ${WORTH} automatic deleted placedAt bidder { id name }`;
const BIDS = `edges { node { ${BID} } } pageInfo { hasNextPage endCursor }`;
// How many bids come with each state; the others are loaded page by page.
const TOP = 20;
const PAGE = 100;
// How many bids more than are shown are kept; with more, the pages are loaded anew.
const SPARE = 500;
const STATE = `subscription ($id: UUID!) { auction: auctionUpdated(id: $id) {
  id version title description status startsAt endsAt firstEndsAt asOf bidCount bidderCount nextBids buyNowPrice bought { at }
  leadingBid { ${BID} } ${MAXIMUM} ${OWN_BIDS}
  bids(first: ${TOP}) { ${BIDS} }
  winner { bidder { id name } pays bid { ${BID} } } cancelled { reason at } closedEarly { reason }
  paused { reason at } reserve { met amount } ${SALE} } }`;
const MORE = `query ($id: UUID!, $v: Int, $n: Int, $a: String) { auction(id: $id, atLeastVersion: $v) {
  version bids(first: $n, after: $a) { ${BIDS} } } }`;
const SOON = 60_000;

function headline(state, stands) {
  const { winner, leadingBid, cancelled, sale } = state;
  if (cancelled) return { label: `The house cancelled it, and nobody wins: ${cancelled.reason}`, price: null };
  if (sale) return headlineOf(state);
  if (winner) {
    const you = isYou(winner.bidder);
    return { label: you ? "You won. Congratulations!" : `Sold to ${name(winner.bidder)}`, yours: you,
      price: paid(winner) };
  }
  // Only where bids are sealed nobody leads although there are some.
  if (!leadingBid && state.bidCount) {
    return { label: stands === "ENDED" ? "The bids are being opened …" : "Amounts are hidden until the end", price: null };
  }
  if (stands === "ENDED") {
    if (leadingBid && reserveUnmet(state)) return { label: "Ended without a sale: the reserve was not met", price: null };
    return { label: leadingBid ? "The hammer is about to fall …" : "Ended without a sale",
      price: leadingBid ? worth(leadingBid) : null };
  }
  if (!leadingBid) {
    const none = { OPEN: "No bids yet. Yours could be the first.", PAUSED: "No bids yet." };
    return { label: none[stands] ?? "Not open yet", price: null };
  }
  const you = isYou(leadingBid.bidder);
  return { label: you ? "You lead" : `${name(leadingBid.bidder)} leads`, yours: you, price: worth(leadingBid) };
}

function reserveText({ reserve }, stands) {
  if (!reserve || stands === "SCHEDULED" || stands === "CANCELLED") return "";
  if (reserve.amount) return `The reserve was ${shown(reserve.amount)}.`;
  return reserve.met ? "Reserve met" : "Reserve not met";
}

/** How far the user's best live bid is behind the leading one; empty if they have none, lead, or not all of theirs are loaded. */
function outbidText({ leadingBid, winner }, stands, mine) {
  const own = mine.bids.filter(({ deleted, amount }) => !deleted && amount !== null).map((bid) => cents(bid.effectiveAmount));
  if (stands === "ENDED" || winner || !leadingBid || isYou(leadingBid.bidder) || !own.length || !mine.complete) return "";
  const most = own.reduce((one, other) => (one > other ? one : other));
  const behind = cents(leadingBid.effectiveAmount) - most;
  return behind > 0n ? `You are outbid by ${shown(plain(behind))}` : "You are outbid by an equal bid that was there first";
}

/** The page of one auction; returns a function that ends it. */
export function auction(main, id) {
  let state = null;
  let drawn = null;
  let versions = [];
  let renewing = false;
  let drawing = null;
  let keeping = null;
  const heading = el("h1", { tabindex: -1 }, "…");
  const description = el("p", { class: "description" });
  const countdown = el("p", { class: "countdown", role: "timer" });
  const span = el("p", { class: "span soft" });
  const leading = el("div", { class: "leading", "aria-live": "polite" });
  const leadingNote = doublingNote();
  const reserveNote = el("p", { class: "soft reserve", hidden: true });
  const rankingNote = doublingNote();
  const ranking = new Ranking();
  const list = el("ol", { class: "ranking" });
  const entries = new Entries(list);
  const facts = el("span", { class: "soft" });
  const unloaded = el("p", { class: "wrong", role: "status" });
  const pages = new Pages({ size: PAGE, fetch, show, fail, label: "Show more bids", live: true });
  const form = bidding(id);
  const limit = maximum(id);
  const answer = answering(id);
  const outbidNote = el("p", { class: "soft outbid", hidden: true });
  const mine = ownBids(id, () => {
    form.show(drawn, state, mine);
    tellOutbid();
  });
  const log = history(id, onEvent);
  const watch = watching(id);
  const reasons = why(id);
  const travel = past(id);
  const agreed = rules(id, (told) => {
    form.goBy(told);
    limit.goBy(told);
    if (drawn) form.show(drawn, state, mine);
  });

  main.replaceChildren(
    el("p", { class: "back" }, el("a", { href: "#/open" }, "← All auctions")),
    el("div", { class: "auction" },
      el("div", { class: "about" }, heading, description, agreed.element),
      el("section", { class: "desk", "aria-label": "Bidding" }, countdown, span, watch.element, leading, outbidNote, reserveNote, leadingNote, answer.element, form.element, limit.element, mine.element),
      el("div", { class: "record" }, reasons.element,
        el("section", {}, el("h2", {}, "Bids ", facts), rankingNote, list, unloaded, pages.more), log.element, travel.element)));

  function tick() {
    if (!state) return;
    const stands = standing(state);
    const ending = Date.parse(state.endsAt);
    countdown.textContent = stands === "CANCELLED" ? "Cancelled" : stands === "ENDED" ? "Ended"
      : stands === "PAUSED" ? `Paused, ${left(state.endsAt, Date.parse(state.paused.at))} left`
      : stands === "OPEN" ? `${left(state.endsAt)} left` : `Opens in ${left(state.startsAt)}`;
    countdown.dataset.standing = stands;
    countdown.classList.toggle("soon", stands === "OPEN" && ending - now() < SOON);
    if (drawn !== stands) draw();
    mine.tick();
    answer.tick();
  }

  function draw() {
    const stands = (drawn = standing(state));
    setTitle(state.title);
    if (heading.textContent !== state.title) heading.textContent = state.title;
    description.textContent = state.description;
    span.textContent = stands === "SCHEDULED" ? `Opens ${when(state.startsAt)}`
      : stands === "PAUSED" ? `No bid counts until the house resumes it. Paused at ${timeOfDay(state.paused.at)}: ${state.paused.reason}`
      : stands === "OPEN" ? `Ends ${when(state.endsAt)}` : when(state.cancelled?.at ?? state.endsAt);
    if (state.closedEarly) span.textContent += `, ended by the house: ${state.closedEarly.reason}`;
    else if (state.bought) span.textContent += ", ended by a purchase";
    else if (state.firstEndsAt && !state.cancelled && !state.paused) span.textContent += `, extended from ${timeOfDay(state.firstEndsAt)}`;
    const { label, price, yours } = headline(state, stands);
    if (setLiveText(leading, el("p", { class: "label" }, label), price && el("p", { class: "price" }, price))) flash(leading);
    leading.classList.toggle("yours", Boolean(yours));
    leading.classList.toggle("won", Boolean(yours && state.winner && (state.sale?.state ?? "SOLD") === "SOLD"));
    reserveNote.textContent = reserveText(state, stands);
    reserveNote.hidden = !reserveNote.textContent;
    mine.show(stands, state);
    tellOutbid();
    const { winner, leadingBid } = state;
    leadingNote.hidden = ![winner?.bid, leadingBid, ...mine.bids].some((bid) => bid?.doubled);
    drawRanking();
    facts.textContent = state.bidCount ? `${shown(state.bidCount)} by ${many(state.bidderCount, "bidder")}` : "";
    form.show(stands, state, mine);
    limit.show(stands, state);
    answer.show(state);
    watch.show(stands);
    reasons.show(state, stands);
    travel.show(state.version);
  }

  function tellOutbid() {
    outbidNote.textContent = outbidText(state, drawn, mine);
    outbidNote.hidden = !outbidNote.textContent;
  }

  function drawRanking() {
    const bids = ranking.first(pages.count === 1 ? TOP : pages.count * PAGE);
    rankingNote.hidden = !leadingNote.hidden || !bids.some(({ doubled }) => doubled);
    entries.show(bids, {
      key: (bid) => bid.id,
      build: (bid, changed) => el("li", { class: `${isYou(bid.bidder) ? "own" : ""} ${changed ? "changed" : ""}` },
        el("span", { class: "who" }, isYou(bid.bidder) ? "You" : name(bid.bidder)),
        el("span", { class: "number" }, worth(bid))),
    });
    list.dataset.empty = bids.length ? "" : "No live bids.";
  }

  async function fetch(after, first) {
    const { auction: found } = await ask(MORE, { id, v: Math.max(state.version, log.seen), n: first, a: after });
    versions = after ? [...versions, found.version] : [found.version];
    return found.bids;
  }

  function show(bids, anew) {
    renewing = false;
    // Pages may be of different versions: events after the oldest of them still apply.
    const version = Math.min(...versions);
    if (anew) ranking.replace(bids, version, !pages.complete);
    else ranking.extend(bids, version, !pages.complete);
    drawRanking();
    keeping ??= keepScroll(list);
  }

  function fail(error) {
    unloaded.textContent = error ? explained(error) : "";
  }

  function onEvent(event) {
    ranking.apply(event);
    mine.apply(event);
    agreed.apply(event);
    if (pages.count === 1) return;
    cancelAnimationFrame(drawing);
    drawing = requestAnimationFrame(drawRanking);
    if (renewing || ranking.size < pages.count * PAGE + SPARE) return;
    renewing = true;
    pages.load();
  }

  function onState({ auction: fresh }) {
    setClock(fresh.asOf);
    if (state && fresh.version < state.version) return;
    const first = !state;
    state = fresh;
    learn(state.myBidsConnection.edges.map(({ node }) => node));
    takeTop(fresh, first);
    draw();
    tick();
    if (first) begin();
  }

  function takeTop({ version, bids: { edges, pageInfo } }, first) {
    const top = edges.map(({ node }) => node);
    if (first || pages.count === 1) ranking.replace(top, version, pageInfo.hasNextPage);
    else ranking.take(top, version);
    if (pages.count === 1) pages.reached(pageInfo);
  }

  function begin() {
    log.begin(state.version, [...mine.bids, ...ranking.first(TOP)]);
    if (pages.count > 1) pages.load();
    else keeping = keepScroll(list);
  }

  function onError(error) {
    leave();
    main.replaceChildren(el("h1", { tabindex: -1 }, "Not found"),
      el("p", {}, error.code === "NOT_FOUND" || error.code === "BAD_USER_INPUT"
        ? "There is no such auction. The link may be mistyped." : explained(error)),
      el("p", {}, el("a", { href: "#/open" }, "See all auctions")));
  }

  const stop = subscribe(STATE, () => ({ id }), onState, onError);
  const clock = setInterval(tick, 200);
  const leaveScreen = onScreen(id);
  function leave() {
    clearInterval(clock);
    cancelAnimationFrame(drawing);
    stop();
    log.stop();
    pages.stop();
    mine.stop();
    reasons.stop();
    travel.stop();
    keeping?.();
    leaveScreen();
  }
  return leave;
}

function flash(element) {
  element.classList.remove("changed");
  requestAnimationFrame(() => element.classList.add("changed"));
}
