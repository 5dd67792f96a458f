// What a bid is worth: the amount that ranks it, and what is paid if that is less.
import { el } from "./dom.js";
import { shown } from "./money.js";

/** The bid's amount as children of an element. */
export function worth(bid) {
  return bid.doubled
    ? [shown(bid.effectiveAmount), el("small", {}, ` doubled, pays ${shown(bid.amount)}`)]
    : [shown(bid.amount)];
}
