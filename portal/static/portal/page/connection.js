// Says across the whole page that the connection is lost, and how old what is shown is.
import { timeOfDay } from "./clock.js";
import { el } from "./dom.js";
import { lastHeard, reconnect, status as line } from "./live.js";

// A line that is back at once is not worth a word.
const SHORT_BREAK = 1_500;

const small = document.getElementById("connection");
const bar = document.getElementById("lost");
let breaking = null;

function say(state) {
  clearTimeout(breaking);
  breaking = null;
  const lost = state === "reconnecting";
  small.dataset.state = state;
  small.textContent = { live: "Live", reconnecting: "Reconnecting …" }[state] ?? "";
  document.body.classList.toggle("stale", lost);
  bar.hidden = !lost;
  bar.firstElementChild.replaceChildren(...(lost ? explanation() : []));
}

function explanation() {
  const heard = lastHeard();
  if (Number.isNaN(heard)) return [el("b", {}, "No connection to the auction house."), " Trying again …"];
  return [el("b", {}, "Connection lost."), " Prices as of ",
    el("time", { datetime: new Date(heard).toISOString() }, timeOfDay(heard)), ". Trying again …"];
}

line.addEventListener("change", ({ detail }) => {
  if (detail !== "reconnecting") say(detail);
  else if (small.dataset.state !== detail) breaking ??= setTimeout(() => say(detail), SHORT_BREAK);
});
bar.append(el("p", { role: "alert" }), el("button", { class: "small", onclick: () => reconnect() }, "Try now"));
