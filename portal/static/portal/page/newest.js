// One's own bids as far as they are loaded, newest first. Bids are only ever added at the front, and none goes:
// deletion and doubling are marks on them, and are never taken back.

/** Parts of the list may come in any order, as of any version; what an event says holds against all of them. */
export class Newest {
  #bids = [];
  #deleted = new Set();
  #doubled = new Map();

  /** Only these. */
  renew(bids) {
    this.#bids = bids;
  }

  /** Those that follow the last one. */
  extend(bids) {
    const known = new Set(this.#bids.map(({ id }) => id));
    this.#bids = [...this.#bids, ...bids.filter(({ id }) => !known.has(id))];
  }

  /** The first ones, perhaps newer than those here, perhaps older. False if some between them are missing:
   *  then only these are kept. */
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

  /** Take an event into account; whether it concerns a bid that is loaded. */
  hear({ __typename: kind, bidId, effectiveAmount }) {
    if (kind === "BidDeleted") this.#deleted.add(bidId);
    if (kind === "BidDoubled") this.#doubled.set(bidId, effectiveAmount);
    return this.#bids.some(({ id }) => id === bidId);
  }

  /** All that are loaded. */
  get bids() {
    return this.#bids.map((bid) => {
      const deleted = bid.deleted || this.#deleted.has(bid.id);
      if (!this.#doubled.has(bid.id)) return { ...bid, deleted };
      return { ...bid, deleted, doubled: true, effectiveAmount: this.#doubled.get(bid.id) };
    });
  }
}
