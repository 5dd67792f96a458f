// The running log of an auction's events: in order, none missed, none twice.
import { timeOfDay } from "./clock.js";
import { el } from "./dom.js";
import { follow } from "./live.js";
import { shown } from "./money.js";
import { user } from "./session.js";
import { name } from "./words.js";
import { doubledLink, WORTH } from "./worth.js";

const EVENTS = `subscription ($id: UUID!, $after: Int) { event: auctionEvents(id: $id, afterVersion: $after) {
  __typename version recordedAt
  ... on BidPlaced { bid { id ${WORTH} placedAt bidder { id username } } }
  ... on BidDeleted { bidId } ... on BidDoubled { bidId effectiveAmount }
  ... on WinnerAnnounced { bid { amount bidder { id username } } } } }`;
const LONGEST = 200;

/** The log of one auction from shortly before the version it is begun at, until it is stopped. `hear` is told each event. */
export function history(auctionId, hear) {
  const list = el("ol", { class: "history", reversed: true, tabindex: 0, "aria-label": "What happened, newest first" });
  const earlier = el("p", { class: "soft", hidden: true }, "What happened earlier is left out.");
  const element = el("section", {}, el("h2", {}, "What happened"), list, earlier);
  const bids = new Map();
  let seen = 0;
  let stop = null;

  function who(bidder) {
    return bidder.id === user()?.id ? "You" : name(bidder);
  }

  function whose(bidId) {
    const bid = bids.get(bidId);
    if (!bid) return "A bid";
    return `${bid.bidder.id === user()?.id ? "Your" : `${name(bid.bidder)}’s`} bid of ${shown(bid.amount)}`;
  }

  function told(event) {
    switch (event.__typename) {
      case "AuctionCreated": return "The auction was announced";
      case "BidPlaced": return `${who(event.bid.bidder)} bid ${shown(event.bid.amount)}`;
      case "BidDeleted": return `${whose(event.bidId)} was deleted`;
      case "BidDoubled": return [whose(event.bidId), " was ", doubledLink(), ` by the house and counts ${shown(event.effectiveAmount)}`];
      case "WinnerAnnounced": return `${who(event.bid.bidder)} won, for ${shown(event.bid.amount)}`;
      case "AuctionEndedUnsold": return "The auction ended without a sale";
      default: return "Something new happened";
    }
  }

  function remember({ event }) {
    if (event.version <= seen) return;
    seen = event.version;
    if (event.bid?.id) bids.set(event.bid.id, event.bid);
    list.prepend(el("li", { "data-kind": event.__typename, "data-version": event.version },
      el("time", { datetime: event.recordedAt }, timeOfDay(event.recordedAt)), el("span", {}, told(event))));
    if (list.childElementCount > LONGEST) list.lastElementChild.remove();
    earlier.hidden = list.lastElementChild.dataset.version === "1";
    hear(event);
  }

  return {
    element,
    /** Follow the events; those bids are known, whoever's deletion or doubling it tells of. */
    begin(version, known) {
      if (stop) return;
      for (const bid of known) bids.set(bid.id, bid);
      seen = Math.max(0, version - LONGEST);
      stop = follow(EVENTS, () => ({ id: auctionId, after: seen }), remember);
    },
    /** The version up to which everything was heard. */
    get seen() {
      return seen;
    },
    stop: () => stop?.(),
  };
}
