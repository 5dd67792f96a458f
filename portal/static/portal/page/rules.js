// What an auction goes by: told once, because the rules stay as they were at its creation.
import { el } from "./dom.js";
import { ask } from "./session.js";

const RULES = `query ($id: UUID!) { auction(id: $id) { rules { mustLead startingPrice sealed { secondPrice } sentences } } }`;

/** The rules of an auction, folded up; `told` is called with them once they are known. */
export function rules(auctionId, told) {
  const list = el("ul");
  const element = el("details", { class: "rules", hidden: true }, el("summary", {}, "Rules of this auction"), list);
  ask(RULES, { id: auctionId }).then(({ auction }) => {
    if (!auction) return;
    list.replaceChildren(...auction.rules.sentences.map((text) => el("li", {}, text)));
    element.hidden = false;
    told(auction.rules);
    // Without them the form says less; what it sends is decided by the portal.
  }, () => {});
  return { element };
}
