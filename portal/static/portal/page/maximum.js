// The form for a private maximum, up to which the auction bids for the user. Its outcome is shown below the button.
import { CLEAR_MAXIMUM, Intent, SET_MAXIMUM } from "./commands.js";
import { el, field } from "./dom.js";
import { plain, shown, typed } from "./money.js";
import { user } from "./session.js";
import { explained, refusal } from "./words.js";

/** The field of an auction for the user's own maximum, which nobody else is told. */
export const MAXIMUM = "myMaximum";

/** The form for the user's maximum in one auction; `show` it again with each new state. */
export function maximum(auctionId) {
  const setting = new Intent(SET_MAXIMUM);
  const clearing = new Intent(CLEAR_MAXIMUM);
  const { input, help, row, complain } = field("Bid up to", {
    id: "maximum", inputmode: "decimal", autocomplete: "off", placeholder: "0.00", maxlength: 20, oninput: () => complain("") });
  const set = el("button", { type: "submit", class: "quiet" }, "Set maximum");
  const clear = el("button", { type: "button", class: "quiet", hidden: true, onclick: takeBack }, "Take it back");
  const outcome = el("p", { class: "outcome", role: "status" });
  const form = el("form", { class: "maximum", novalidate: true, onsubmit: submit }, row, set, clear, outcome);
  const element = el("div", { hidden: true });
  let rules = null;
  let busy = false;

  async function submit(event) {
    event.preventDefault();
    const amount = typed(input.value);
    outcome.textContent = "";
    complain(amount ? "" : "Write an amount like 120 or 1,250.50.");
    input.focus();
    if (!amount) return;
    const most = plain(amount);
    await carryOut(setting, { auctionId, amount: most }, `The auction bids for you, up to ${shown(most)}.`);
  }

  async function takeBack() {
    await carryOut(clearing, { auctionId }, "The auction bids for you no more. Bids that are placed stay.");
    input.focus();
  }

  async function carryOut(intent, command, done) {
    if (busy) return;
    busy = true;
    for (const each of [set, clear]) each.setAttribute("aria-disabled", "true");
    outcome.textContent = "A moment …";
    try {
      const why = refusal(await intent.carryOut(command));
      outcome.textContent = why ? "" : done;
      complain(why ?? "");
      if (!why) input.value = "";
    } catch (error) {
      outcome.textContent = "";
      complain(explained(error));
    }
    busy = false;
    for (const each of [set, clear]) each.removeAttribute("aria-disabled");
  }

  return {
    element,
    /** What the portal says of the auction's rules; shown with the next state. */
    goBy(told) {
      rules = told;
      if (rules.proxyBids && user()) element.replaceChildren(form);
      else element.replaceChildren();
    },
    /** Show the auction's new state. */
    show(standing, { myMaximum, nextBids }) {
      element.hidden = standing !== "OPEN";
      clear.hidden = myMaximum === null;
      const least = nextBids.length ? ` From ${shown(nextBids[0])} on.` : "";
      const hint = myMaximum === null
        ? `The auction bids for you, no more than it takes to lead. Nobody else sees how far.${least}`
        : `Your maximum is ${shown(myMaximum)}. Nobody else sees it.`;
      if (help.textContent !== hint) help.textContent = hint;
    },
  };
}
