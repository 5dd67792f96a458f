// Shows the state of the connection; while it is lost, a bar with the time of the last message.
import { timeOfDay } from "./clock.js";
import { el } from "./dom.js";
import { lastMessageAt, reconnect, status as connection } from "./live.js";

// A break shorter than this is not shown: milliseconds.
const SHORT_BREAK = 1_500;

const small = document.getElementById("connection");
const bar = document.getElementById("lost");
let breaking = null;

function show(state) {
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
  const messageAt = lastMessageAt();
  if (Number.isNaN(messageAt)) return [el("b", {}, "No connection to the auction house."), " Trying again …"];
  return [el("b", {}, "Connection lost."), " Prices as of ",
    el("time", { datetime: new Date(messageAt).toISOString() }, timeOfDay(messageAt)), ". Trying again …"];
}

connection.addEventListener("change", ({ detail }) => {
  if (detail !== "reconnecting") show(detail);
  else if (small.dataset.state !== detail) breaking ??= setTimeout(() => show(detail), SHORT_BREAK);
});
bar.append(el("p", { role: "alert" }), el("button", { class: "small", onclick: () => reconnect() }, "Try now"));
