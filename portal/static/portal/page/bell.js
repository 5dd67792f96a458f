// The way to the notifications, in the header, and how many are unread.
import { el } from "./dom.js";
import { user } from "./session.js";
import { counted } from "./title.js";
import { news, unreadCount } from "./unread.js";

const link = el("a", { href: "#/notifications" });

function draw() {
  const count = unreadCount();
  link.textContent = count ? `Notifications (${counted(count)})` : "Notifications";
}

/** Show it in that element, as long as somebody is signed in. */
export function bell(place) {
  draw();
  place.replaceChildren(...(user() ? [link] : []));
}

news.addEventListener("change", draw);
