// How a bid is shown: the amount that counts, and what is paid if that is less.
import { el } from "./dom.js";
import { shown } from "./money.js";

const EXPLAINED = "/how-it-works#doubling";

/** The fields of a bid that are needed here. */
export const WORTH = "amount effectiveAmount doubled";

function pair(before, first, second) {
  return [el("small", {}, before), first, el("small", { class: "comma" }, ","), " ", el("small", { class: "second" }, second)];
}

/** What the bid counts, as children of an element: "120.00", "counts 300.00, pays 150.00", or "sealed". */
export function worth({ amount, effectiveAmount, doubled }) {
  if (amount === null) return ["sealed"];
  return doubled ? pair("counts ", shown(effectiveAmount), `pays ${shown(amount)}`) : [shown(amount)];
}

/** What a winner pays, as children of an element: "120.00", "pays 150.00, counted 300.00", or "pays 110.00, bid 120.00". */
export function paid({ pays, bid: { amount, effectiveAmount, doubled } }) {
  if (pays !== amount) return pair("pays ", shown(pays), `bid ${shown(amount)}`);
  return doubled ? pair("pays ", shown(amount), `counted ${shown(effectiveAmount)}`) : [shown(amount)];
}

/** A bid in the middle of a sentence: "bid of 120.00", or "sealed bid". */
export function offer({ amount }) {
  return amount === null ? "sealed bid" : `bid of ${shown(amount)}`;
}

/** A note on what doubling means; hidden until it is needed. */
export function doublingNote() {
  return el("p", { class: "doubling", hidden: true },
    "A bid that the house has doubled counts twice its amount; its bidder still pays the amount alone. ",
    el("a", { href: EXPLAINED }, "How doubling works"));
}

/** The word "doubled", linked to its explanation. */
export function doubledLink() {
  return el("a", { href: EXPLAINED }, "doubled");
}

/** Whether an auction was closed although bids were live: none met its reserve, which is revealed then. */
export function reserveUnmet({ winner, reserve }) {
  return !winner && reserve?.amount != null;
}
