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
  const said = el("p", { class: "unseen", role: "status" });
  const element = el("section", { hidden: true }, el("h2", {}, "Your bids"), list, wrong, said);
  const intents = new Map();

  function entry({ bid, open }) {
    return el("li", { class: bid.deleted ? "deleted" : null, "data-bid": bid.id },
      el("span", { class: "number" }, worth(bid)),
      el("time", { class: "soft", datetime: bid.placedAt }, timeOfDay(bid.placedAt)),
      bid.deleted ? el("span", { class: "soft" }, "deleted")
        : open && el("button", { class: "quiet small", type: "button", "aria-label": `Delete your bid of ${shown(bid.amount)}`,
          onclick: (event) => remove(event.currentTarget, bid) }, "Delete"));
  }

  async function remove(button, bid) {
    if (button.hasAttribute("aria-disabled")) return;
    wrong.textContent = "";
    const yes = await sure(`Delete your bid of ${shown(bid.amount)}?`,
      "It stops counting at once. This can’t be undone, but you can bid again.", "Delete bid");
    if (!yes) return;
    const following = nextTo(bid.id);
    button.setAttribute("aria-disabled", "true");
    if (!intents.has(bid.id)) intents.set(bid.id, new Intent(DELETE_BID));
    try {
      const job = await intents.get(bid.id).carryOut({ auctionId, bidId: bid.id });
      wrong.textContent = refusal(job) ?? "";
      if (!wrong.textContent) moveOn(bid, following);
    } catch (error) {
      wrong.textContent = explained(error);
    }
    button.removeAttribute("aria-disabled");
  }

  // The bids below this one, then those above it, the nearest first.
  function nextTo(bidId) {
    const ids = [...list.children].map((entry) => entry.dataset.bid);
    const place = ids.indexOf(bidId);
    return [...ids.slice(place + 1), ...ids.slice(0, place).reverse()];
  }

  // The deleted bid's button goes, and the focus from there to the next one, or to the field for another bid.
  function moveOn(bid, following) {
    said.textContent = `Your bid of ${shown(bid.amount)} is deleted.`;
    const { activeElement } = document;
    if (activeElement !== document.body && !entryOf(bid.id)?.contains(activeElement)) return;
    const buttons = following.map((id) => entryOf(id)?.querySelector("button"));
    (buttons.find(Boolean) ?? document.getElementById("amount"))?.focus();
  }

  function entryOf(bidId) {
    return list.querySelector(`[data-bid="${bidId}"]`);
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
