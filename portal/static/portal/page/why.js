// Why an auction ended as it did: shown once it is closed.
import { timeOfDay, when } from "./clock.js";
import { el } from "./dom.js";
import { Pages } from "./pages.js";
import { ask } from "./session.js";
import { explained } from "./words.js";

const LEADS = 10;
const STEP = "version at sentence";
const WHY = `query ($id: UUID!, $v: Int, $n: Int, $a: String) { auction(id: $id, atLeastVersion: $v) {
  whyWinner { sentence closing { ${STEP} } sale ranking { place sentence } deletions { ${STEP} } doublings { ${STEP} draw { beaconRound { beacon number url } } }
    leads(first: $n, after: $a) { edges { node { ${STEP} cause } } pageInfo { hasNextPage endCursor } } } } }`;

function step({ at, sentence, cause }) {
  return el("li", { "data-cause": cause }, el("time", { datetime: at, title: when(at) }, timeOfDay(at)), el("span", {}, sentence));
}

/** A doubling, with the beacon's round that decided it beside the house's secret. */
function doubling(doubled) {
  const round = doubled.draw.beaconRound;
  const item = step(doubled);
  if (!round) return item;
  const number = round.url ? el("a", { href: round.url }, `round ${round.number}`) : `round ${round.number}`;
  item.append(el("span", { class: "by" }, "Drawn by ", number, ` of the beacon ${round.beacon}.`));
  return item;
}

function part(title, ...children) {
  return el("div", {}, el("h3", {}, title), ...children);
}

/** The section of one auction. */
export function why(id) {
  const list = el("ol", { class: "steps" });
  const unloaded = el("p", { class: "wrong", role: "status" });
  const pages = new Pages({ size: LEADS, fetch, show, fail, label: "Show earlier changes", live: true, name: "leads" });
  const heading = el("h2", {}, "Why this winner");
  const told = el("div", { class: "told" });
  const leads = part("Who led when, newest first", list, pages.more);
  const element = el("section", { class: "why", hidden: true }, heading, told, leads, unloaded);
  let version = 0;
  let asked = false;
  let found = null;
  let cancelled = false;

  async function fetch(after, first) {
    const { auction } = await ask(WHY, { id, v: version, n: first, a: after });
    found = auction.whyWinner;
    return found?.leads ?? { edges: [], pageInfo: { hasNextPage: false, endCursor: null } };
  }

  function show(changes, anew) {
    // Ended, but not closed yet: the next state brings the close.
    asked = Boolean(found);
    element.hidden = !found;
    if (!found) return;
    if (anew) list.replaceChildren();
    list.append(...changes.map(step));
    leads.hidden = !list.childElementCount;
    if (anew) tell(found);
  }

  function tell({ sentence, closing, sale, ranking, deletions, doublings }) {
    heading.textContent = cancelled ? "Why nobody won" : ranking.length ? "Why this winner" : "Why it did not sell";
    told.replaceChildren(...[
      el("p", { class: "result" }, sentence),
      ranking.length > 1 && part("At the end",
        el("ol", { class: "places" }, ranking.map((ranked) => el("li", {}, ranked.sentence)))),
      deletions.length && part("What was taken back", el("ul", { class: "steps" }, deletions.map(step))),
      doublings.length && part("What the house doubled", el("ul", { class: "steps" }, doublings.map(doubling))),
      part("The close", el("p", {}, closing.sentence)),
      sale.length && part("What followed", ...sale.map((each) => el("p", {}, each))),
    ].filter(Boolean));
  }

  function fail(error) {
    unloaded.textContent = error ? explained(error) : "";
  }

  return {
    element,
    /** Take in the auction's state and where it stands. */
    show(state, stands) {
      if (asked && version >= state.version) return;
      version = state.version;
      if (stands !== "ENDED" && stands !== "CANCELLED") return;
      cancelled = stands === "CANCELLED";
      asked = true;
      pages.load();
    },
    stop: () => pages.stop(),
  };
}
