// The log of an auction's events, newest first: each once, none left out.
import { timeOfDay, when } from "./clock.js";
import { el } from "./dom.js";
import { subscribe } from "./live.js";
import { shown } from "./money.js";
import { isYou, onLearned } from "./self.js";
import { name } from "./words.js";
import { doubledLink, offer, WORTH } from "./worth.js";

const DETAILS = "title description startsAt endsAt rules { sentences }";
const EVENTS = `subscription ($id: UUID!, $after: Int) { event: auctionEvents(id: $id, afterVersion: $after) {
  __typename version recordedAt
  ... on BidPlaced { nonce bought bid { id ${WORTH} automatic placedAt bidder { id name } } }
  ... on MaximumSet { bidder { id name } } ... on MaximumEnded { bidder { id name } }
  ... on SealedBidPlaced { nonce bid { id ${WORTH} placedAt bidder { id name } } }
  ... on BidRevealed { bidId amount } ... on BidNotRevealed { bidId }
  ... on AuctionExtended { endsAt } ... on ReserveRevealed { amount }
  ... on BidDeleted { bidId } ... on BidRemoved { bidId because } ... on BidDoubled { bidId effectiveAmount }
  ... on NothingDrawn { reason }
  ... on AuctionCancelled { because } ... on AuctionClosedEarly { because }
  ... on AuctionRevised { before { ${DETAILS} } after { ${DETAILS} } }
  ... on AuctionPaused { because } ... on AuctionResumed { endsAt because }
  ... on WinnerAnnounced { pays bid { id amount bidder { id name } } }
  ... on LotOffered { bidId bidder { id name } amount until } ... on OfferAccepted { bidId } ... on OfferDeclined { bidId }
  ... on OfferLapsed { bidId } ... on SaleForfeited { bidId because } } }`;
const LONGEST = 200;
const NOTHING_DRAWN = {
  CHANCE: "There was no draw this time, by chance",
  NOBODY: "A draw found no bid that may be doubled",
  GONE: "A draw hit a bid that is gone",
  LATE: "A draw came too late",
  FAILED: "A draw failed",
};

/** The log of one auction: the LONGEST last events before the version at which it begins, then each new one. `onEvent` gets each. */
export function history(auctionId, onEvent) {
  const list = el("ol", { class: "history", reversed: true, tabindex: 0, "aria-label": "What happened, newest first" });
  const earlier = el("p", { class: "soft", hidden: true }, "What happened earlier is left out.");
  const element = el("section", {}, el("h2", {}, "What happened"), list, earlier);
  const bids = new Map();
  const offered = new Map();
  const texts = [];
  const stopLearning = onLearned(again);
  let seen = 0;
  let stop = null;

  function who(bidder) {
    return isYou(bidder) ? "You" : name(bidder);
  }

  // An event may come before it is known that its bidder is the user.
  function again() {
    for (const [text, event] of texts) text.replaceChildren(...[described(event)].flat());
  }

  function whose(bidId) {
    const bid = bids.get(bidId);
    if (!bid) return "A bid";
    return `${isYou(bid.bidder) ? "Your" : `${name(bid.bidder)}’s`} ${offer(bid)}`;
  }

  function buyer(bidId) {
    const bidder = offered.get(bidId) ?? bids.get(bidId)?.bidder;
    return bidder ? who(bidder) : "Whoever was offered it";
  }

  function described(event) {
    switch (event.__typename) {
      case "AuctionCreated": return "The auction was announced";
      case "BidPlaced": return event.bought ? `${who(event.bid.bidder)} bought it at once, for ${shown(event.bid.amount)}`
        : event.bid.automatic ? isYou(event.bid.bidder) ? `${shown(event.bid.amount)} was placed for you, by your maximum`
        : `${shown(event.bid.amount)} was placed for ${name(event.bid.bidder)}, by a maximum`
        : `${who(event.bid.bidder)} bid ${shown(event.bid.amount)}`;
      case "MaximumSet": return `${who(event.bidder)} set a maximum`;
      case "MaximumEnded": return isYou(event.bidder) ? "Your maximum bids no more" : `The maximum of ${name(event.bidder)} bids no more`;
      case "SealedBidPlaced": return `${who(event.bid.bidder)} placed a sealed bid`;
      case "BidRevealed": return `${whose(event.bidId)} is opened: it is of ${shown(event.amount)}`;
      case "BidNotRevealed": return `${whose(event.bidId)} can’t be opened any more and counts no more`;
      case "AuctionExtended": return `That moved the end to ${timeOfDay(event.endsAt)}`;
      case "ReserveMet": return "The reserve is met";
      case "ReserveMissed": return "The reserve is not met any more";
      case "ReserveRevealed": return `The reserve was ${shown(event.amount)}`;
      case "BoughtNow": return "That ended the auction";
      case "BidDeleted": return `${whose(event.bidId)} was deleted`;
      case "BidRemoved": return `${whose(event.bidId)} was removed by the house: ${event.because}`;
      case "BidDoubled": return [whose(event.bidId), " was ", doubledLink(), ` by the house and counts ${shown(event.effectiveAmount)}`];
      case "NothingDrawn": return NOTHING_DRAWN[event.reason] ?? "A draw doubled no bid";
      case "WinnerAnnounced": return `${who(event.bid.bidder)} won, for ${shown(event.pays)}`;
      case "LotOffered": return `${who(event.bidder)} can buy it for ${shown(event.amount)} until ${when(event.until)}`;
      case "OfferAccepted": return `${buyer(event.bidId)} bought it`;
      case "OfferDeclined": return `${buyer(event.bidId)} declined`;
      case "OfferLapsed": return `${buyer(event.bidId)} did not answer in time`;
      case "SaleForfeited": return `${buyer(event.bidId)} can’t have it any more. The house said: ${event.because}`;
      case "SaleFailed": return "Nobody was left to offer it to, so it is not sold";
      case "AuctionEndedUnsold": return "The auction ended without a sale";
      case "AuctionCancelled": return `The house cancelled the auction: ${event.because}`;
      case "AuctionClosedEarly": return `The house ended the auction: ${event.because}`;
      case "AuctionRevised": return ["The house revised the auction", ...changes(event)];
      case "AuctionPaused": return `The house paused the auction: ${event.because}`;
      case "AuctionResumed": return `The house resumed the auction, which ends at ${timeOfDay(event.endsAt)} now: ${event.because}`;
      default: return "Something new happened";
    }
  }

  // What a revision changed; what was longer than a line can be unfolded.
  function changes({ before, after }) {
    const parts = [];
    if (after.title !== null) parts.push(`: the title was “${before.title}”`);
    if (after.startsAt !== null) parts.push(`: it was to start ${when(before.startsAt)}, and starts ${when(after.startsAt)}`);
    if (after.endsAt !== null) parts.push(`: it was to end ${when(before.endsAt)}, and ends ${when(after.endsAt)}`);
    if (after.description !== null) parts.push(unfolded("the description as it was", before.description || "There was none."));
    if (after.rules !== null) parts.push(unfolded("the rules as they were", before.rules.sentences.join(" ")));
    return parts;
  }

  function unfolded(what, text) {
    return el("details", {}, el("summary", {}, what), el("p", { class: "description" }, text));
  }

  function add({ event }) {
    if (event.version <= seen) return;
    seen = event.version;
    if (event.bid?.id) bids.set(event.bid.id, event.bid);
    if (event.bidder) offered.set(event.bidId, event.bidder);
    const text = el("span", event.nonce ? { title: `Nonce ${event.nonce}` } : {}, described(event));
    texts.unshift([text, event]);
    list.prepend(el("li", { "data-kind": event.__typename, "data-version": event.version },
      el("time", { datetime: event.recordedAt }, timeOfDay(event.recordedAt)), text));
    if (list.childElementCount > LONGEST) list.lastElementChild.remove();
    texts.length = list.childElementCount;
    earlier.hidden = list.lastElementChild.dataset.version === "1";
    onEvent(event);
  }

  return {
    element,
    /** Subscribe to the events. `known` are bids placed earlier, whose deletion or doubling the log can then describe. */
    begin(version, known) {
      if (stop) return;
      for (const bid of known) bids.set(bid.id, bid);
      seen = Math.max(0, version - LONGEST);
      stop = subscribe(EVENTS, () => ({ id: auctionId, after: seen }), add);
    },
    /** The version of the last event that was received. */
    get seen() {
      return seen;
    },
    stop() {
      stop?.();
      stopLearning();
    },
  };
}
