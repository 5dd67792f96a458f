// The link to the notifications in the header, with the number of unread ones.
import { el } from "./dom.js";
import { user } from "./session.js";
import { counted } from "./title.js";
import { notificationEvents, unreadCount } from "./unread.js";

const link = el("a", { href: "#/notifications" });

function draw() {
  const count = unreadCount();
  link.textContent = count ? `Notifications (${counted(count)})` : "Notifications";
}

/** Show the link in that element if somebody is signed in. */
export function bell(place) {
  draw();
  place.replaceChildren(...(user() ? [link] : []));
}

notificationEvents.addEventListener("change", draw);
