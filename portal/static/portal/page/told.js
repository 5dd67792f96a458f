// Notifications: how many are unread in the header, and the list of them, live.
import { when } from "./clock.js";
import { el } from "./dom.js";
import { follow } from "./live.js";
import { ask, user } from "./session.js";

const FIELDS = "id kind auctionId message read createdAt";
const unread = new Map();
const news = new EventTarget();
let stop = null;
let teller = null;

/** Keep the count of unread ones in that element while somebody is signed in. */
export function count(place) {
  stop?.();
  stop = null;
  if (teller) news.removeEventListener("change", teller);
  unread.clear();
  const tell = (teller = () => { place.textContent = unread.size ? `Notifications (${unread.size})` : "Notifications"; });
  tell();
  if (!user()) return;
  news.addEventListener("change", tell);
  stop = follow(`subscription { told: notificationReceived { ${FIELDS} } }`, () => ({}), ({ told }) => {
    unread.set(told.id, told);
    news.dispatchEvent(new CustomEvent("change", { detail: told }));
  });
}

/** The list, newest first. */
export function notifications(main) {
  const list = el("ul", { class: "told" });
  const empty = el("p", { class: "empty", hidden: true }, "Nothing yet.");
  const row = (told) => el("li", { class: told.read ? null : "unread", "data-id": told.id },
    el("a", { href: `#/auction/${told.auctionId}` }, told.message), el("time", { datetime: told.createdAt }, when(told.createdAt)));
  async function read() {
    await ask("mutation { markNotificationsRead }");
    unread.clear();
    news.dispatchEvent(new Event("change"));
    for (const each of list.children) each.className = "";
  }
  async function load() {
    const data = await ask(`{ notifications(first: 50) { edges { node { ${FIELDS} } } } }`);
    list.replaceChildren(...data.notifications.edges.map(({ node }) => row(node)));
    empty.hidden = list.childElementCount > 0;
  }
  const fresh = ({ detail }) => {
    if (!detail) return;
    list.querySelector(`[data-id="${detail.id}"]`)?.remove();
    list.prepend(row(detail));
    empty.hidden = true;
  };
  news.addEventListener("change", fresh);
  main.replaceChildren(el("h1", {}, "Notifications"), list, empty,
    el("button", { class: "quiet", onclick: read }, "Mark all as read"));
  document.title = "Notifications · Auction house";
  load().catch((error) => empty.replaceChildren(error.message) ?? (empty.hidden = false));
  return () => news.removeEventListener("change", fresh);
}
