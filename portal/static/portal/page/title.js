// The window's title: the name of the view, and the number of unread notifications.
import { notificationEvents, unreadCount } from "./unread.js";

const HOUSE = "Auction house";
let shown = "";

/** The number of unread notifications as text, "99+" at most. */
export function counted(count) {
  return count > 99 ? "99+" : String(count);
}

function draw() {
  const count = unreadCount();
  const text = shown ? `${shown} · ${HOUSE}` : HOUSE;
  document.title = count ? `(${counted(count)}) ${text}` : text;
}

/** Set the name of the view. */
export function setTitle(text) {
  shown = text;
  draw();
}

notificationEvents.addEventListener("change", draw);
