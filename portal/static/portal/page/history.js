// The running log of an auction's events: in order, none missed, none twice.
import { timeOfDay } from "./clock.js";
import { el } from "./dom.js";
import { follow } from "./live.js";
import { shown } from "./money.js";
import { user } from "./session.js";
import { name } from "./words.js";
import { doubledLink } from "./worth.js";

const EVENTS = `subscription ($id: UUID!, $after: Int) { event: auctionEvents(id: $id, afterVersion: $after) {
  __typename version recordedAt
  ... on BidPlaced { bid { id amount bidder { id username } } }
  ... on BidDeleted { bidId } ... on BidDoubled { bidId effectiveAmount }
  ... on WinnerAnnounced { bid { amount bidder { id username } } } } }`;
const LONGEST = 500;

/** The log of one auction, until it is stopped. */
export function history(auctionId) {
  const list = el("ol", { class: "history", reversed: true, tabindex: 0, "aria-label": "What happened, newest first" });
  const element = el("section", {}, el("h2", {}, "What happened"), list);
  const bids = new Map();
  let seen = 0;

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
  }

  return { element, stop: follow(EVENTS, () => ({ id: auctionId, after: seen }), remember) };
}
