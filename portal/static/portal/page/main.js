// The frame of the page: shows the view that the address names, and who is signed in.
import { auction } from "./auction.js";
import { bell } from "./bell.js";
import "./connection.js";
import { el } from "./dom.js";
import { auctions, TABS } from "./list.js";
import { mine } from "./mine.js";
import { notifications } from "./notifications.js";
import { accountPage, remember, signInPage, signUpPage } from "./people.js";
import { route } from "./place.js";
import { forgottenPage, resetPage } from "./recovery.js";
import { changes, signOut, user } from "./session.js";
import "./toasts.js";
import { winners } from "./winners.js";

const VIEWS = { auction, mine, winners, notifications, "sign-in": signInPage, "sign-up": signUpPage, account: accountPage,
  forgotten: forgottenPage, reset: resetPage };
const PLACES = new Set(["winners", "notifications"]);
const SIGNING = new Set(["sign-in", "sign-up", "account", "forgotten", "reset"]);

const main = document.getElementById("main");
const notice = document.getElementById("notice");
let leave = () => {};
let shownAt = null;
let noticeTimer = null;

function show() {
  const { path, view, argument } = route();
  leave();
  leave = Object.hasOwn(VIEWS, view) ? VIEWS[view](main, argument)
    : auctions(main, Object.hasOwn(TABS, view) ? view : "open");
  for (const link of document.querySelectorAll("header nav a")) {
    const here = link.hash === "#/winners" ? view === "winners" : !SIGNING.has(view) && !PLACES.has(view);
    if (here) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  if (shownAt !== null && shownAt !== path) focusHeading();
  shownAt = path;
}

// As after loading a page: scroll to the top and focus the heading, which screen readers then read.
function focusHeading() {
  scrollTo(0, 0);
  if (!main.contains(document.activeElement)) main.querySelector("h1")?.focus({ preventScroll: true });
}

function showUser() {
  const me = user();
  bell(document.getElementById("bell"));
  document.getElementById("person").replaceChildren(...(me
    ? [el("a", { href: "#/account", class: "me", "aria-label": `Your account, ${me.username}` }, me.username),
      el("button", { class: "quiet small leave", onclick: () => signOut() }, "Sign out")]
    : [el("a", { href: "#/sign-in" }, "Sign in"), el("a", { class: "button small", href: "#/sign-up" }, "Sign up")]));
}

function announce(text) {
  clearTimeout(noticeTimer);
  notice.textContent = text ?? "";
  noticeTimer = setTimeout(() => { notice.textContent = ""; }, 8_000);
}

changes.addEventListener("user", ({ detail }) => {
  showUser();
  show();
  announce(detail ?? (user() ? `Welcome, ${user().username}.` : "You are signed out."));
});
addEventListener("hashchange", ({ oldURL }) => {
  const { hash } = new URL(oldURL);
  if (!SIGNING.has(route(hash).view)) remember(hash);
  shownAt = "";
  show();
});
// Views scroll by themselves, once their list is drawn.
history.scrollRestoration = "manual";
showUser();
show();
