// The live bids of an auction as far as they are loaded, updated by its events.
import { cents } from "./money.js";

/** The kinds of events after which a bid counts no more. */
export const GONE = new Set(["BidDeleted", "BidRemoved", "BidNotRevealed"]);

// Compares two bids for sorting: the larger amount first, of equal ones the one that had it earlier.
function order(a, b) {
  if (a.amount !== b.amount) return a.amount > b.amount ? -1 : 1;
  return a.reached - b.reached;
}

/** Pages and events may come in any order; an event outweighs a page of an older version. */
export class Ranking {
  #bids = new Map();
  #deleted = new Map();
  // Those that were doubled or revealed: what they are since then.
  #changed = new Map();
  #last = null;

  /** Replace what is known up to that version by its first bids; `more` says whether further ones follow. */
  replace(bids, version, more) {
    for (const known of [this.#bids, this.#deleted, this.#changed]) {
      for (const [id, fact] of known) if (fact.version <= version) known.delete(id);
    }
    this.extend(bids, version, more);
  }

  /** Add bids that follow the last one. */
  extend(bids, version, more) {
    const last = this.take(bids, version);
    if (last || !more) this.#last = more ? last : null;
  }

  /** Add bids, or update known ones; in the API's order. Returns the last. */
  take(bids, version) {
    let before = null;
    for (const bid of bids) {
      const amount = cents(bid.effectiveAmount);
      const reached = Math.max(Date.parse(bid.placedAt), before?.amount === amount ? before.reached : 0);
      before = { bid, amount, reached, version };
      this.#bids.set(bid.id, before);
    }
    return before;
  }

  /** Apply an event. */
  apply({ __typename: kind, version, recordedAt, bid, bidId, effectiveAmount, amount }) {
    const reached = Date.parse(recordedAt);
    if (bid && kind.endsWith("BidPlaced") && !this.#bids.has(bid.id)) {
      this.#bids.set(bid.id, { bid, amount: cents(bid.effectiveAmount), reached, version });
    }
    if (GONE.has(kind)) this.#deleted.set(bidId, { version });
    if (kind === "BidDoubled") this.#changed.set(bidId, { now: { effectiveAmount, doubled: true }, reached, version });
    if (kind === "BidRevealed") this.#changed.set(bidId, { now: { amount, effectiveAmount: amount }, reached, version });
  }

  /** How many bids are kept, including those that rank behind the loaded pages. */
  get size() {
    return this.#bids.size;
  }

  /** The first live bids, at most that many. None that ranks behind the last loaded one: others before it may not be loaded. */
  first(many) {
    return [...this.#bids.values()]
      .filter(({ bid }) => !this.#deleted.has(bid.id))
      .map((known) => this.#asChanged(known))
      .filter((known) => !this.#last || order(known, this.#last) <= 0)
      .sort(order)
      .slice(0, many)
      .map(({ bid }) => bid);
  }

  #asChanged(known) {
    const changed = this.#changed.get(known.bid.id);
    if (!changed || known.bid.effectiveAmount === changed.now.effectiveAmount) return known;
    const { now, reached } = changed;
    return { bid: { ...known.bid, ...now }, amount: cents(now.effectiveAmount), reached };
  }
}
