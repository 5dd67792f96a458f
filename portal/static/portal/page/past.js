// How an auction stood at each of its versions: a slider over its history, beside the live state.
import { timeOfDay, when } from "./clock.js";
import { el } from "./dom.js";
import { Loading } from "./loading.js";
import { shown } from "./money.js";
import { SALE, told } from "./sale.js";
import { isYou } from "./self.js";
import { ask } from "./session.js";
import { explained, many, name } from "./words.js";
import { worth, WORTH } from "./worth.js";

const BIDS = 10;
const THEN = `query ($id: UUID!, $v: Int!, $after: String) { auction(id: $id, atVersion: $v) { version status asOf
  bidCount bidderCount winner { bidder { id name } } ${SALE}
  bids(first: ${BIDS}, after: $after) { edges { node { id ${WORTH} bidder { id name } } } pageInfo { hasNextPage endCursor } } } }`;
// Among very many later bids a page may end early: so many more are asked for.
const MORE = 20;
const STANDS = { SCHEDULED: "Not open yet", OPEN: "Open", PAUSED: "Paused", ENDED: "Ended", CANCELLED: "Cancelled" };
// Playing shows at most so many versions, each for so long.
const SCENES = 60;
const PAUSE = 600;

function who(bidder) {
  return isYou(bidder) ? "You" : name(bidder);
}

/** The section of one auction. */
export function past(id) {
  const loading = new Loading(fail);
  const slider = el("input", { type: "range", id: "past-version", min: 1, max: 1, value: 1, step: 1, oninput: () => moved() });
  const moment = el("output", { for: slider.id });
  const back = el("button", { class: "quiet small", onclick: () => go(wanted - 1) }, "Step back");
  const play = el("button", { class: "quiet small", onclick: () => (playing ? pause() : start()) }, "Play");
  const forth = el("button", { class: "quiet small", onclick: () => go(wanted + 1) }, "Step forward");
  const leave = el("button", { class: "quiet small", onclick: () => go(newest) }, "Back to now");
  const facts = el("p", { class: "soft" });
  const list = el("ol", { class: "standings" });
  const then = el("div", { class: "then", hidden: true }, facts, list);
  const wrong = el("p", { class: "wrong", role: "status" });
  const element = el("section", { class: "past", hidden: true },
    el("h2", {}, el("label", { for: slider.id }, "How it stood")),
    el("div", { class: "travel" }, slider, moment),
    el("div", { class: "steering" }, back, play, forth, leave), wrong, then);
  let newest = 0;
  let wanted = 0;
  let loaded = 0;
  let busy = false;
  let playing = null;

  function moved() {
    pause();
    go(Number(slider.value));
  }

  function go(version) {
    wanted = Math.min(Math.max(1, version), newest);
    if (wanted === newest) now();
    else if (!busy) load();
    steer();
  }

  function load() {
    busy = true;
    loading.run(() => standing(wanted), (auction) => {
      busy = false;
      if (wanted === newest) return;
      draw(auction);
      // It may have moved on meanwhile.
      if (wanted !== auction.version) load();
      else if (playing) playing = setTimeout(onward, PAUSE);
    });
  }

  async function standing(v) {
    const { auction } = await ask(THEN, { id, v });
    let { edges, pageInfo } = auction.bids;
    for (let n = 0; n < MORE && edges.length < BIDS && pageInfo.hasNextPage && v === wanted; n++) {
      const more = await ask(THEN, { id, v, after: pageInfo.endCursor });
      edges = [...edges, ...more.auction.bids.edges];
      pageInfo = more.auction.bids.pageInfo;
    }
    return { ...auction, bids: { edges: edges.slice(0, BIDS) } };
  }

  function fail(error) {
    wrong.textContent = error ? explained(error) : "";
    if (error) busy = false;
  }

  function now() {
    pause();
    then.hidden = true;
    loaded = 0;
    wrong.textContent = "";
    tell(`Now, at version ${shown(newest)}`);
  }

  function draw({ version, status, asOf, bidCount, bidderCount, winner, sale, bids: { edges } }) {
    loaded = version;
    then.hidden = false;
    tell(`Version ${shown(version)} of ${shown(newest)}, ${timeOfDay(asOf)}`);
    moment.title = when(asOf);
    const bids = bidCount ? `${many(bidCount, "live bid")} by ${many(bidderCount, "bidder")}` : "no live bids";
    facts.textContent = `${sale ? told(sale) : winner ? `Won by ${who(winner.bidder)}` : STANDS[status]}: ${bids}`;
    list.replaceChildren(...edges.map(({ node }) => el("li", { class: isYou(node.bidder) ? "own" : "" },
      el("span", { class: "who" }, who(node.bidder)), el("span", { class: "number" }, worth(node)))));
    list.dataset.empty = edges.length ? "" : "No live bids.";
  }

  function tell(text) {
    moment.textContent = text;
    slider.setAttribute("aria-valuetext", text);
  }

  function steer() {
    slider.max = newest;
    slider.value = wanted;
    back.disabled = wanted <= 1;
    forth.disabled = leave.disabled = wanted >= newest;
  }

  function start() {
    play.textContent = "Pause";
    playing = true;
    go(wanted === newest ? 1 : wanted + scene());
  }

  function onward() {
    go(wanted + scene());
  }

  function pause() {
    clearTimeout(playing);
    playing = null;
    play.textContent = "Play";
  }

  function scene() {
    return Math.max(1, Math.round(newest / SCENES));
  }

  return {
    element,
    /** The auction has reached that version. What is shown of the past stays. */
    show(version) {
      const live = wanted === newest;
      newest = version;
      element.hidden = newest < 2;
      if (live) {
        wanted = newest;
        now();
      } else if (loaded) {
        tell(moment.textContent.replace(/of [\d,]+/, `of ${shown(newest)}`));
      }
      steer();
    },
    stop() {
      pause();
      loading.stop();
    },
  };
}
