// What follows on the end of an auction with a second chance: who is offered the lot, and the buttons of whoever is.
import { left, now, when } from "./clock.js";
import { ANSWER_OFFER, Intent } from "./commands.js";
import { confirmed, el } from "./dom.js";
import { shown } from "./money.js";
import { isYou } from "./self.js";
import { explained, name, refusal } from "./words.js";

/** The fields of an auction's sale, or a winner's. */
export const SALE = "sale { state current { bidId bidder { id name } amount until } }";

/** Who may buy the lot or bought it, in parts: "Offered to ", a bidder, an amount; without a bidder the first alone. */
export function standingOf({ state, current }) {
  switch (state) {
    case "OFFERED": return ["Offered to ", current.bidder, shown(current.amount)];
    case "SOLD": return ["Sold to ", current.bidder, shown(current.amount)];
    case "FAILED": return ["Not sold", null, ""];
    default: return ["Goes to the next bidder", null, ""];
  }
}

/** The same as one text: "Offered to you for 120.00". */
export function told(sale) {
  const [label, bidder, amount] = standingOf(sale);
  return bidder ? `${label}${isYou(bidder) ? "you" : name(bidder)} for ${amount}` : label;
}

/** Whether it is the winner to whom the lot is offered, or who bought it. */
export function isWinners({ sale: { current }, winner }) {
  return current?.bidId === winner.bid.id;
}

/** The chip of a card: one word. */
export function chipOf({ state }) {
  return { SOLD: "Sold", FAILED: "Unsold" }[state] ?? "Offered";
}

/** The headline of the page of such an auction. */
export function headlineOf(auction) {
  const { state, current } = auction.sale;
  if (!current) {
    return { label: state === "FAILED" ? "Not sold: nobody who was offered it bought it" : "It goes to the next bidder …", price: null };
  }
  const yours = isYou(current.bidder);
  const won = isWinners(auction);
  const price = [shown(current.amount)];
  if (state === "SOLD") return { label: yours ? "You bought it. Congratulations!" : `Sold to ${name(current.bidder)}`, yours, price };
  if (yours) return { label: won ? "You won. Will you buy it?" : "It is offered to you", yours, price };
  return { label: won ? `${name(current.bidder)} won, and is to confirm the purchase`
    : `Offered to the next bidder, ${name(current.bidder)}`, price };
}

/** The buttons for whoever is offered the lot; `show` them again with each new state. */
export function answering(auctionId) {
  const intent = new Intent(ANSWER_OFFER);
  const text = el("p", {});
  const accept = el("button", { type: "button", onclick: () => answer(true) }, "Confirm the purchase");
  const decline = el("button", { type: "button", class: "quiet", onclick: refuse }, "I don’t want it");
  const buttons = el("div", { class: "choices" }, decline, accept);
  const outcome = el("p", { class: "answered", role: "status" });
  const wrong = el("p", { class: "wrong", role: "alert" });
  const element = el("div", { class: "answering", hidden: true }, text, buttons, outcome, wrong);
  let offer = null;
  let winner = false;
  let busy = false;
  let bought = false;

  function over() {
    return Boolean(offer && Date.parse(offer.until) <= now());
  }

  function tick() {
    if (!offer) return;
    const line = over() ? "The time to answer is over." : winner ? `Confirm the purchase until ${when(offer.until)}: ${left(offer.until)} left.`
      : `You can buy it for ${shown(offer.amount)} until ${when(offer.until)}: ${left(offer.until)} left.`;
    if (text.textContent !== line) text.textContent = line;
    if (over() && !busy && !buttons.hidden) draw();
  }

  async function refuse() {
    const yes = await confirmed("Let it go?", "It is offered to the next bidder then, if there is one. This can’t be undone.", "Let it go", "Keep the offer");
    if (yes) await answer(false);
  }

  async function answer(accepted) {
    if (busy) return;
    busy = true;
    for (const each of [accept, decline]) each.setAttribute("aria-disabled", "true");
    outcome.textContent = accepted ? "Buying …" : "Declining …";
    wrong.textContent = "";
    try {
      const why = refusal(await intent.carryOut({ auctionId, accept: accepted }));
      bought = accepted && !why;
      outcome.textContent = why ? "" : accepted ? "You bought it." : "You declined it.";
      wrong.textContent = why ?? "";
    } catch (error) {
      outcome.textContent = "";
      wrong.textContent = error.passing
        ? "No answer from the auction house. Try again: however often you do, it counts once." : explained(error);
    }
    busy = false;
    for (const each of [accept, decline]) each.removeAttribute("aria-disabled");
    draw();
  }

  // Once the state says what became of it, the buttons are gone: the focus moves to the heading. A purchase is in the headline.
  function draw() {
    tick();
    if (bought && !offer) outcome.textContent = "";
    const gone = !offer && !busy;
    const focused = buttons.contains(document.activeElement);
    text.hidden = !offer;
    buttons.hidden = gone || (over() && !busy);
    element.hidden = gone && !outcome.textContent && !wrong.textContent;
    if (focused && buttons.hidden) document.querySelector("h1")?.focus({ preventScroll: true });
  }

  return {
    element,
    /** Say how much time is left. */
    tick,
    /** Show the auction's new state. */
    show(auction) {
      const { sale } = auction;
      const yours = sale?.state === "OFFERED" && isYou(sale.current.bidder);
      offer = yours ? sale.current : null;
      winner = yours && isWinners(auction);
      if (yours) {
        const label = winner ? "Confirm the purchase" : `Buy for ${shown(offer.amount)}`;
        if (accept.textContent !== label) accept.textContent = label;
      }
      draw();
    },
  };
}
