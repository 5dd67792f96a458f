// Notifications: how many are unread in the header, and the list of them, live.
import { when } from "./clock.js";
import { el } from "./dom.js";
import { follow } from "./live.js";
import { Loading } from "./loading.js";
import { ask, user } from "./session.js";
import { explained } from "./words.js";

const FIELDS = "id auctionId message read createdAt";
const RECEIVED = `subscription { told: notificationReceived { ${FIELDS} } }`;
const LISTED = `{ notifications(first: 50) { edges { node { ${FIELDS} } } } }`;
const unread = new Set();
const news = new EventTarget();
let hangUp = () => {};

/** Show in that element how many are unread, as long as somebody is signed in. */
export function bell(place) {
  hangUp();
  unread.clear();
  if (!user()) return place.replaceChildren();
  const link = el("a", { href: "#/notifications" });
  const tell = () => { link.textContent = unread.size ? `Notifications (${unread.size})` : "Notifications"; };
  const stop = follow(RECEIVED, () => ({}), ({ told }) => {
    unread.add(told.id);
    news.dispatchEvent(new CustomEvent("told", { detail: told }));
  });
  news.addEventListener("told", tell);
  news.addEventListener("read", tell);
  hangUp = () => {
    stop();
    news.removeEventListener("told", tell);
    news.removeEventListener("read", tell);
  };
  tell();
  place.replaceChildren(link);
}

function row(told) {
  return el("li", { class: told.read ? null : "unread", "data-id": told.id },
    el("a", { href: `#/auction/${told.auctionId}` }, told.message),
    el("time", { datetime: told.createdAt }, when(told.createdAt)));
}

/** The list, newest first. */
export function notifications(main) {
  const list = el("ul", { class: "told", "aria-live": "polite" });
  const nothing = el("p", { class: "empty", hidden: true }, "Nothing yet.");
  const button = el("button", { class: "quiet", hidden: true, onclick: () => readAll().catch(fail) }, "Mark all as read");

  async function readAll() {
    await ask("mutation { markNotificationsRead }");
    unread.clear();
    news.dispatchEvent(new Event("read"));
    for (const each of list.children) each.classList.remove("unread");
  }

  function prepend({ detail }) {
    list.querySelector(`[data-id="${detail.id}"]`)?.remove();
    list.prepend(row(detail));
    nothing.hidden = true;
    button.hidden = false;
  }

  function fail(error) {
    nothing.textContent = error ? explained(error) : "Nothing yet.";
    nothing.hidden = !error;
  }

  main.replaceChildren(el("h1", { tabindex: -1 }, "Notifications"), list, nothing, button);
  document.title = "Notifications · Auction house";
  news.addEventListener("told", prepend);
  const loading = new Loading(fail);
  loading.run(() => ask(LISTED), ({ notifications: { edges } }) => {
    list.replaceChildren(...edges.map(({ node }) => row(node)));
    nothing.hidden = edges.length > 0;
    button.hidden = !nothing.hidden;
  });
  return () => {
    loading.stop();
    news.removeEventListener("told", prepend);
  };
}
