// The form for a bid. Its outcome is shown below the button.
import { atRandom, BUY_NOW, Intent, PLACE_BID } from "./commands.js";
import { el, field, confirmed } from "./dom.js";
import { limitNote } from "./exposure.js";
import { cents, plain, shown, typed } from "./money.js";
import { ask, user } from "./session.js";
import { explained, refusal } from "./words.js";

const STATE = `query ($id: UUID!, $v: Int) { auction(id: $id, atLeastVersion: $v) {
  version leadingBid { id effectiveAmount } myBids { id deleted } } }`;
// A bid of at minimum LARGE cents, or MANY_TIMES the leading one, may be a typing error: the bidder is asked.
const LARGE = 1_000_000n;
const MANY_TIMES = 5n;

let wanted = null;

/** Focus the bid field of that auction, now or once its page is shown. */
export function bidNextOn(auctionId) {
  wanted = auctionId;
  document.querySelector(`form[data-auction="${auctionId}"]`)?.dispatchEvent(new Event("wanted"));
}

// What the next bid has to be, by what the portal says of the auction's rules.
function hintFor(own, nextBids, rules) {
  if (rules?.sealed) return sealedHint(own, rules);
  if (rules?.mustLead) return nextBids.length ? `${shown(nextBids[0])} or more.` : "No amount could lead any more.";
  const start = rules?.startingPrice ? ` Bids start at ${shown(rules.startingPrice)}.` : "";
  return `${minimum(own, start)} It need not lead.${start}`;
}

function sealedHint({ bids }, { startingPrice }) {
  if (bids.some((bid) => !bid.deleted)) return "You have a bid here. Delete it to place another.";
  const start = startingPrice ? ` Bids start at ${shown(startingPrice)}.` : "";
  return `Nobody sees the amount until the end, and you have one bid.${start}`;
}

// A bid that is not loaded may be higher than those that are, if it was doubled.
function minimum({ bids, complete }, start) {
  const live = bids.filter((bid) => !bid.deleted).map((bid) => cents(bid.effectiveAmount));
  const highest = live.reduce((most, value) => (value > most ? value : most), 0n);
  if (highest) return `Above your own highest, ${complete ? "" : "at least "}${shown(plain(highest))}.`;
  return !complete ? "Above your own highest." : start ? "" : "Any amount counts.";
}

// The question to ask before such a bid is placed; null if there is none.
function questionBefore(offered, leadingBid, rules) {
  const leading = leadingBid && cents(leadingBid.effectiveAmount);
  const pays = `If it wins, you pay ${shown(plain(offered))}.`;
  if (leading && offered >= leading * MANY_TIMES) {
    const exactly = offered % leading ? "more than " : "";
    return `That is ${exactly}${shown(offered / leading)} times the leading bid, which counts ${shown(plain(leading))}. ${pays}`;
  }
  if (offered < LARGE) return null;
  if (rules?.sealed) return `If it wins, you pay ${rules.sealed.secondPrice ? "up to " : ""}${shown(plain(offered))}.`;
  return `${leading ? `The leading bid counts ${shown(plain(leading))}.` : "There is no bid here yet."} ${pays}`;
}

/** The form for bids on one auction; `show` it again with each new state. */
export function bidding(auctionId) {
  // Its bidder's part in the draws to come, which nobody else can choose.
  const intent = new Intent(PLACE_BID, () => ({ nonce: atRandom() }));
  const purchase = new Intent(BUY_NOW);
  const { input, help, row, complain } = field("Your bid", {
    id: "amount", inputmode: "decimal", autocomplete: "off", placeholder: "0.00", maxlength: 20, oninput: preview });
  const button = el("button", { type: "submit" }, "Place bid");
  // They stay the same buttons, so that a new state takes the focus from none of them.
  const offers = [0, 1, 2].map((place) => el("button", { type: "button", class: "quiet", hidden: true, onclick() {
    input.value = amounts[place];
    preview();
    input.focus();
  } }));
  const outcome = el("p", { class: "outcome", role: "status" });
  const limit = limitNote(auctionId);
  const buyButton = el("button", { type: "button", class: "quiet buy", hidden: true, onclick: buy });
  const form = el("form", { class: "bid", novalidate: true, "data-auction": auctionId, onsubmit: submit, onwanted: focusIfWanted },
    row, limit.element, el("div", { class: "offers", role: "group", "aria-label": "Amounts that would lead" }, offers), button, buyButton, outcome);
  const invitation = el("p", { class: "invitation" }, el("a", { class: "button", href: "#/sign-in" }, "Sign in to bid"),
    el("span", {}, "New here? ", el("a", { href: "#/sign-up" }, "Sign up"), " in a moment."));
  const element = el("div", { hidden: true }, user() ? form : invitation);
  let busy = false;
  let placed = null;
  let leadingBid = null;
  let confirmedAmount = null;
  let rules = null;
  let amounts = [];
  let price = null;
  let live = "";

  function offer(nextBids) {
    amounts = nextBids;
    for (const [place, each] of offers.entries()) {
      const text = place < amounts.length ? shown(amounts[place]) : "";
      each.hidden = !text;
      if (each.textContent !== text) each.textContent = text;
    }
  }

  function sell(buyNowPrice) {
    price = buyNowPrice;
    buyButton.hidden = price === null;
    const text = price === null ? "" : `Buy now for ${shown(price)}`;
    if (buyButton.textContent !== text) buyButton.textContent = text;
  }

  async function buy() {
    if (busy || price === null) return;
    const asked = price;
    const yes = await confirmed(`Buy it now for ${shown(asked)}?`,
      `That ends the auction at once, and you pay ${shown(asked)}. It can’t be undone.`, `Buy for ${shown(asked)}`);
    if (!yes) return;
    await whileBusy("Buying …", async () => {
      const why = refusal(await purchase.carryOut({ auctionId }));
      outcome.textContent = why ? "" : `You bought it for ${shown(asked)}.`;
      if (why) complain(why);
    });
  }

  function focusIfWanted() {
    if (wanted !== auctionId || element.hidden) return;
    wanted = null;
    input.focus();
  }

  function preview() {
    complain("");
    const offered = typed(input.value);
    button.textContent = offered ? `Bid ${shown(plain(offered))}` : "Place bid";
  }

  async function submit(event) {
    event.preventDefault();
    if (busy) return;
    const offered = typed(input.value);
    outcome.textContent = "";
    complain(offered ? "" : "Write an amount like 120 or 1,250.50.");
    if (!offered) return input.focus();
    const yes = await confirmAmount(offered);
    input.focus();
    if (!yes) return input.select();
    await whileBusy("Placing your bid …", () => place(plain(offered)));
  }

  // Whether the bidder means that amount. They are asked once for it, even if it is submitted again.
  async function confirmAmount(offered) {
    const why = confirmedAmount === offered ? null : questionBefore(offered, leadingBid, rules);
    const bid = `Bid ${shown(plain(offered))}`;
    if (why && !await confirmed(`${bid}?`, why, bid, "Change the amount")) return false;
    confirmedAmount = offered;
    return true;
  }

  async function whileBusy(doing, action) {
    busy = true;
    for (const each of [button, buyButton]) each.setAttribute("aria-disabled", "true");
    placed = null;
    outcome.textContent = doing;
    try {
      await action();
    } catch (error) {
      // The bid may be placed already; then only the state after it could not be loaded.
      outcome.textContent = placed ? `Your bid of ${shown(placed.amount)} is placed.` : "";
      if (placed) return;
      complain(error.passing
        ? "No answer from the auction house. Try again: however often you do, it counts once."
        : explained(error));
    } finally {
      busy = false;
      limit.look();
      for (const each of [button, buyButton]) each.removeAttribute("aria-disabled");
    }
  }

  async function place(amount) {
    const job = await intent.carryOut({ auctionId, amount });
    const why = refusal(job);
    if (why) {
      outcome.textContent = "";
      return complain(why);
    }
    confirmedAmount = null;
    input.value = "";
    preview();
    placed = { ...job.result, amount };
    compare((await ask(STATE, { id: auctionId, v: placed.version })).auction);
  }

  // Say whether the bid just placed leads; called again with later states, in which another may lead.
  function compare({ version, leadingBid: leads, myBids }) {
    if (!placed || version < placed.version) return;
    const bid = myBids.find(({ id }) => id === placed.bidId);
    if (!bid || bid.deleted) placed = null;
    const text = !placed ? ""
      : !leads ? `Your sealed bid of ${shown(placed.amount)} is placed.`
      : leads.id === bid.id ? `Your bid of ${shown(placed.amount)} is placed, and it leads.`
      : `Your bid of ${shown(placed.amount)} is placed and counts. The leading bid counts ${shown(leads.effectiveAmount)}.`;
    if (outcome.textContent !== text) outcome.textContent = text;
  }

  return {
    element,
    /** What the portal says of the auction's rules; shown with the next state. */
    goBy(told) {
      rules = told;
    },
    /** Show the auction's new state; `own` are the user's bids that are loaded. */
    show(standing, { version, leadingBid: leads, nextBids, buyNowPrice }, own) {
      element.hidden = standing !== "OPEN";
      leadingBid = leads;
      offer(nextBids);
      sell(buyNowPrice);
      const ids = own.bids.filter((bid) => !bid.deleted).map((bid) => bid.id).join();
      if (ids !== live) limit.changed();
      live = ids;
      const hint = hintFor(own, nextBids, rules).trim();
      if (help.textContent !== hint) help.textContent = hint;
      if (!busy) compare({ version, leadingBid: leads, myBids: own.bids });
      focusIfWanted();
    },
  };
}
