// The window's title: what is shown, and how many notifications are unread.
import { news, unreadCount } from "./unread.js";

const HOUSE = "Auction house";
let shown = "";

/** How a number of unread notifications is written. */
export function counted(count) {
  return count > 99 ? "99+" : String(count);
}

function draw() {
  const count = unreadCount();
  const text = shown ? `${shown} · ${HOUSE}` : HOUSE;
  document.title = count ? `(${counted(count)}) ${text}` : text;
}

/** Name what is shown. */
export function setTitle(text) {
  shown = text;
  draw();
}

news.addEventListener("change", draw);
