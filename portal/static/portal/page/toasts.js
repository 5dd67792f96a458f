// A message over the page when the user is outbid in an auction that is not on the screen, with a link to bid again.
import { bidNextOn } from "./bidding.js";
import { el } from "./dom.js";
import { isUnread, notificationEvents } from "./unread.js";

const MOST = 3;
// How many seconds a toast stays, not counting those when nobody can see it.
const SECONDS = 20;

const stack = document.getElementById("toasts");
const toasts = new Map();
// Notifications that have had their toast; as they change they get no other.
const had = new Set();

function dismiss(auctionId) {
  const element = toasts.get(auctionId)?.element;
  const focused = element?.contains(document.activeElement);
  element?.remove();
  toasts.delete(auctionId);
  if (focused) (stack.querySelector("a") ?? document.getElementById("main")).focus();
}

function show({ id, auctionId, message }) {
  had.add(id);
  const again = el("a", { class: "button small", href: `#/auction/${auctionId}`, onclick: () => {
    dismiss(auctionId);
    bidNextOn(auctionId);
  } }, "Bid again");
  const close = el("button", { class: "quiet small", "aria-label": `Dismiss: ${message}`, onclick: () => dismiss(auctionId) }, "✕");
  const text = el("p", {}, message);
  const element = el("div", {}, text, close, again);
  toasts.set(auctionId, { id, element, text, left: SECONDS });
  stack.prepend(element);
  while (toasts.size > MOST) dismiss(toasts.keys().next().value);
}

notificationEvents.addEventListener("new", ({ detail }) => {
  const { id, auctionId, kind, message } = detail;
  const toast = toasts.get(auctionId);
  if (toast?.id === id && kind === "OUTBID") {
    toast.text.textContent = message;
    return;
  }
  // An earlier toast about that auction is out of date, whatever this notification says.
  dismiss(auctionId);
  if (kind === "OUTBID" && isUnread(id) && !had.has(id)) show(detail);
});

// Seconds count only while the page is visible and no toast has the pointer or the focus.
setInterval(() => {
  if (document.hidden || stack.matches(":hover, :focus-within")) return;
  for (const [auctionId, toast] of toasts) if (--toast.left <= 0) dismiss(auctionId);
}, 1_000);
