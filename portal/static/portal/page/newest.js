import { GONE } from "./ranking.js";

// The user's own bids as far as they are loaded, newest first. Bids are only ever added, at the front; none is removed:
// deletion, doubling and revelation are marks on them, which are never undone.

/** Parts of the list may come in any order and be of any version: a bid is deleted or doubled if an event or any part says so. */
export class Newest {
  #bids = [];
  #deleted = new Set();
  #changed = new Map();

  /** Replace all bids. */
  replace(bids) {
    this.#bids = bids;
  }

  /** Add bids that follow the last one. */
  extend(bids) {
    const known = new Set(this.#bids.map(({ id }) => id));
    this.#bids = [...this.#bids, ...bids.filter(({ id }) => !known.has(id))];
  }

  /** Merge the first bids, which may be newer or older than those here. False if bids between the two are missing:
   *  then only the given ones are kept. */
  join(first) {
    const here = this.#bids;
    const reaches = (bids, others) => !others.length || bids.some(({ id }) => id === others[0].id);
    if (!reaches(first, here) && reaches(here, first)) {
      this.extend(first);
      return true;
    }
    this.#bids = first;
    if (!reaches(first, here)) return false;
    this.extend(here);
    return true;
  }

  /** Apply an event; whether it concerns a bid that is loaded. */
  apply({ __typename: kind, bidId, effectiveAmount, amount }) {
    if (GONE.has(kind)) this.#deleted.add(bidId);
    if (kind === "BidDoubled") this.#changed.set(bidId, { doubled: true, effectiveAmount });
    if (kind === "BidRevealed") this.#changed.set(bidId, { amount, effectiveAmount: amount });
    return this.#bids.some(({ id }) => id === bidId);
  }

  /** All loaded bids, with what became of them. */
  get bids() {
    return this.#bids.map((bid) => {
      const deleted = bid.deleted || this.#deleted.has(bid.id);
      return { ...bid, deleted, ...this.#changed.get(bid.id) };
    });
  }
}
