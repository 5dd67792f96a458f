// One's own bids on an auction, each with a button that takes it back.
import { DELETE_BID, Intent } from "./commands.js";
import { timeOfDay } from "./clock.js";
import { el, Entries, sure } from "./dom.js";
import { shown } from "./money.js";
import { explained, refusal } from "./words.js";
import { worth } from "./worth.js";

/** The list of one's own bids; `show` it again with each new state. */
export function ownBids(auctionId) {
  const list = el("ul", { class: "mine" });
  const entries = new Entries(list);
  const wrong = el("p", { class: "wrong", role: "alert" });
  const element = el("section", { hidden: true }, el("h2", {}, "Your bids"), list, wrong);
  const intents = new Map();

  function entry({ bid, open }) {
    return el("li", { class: bid.deleted ? "deleted" : null },
      el("span", { class: "number" }, worth(bid)),
      el("time", { class: "soft", datetime: bid.placedAt }, timeOfDay(bid.placedAt)),
      bid.deleted ? el("span", { class: "soft" }, "deleted")
        : open && el("button", { class: "quiet small", type: "button", "aria-label": `Delete your bid of ${shown(bid.amount)}`,
          onclick: (event) => remove(event.currentTarget, bid) }, "Delete"));
  }

  async function remove(button, bid) {
    wrong.textContent = "";
    const yes = await sure(`Delete your bid of ${shown(bid.amount)}?`,
      "It stops counting at once. This can’t be undone, but you can bid again.", "Delete bid");
    if (!yes) return button.focus();
    button.disabled = true;
    if (!intents.has(bid.id)) intents.set(bid.id, new Intent(DELETE_BID));
    try {
      const job = await intents.get(bid.id).carryOut({ auctionId, bidId: bid.id });
      wrong.textContent = refusal(job) ?? "";
    } catch (error) {
      wrong.textContent = explained(error);
    }
    button.disabled = false;
  }

  return {
    element,
    /** Fit the auction's new state. */
    show(standing, bids) {
      element.hidden = !bids.length;
      const items = bids.map((bid) => ({ bid, open: standing === "OPEN" }));
      entries.show(items, { key: ({ bid }) => bid.id, build: entry });
    },
  };
}
