// One auction: its state live, its history without gaps, and the bidder's own bids.
import { left, now, setClock, when } from "./clock.js";
import { el, field } from "./dom.js";
import { name } from "./list.js";
import { follow } from "./live.js";
import { pence, plain, shown } from "./money.js";
import { command, user } from "./session.js";

const BID = "id amount effectiveAmount doubled deleted placedAt bidder { id username }";
const STATE = `subscription ($id: UUID!) { auction: auctionUpdated(id: $id) {
  id version title description status startsAt endsAt asOf bidCount bidderCount
  leadingBid { ${BID} } bids(first: 20) { edges { node { ${BID} } } } myBids { ${BID} }
  winner { bidder { id username } bid { id amount effectiveAmount doubled } } } }`;
const EVENTS = `subscription ($id: UUID!, $after: Int) { event: auctionEvents(id: $id, afterVersion: $after) {
  __typename version recordedAt
  ... on BidPlaced { bid { id amount bidder { id username } } }
  ... on BidDeleted { bidId } ... on BidDoubled { bidId effectiveAmount }
  ... on WinnerAnnounced { bid { amount bidder { id username } } } } }`;

function amount(bid) {
  const text = shown(bid.effectiveAmount);
  return bid.doubled ? [text, el("small", {}, ` doubled, pays ${shown(bid.amount)}`)] : text;
}

/** The auction's own page. */
export function auction(main, id) {
  let state = null;
  let seen = 0;
  const bidders = new Map();

  const heading = el("h1", {}, "…");
  const description = el("p", { class: "description" });
  const countdown = el("p", { class: "countdown", role: "timer" });
  const leading = el("div", { class: "leading", "aria-live": "polite" });
  const ranking = el("ol", { class: "ranking" });
  const mine = el("div");
  const history = el("ol", { class: "history", reversed: true });
  const form = bidForm(id, () => state);
  main.replaceChildren(
    el("p", { class: "back" }, el("a", { href: "#/" }, "← Auctions")),
    el("div", { class: "auction" },
      el("section", {}, heading, description, countdown, leading, form.element, mine),
      el("section", {}, el("h2", {}, "Live bids"), ranking),
      el("section", {}, el("h2", {}, "What happened"), history)));

  function tick() {
    if (!state) return;
    const coming = Date.parse(state.startsAt) > now();
    const over = Date.parse(state.endsAt) <= now();
    countdown.textContent = over ? `Ended ${when(state.endsAt)}`
      : coming ? `Opens in ${left(state.startsAt)}` : `${left(state.endsAt)} left`;
    countdown.classList.toggle("soon", !over && !coming && Date.parse(state.endsAt) - now() < 30_000);
    form.enable(!over && !coming);
  }

  function render() {
    const me = user()?.id;
    document.title = `${state.title} · Auction house`;
    heading.textContent = state.title;
    description.textContent = state.description;
    const winner = state.winner;
    const best = state.leadingBid;
    leading.classList.toggle("yours", (winner?.bidder ?? best?.bidder)?.id === me && me !== undefined);
    if (winner) {
      const you = winner.bidder.id === me;
      leading.replaceChildren(
        el("p", { class: "label" }, you ? "You won" : `Sold to ${name(winner.bidder)}`),
        el("p", { class: "price" }, shown(winner.bid.amount)));
    } else if (best) {
      const who = best.bidder.id === me ? "You lead" : `${name(best.bidder)} leads`;
      leading.replaceChildren(el("p", { class: "label" }, who), el("p", { class: "price" }, amount(best)));
    } else {
      leading.replaceChildren(el("p", { class: "label" }, state.status === "ENDED" ? "Ended unsold" : "No bids yet"));
    }
    ranking.replaceChildren(...state.bids.edges.map(({ node }) =>
      el("li", { class: node.bidder.id === me ? "own" : null },
        el("span", {}, name(node.bidder)), el("span", { class: "number" }, amount(node)))));
    const rest = state.bidCount - state.bids.edges.length;
    if (rest > 0) ranking.append(el("li", { class: "rest" }, `and ${rest} more`));
    mine.replaceChildren(...ownBids(state));
    tick();
  }

  function ownBids({ myBids, status }) {
    if (!myBids.length) return [];
    return [el("h2", {}, "Your bids"), el("ul", { class: "mine" }, myBids.map((bid) =>
      el("li", { class: bid.deleted ? "deleted" : null },
        el("span", { class: "number" }, amount(bid)),
        bid.deleted ? "deleted" : status === "OPEN" && el("button", {
          class: "quiet", "aria-label": `Delete the bid of ${bid.amount}`,
          onclick: (event) => remove(event.currentTarget, bid.id) }, "Delete"))))];
  }

  async function remove(button, bidId) {
    button.disabled = true;
    try {
      const job = await command(
        "mutation ($input: DeleteBidInput!) { job: deleteBid(input: $input) { id } }",
        { auctionId: id, bidId });
      if (job.status !== "SUCCEEDED") form.tell(job.rejection?.message ?? "That failed on our side.");
    } catch (error) {
      form.tell(error.message);
    }
    button.disabled = false;
  }

  function remember(event) {
    if (event.version <= seen) return;
    seen = event.version;
    if (event.bid?.id) bidders.set(event.bid.id, event.bid);
    const about = bidders.get(event.bidId);
    const whose = about ? `${name(about.bidder)}’s bid of ${shown(about.amount)}` : "a bid";
    const text = {
      AuctionCreated: () => "The auction was created",
      BidPlaced: () => `${name(event.bid.bidder)} bids ${shown(event.bid.amount)}`,
      BidDeleted: () => `${whose} is deleted`,
      BidDoubled: () => `The house doubles ${whose}: it counts ${shown(event.effectiveAmount)}`,
      WinnerAnnounced: () => `${name(event.bid.bidder)} wins, and pays ${shown(event.bid.amount)}`,
      AuctionEndedUnsold: () => "It ended without live bids",
    }[event.__typename]();
    const time = el("time", { datetime: event.recordedAt }, new Date(event.recordedAt).toLocaleTimeString());
    history.prepend(el("li", { class: event.__typename }, time, " ", text));
    while (history.childElementCount > 200) history.lastElementChild.remove();
  }

  const gone = (error) => main.replaceChildren(
    el("h1", {}, "Not found"), el("p", {}, error.message), el("a", { href: "#/" }, "All auctions"));
  const clock = setInterval(tick, 250);
  const stops = [
    follow(STATE, () => ({ id }), (data) => { state = data.auction; setClock(state.asOf); render(); }, gone),
    follow(EVENTS, () => ({ id, after: seen }), (data) => remember(data.event)),
  ];
  return () => { clearInterval(clock); stops.forEach((stop) => stop()); };
}

function bidForm(auctionId, state) {
  const { input, wrong, row } = field("Your bid", {
    id: "amount", inputmode: "decimal", autocomplete: "off", placeholder: "120.00", maxlength: 16 });
  const button = el("button", { type: "submit" }, "Place bid");
  const done = el("p", { class: "done", role: "status" });
  const signIn = el("p", {}, el("a", { href: "#/sign-in" }, "Sign in"), " or ",
    el("a", { href: "#/sign-up" }, "sign up"), " to bid.");
  const element = el("form", { class: "bid", novalidate: true, onsubmit: submit }, row, button, done);

  async function submit(event) {
    event.preventDefault();
    const offered = pence(input.value);
    done.textContent = "";
    wrong.textContent = offered === null || offered === 0n ? "Write an amount like 120 or 120.50." : "";
    if (wrong.textContent) return;
    button.disabled = true;
    try {
      const job = await command(
        "mutation ($input: PlaceBidInput!) { job: placeBid(input: $input) { id } }",
        { auctionId, amount: plain(offered) });
      if (job.status === "SUCCEEDED") {
        const best = pence(state()?.leadingBid?.effectiveAmount ?? "0");
        done.textContent = `Your bid of ${shown(plain(offered))} counts` +
          (best > offered ? "; it does not lead." : ".");
        input.value = "";
      } else {
        wrong.textContent = job.rejection?.message ?? "That failed on our side; nothing was changed.";
      }
    } catch (error) {
      wrong.textContent = error.message;
    }
    button.disabled = false;
    input.focus();
  }

  return {
    element: user() ? element : signIn,
    enable(open) {
      input.disabled = !open;
      element.hidden = signIn.hidden = !open;
    },
    tell(message) { wrong.textContent = message; },
  };
}
