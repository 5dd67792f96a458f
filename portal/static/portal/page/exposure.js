// The limit on what the user would pay at most in all open auctions together, if the house set one.
import { el } from "./dom.js";
import { Loading } from "./loading.js";
import { shown } from "./money.js";
import { ask, user } from "./session.js";

const LIMIT = "query ($id: UUID) { limit: exposureLimit { amount used available(auctionId: $id) reason } }";

function told({ amount, used, available }) {
  const most = Number(available) > 0 ? `here you can bid ${shown(available)} at most` : "nothing of it is left here";
  return `The house lets you bid ${shown(amount)} in all open auctions together. ${shown(used)} of it is used, and ${most}.`;
}

/** A sentence near the form for bids on one auction; `look` again once something of it may have changed. */
export function limitNote(auctionId) {
  const element = el("p", { class: "soft limit", "aria-live": "polite", hidden: true });
  let known = false;
  let turn = 0;

  async function look() {
    const mine = ++turn;
    let limit;
    try {
      ({ limit } = await ask(LIMIT, { id: auctionId }));
    } catch {
      // It stays as it is: whatever it says, each bid is measured when it is placed.
      return;
    }
    if (mine !== turn) return;
    known = limit !== null;
    element.hidden = !known;
    const text = known ? told(limit) : "";
    if (element.textContent !== text) element.textContent = text;
  }

  if (user()) look();
  return {
    element,
    look,
    /** The user's live bids here are others than before. */
    changed() {
      if (known) look();
    },
  };
}

/** What the account's page says of the limit; nothing without one. */
export function limitSection() {
  const text = el("p", {});
  const why = el("p", { class: "soft" });
  const element = el("section", { class: "own", "aria-labelledby": "own-limit", hidden: true },
    el("h2", { id: "own-limit" }, "Your limit"), text, why);
  const loading = new Loading(() => {});
  loading.run(() => ask(LIMIT, {}), ({ limit }) => {
    element.hidden = !limit;
    if (!limit) return;
    text.textContent = `You can bid ${shown(limit.amount)} in all open auctions together, and ${shown(limit.used)} of it is used: in each auction your highest bid counts, until the auction is closed.`;
    why.textContent = limit.reason ? `The house says: “${limit.reason}”` : "";
  });
  return { element, stop: () => loading.stop() };
}
