// The button that watches an auction: its reader is notified shortly before the end.
import { el } from "./dom.js";
import { ask, user } from "./session.js";
import { explained } from "./words.js";

const WATCHED = "query ($id: UUID!) { auction(id: $id) { watched } }";
const WATCH = "mutation ($id: UUID!) { auction: watchAuction(id: $id) { watched } }";
const UNWATCH = "mutation ($id: UUID!) { auction: unwatchAuction(id: $id) { watched } }";

/** The button for an auction; `show` is told where it stands. Whoever is not signed in sees none. */
export function watching(id) {
  let watched = null;
  let stands = null;
  const button = el("button", { class: "quiet small", onclick: change });
  const wrong = el("p", { class: "wrong", role: "status" });
  const element = el("div", { class: "watching", hidden: true }, button, wrong);

  function draw() {
    element.hidden = watched === null || stands === null || (stands === "ENDED" && !watched);
    button.textContent = watched ? "Stop watching" : "Watch this auction";
    button.title = watched ? "You are notified ten minutes before its end." : "Be notified ten minutes before its end.";
  }

  async function change() {
    if (button.hasAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    try {
      ({ auction: { watched } } = await ask(watched ? UNWATCH : WATCH, { id }));
      wrong.textContent = "";
    } catch (error) {
      wrong.textContent = explained(error);
    }
    button.removeAttribute("aria-disabled");
    draw();
  }

  function show(now) {
    if (stands === now) return;
    stands = now;
    draw();
  }

  if (user()) {
    ask(WATCHED, { id }).then(({ auction }) => {
      watched = auction?.watched ?? null;
      draw();
      // Without an answer there is no button; everything else works.
    }, () => {});
  }
  return { element, show };
}
