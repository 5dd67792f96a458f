// What an auction goes by: asked for anew where the house revised it or resumed it, as the rules change with nothing else.
import { el } from "./dom.js";
import { ask } from "./session.js";

const RULES = `query ($id: UUID!, $v: Int) { auction(id: $id, atLeastVersion: $v) { rules { mustLead startingPrice proxyBids sealed { secondPrice } sentences } } }`;

/** The rules of an auction, folded up; `told` is called with them once they are known. */
export function rules(auctionId, told) {
  const list = el("ul");
  const element = el("details", { class: "rules", hidden: true }, el("summary", {}, "Rules of this auction"), list);
  function load(version) {
    ask(RULES, { id: auctionId, v: version }).then(({ auction }) => {
      if (!auction) return;
      list.replaceChildren(...auction.rules.sentences.map((text) => el("li", {}, text)));
      element.hidden = false;
      told(auction.rules);
      // Without them the form says less; what it sends is decided by the portal.
    }, () => {});
  }
  load(null);
  return {
    element,
    /** An event of the auction's: the rules are asked for again if it may have changed them. */
    apply({ __typename: kind, version }) {
      if (kind === "AuctionRevised" || kind === "AuctionResumed") load(version);
    },
  };
}
