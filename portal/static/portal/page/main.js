// The page's frame: which view the address names, who is signed in, and whether the line is up.
import { auction } from "./auction.js";
import { el } from "./dom.js";
import { auctions, TABS } from "./list.js";
import { status } from "./live.js";
import { accountPage, remember, signInPage, signUpPage } from "./people.js";
import { changes, signOut, user } from "./session.js";
import { bell, notifications } from "./told.js";
import { winners } from "./winners.js";

const VIEWS = { auction, winners, notifications, "sign-in": signInPage, "sign-up": signUpPage, account: accountPage };
const PLACES = new Set(["winners", "notifications"]);
const SIGNING = new Set(["sign-in", "sign-up", "account"]);
const SHORT_BREAK = 1_500;

const main = document.getElementById("main");
const notice = document.getElementById("notice");
const line = document.getElementById("connection");
let leave = () => {};
let shownAt = null;
let breaking = null;
let saying = null;

function show() {
  const { hash } = location;
  const [, view = "", argument = ""] = hash.split("/");
  if (!SIGNING.has(view)) remember(hash || "#/open");
  leave();
  leave = Object.hasOwn(VIEWS, view) ? VIEWS[view](main, argument)
    : auctions(main, Object.hasOwn(TABS, view) ? view : "open");
  for (const link of document.querySelectorAll("header nav a")) {
    const here = link.hash === "#/winners" ? view === "winners" : !SIGNING.has(view) && !PLACES.has(view);
    if (here) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  if (shownAt !== null && shownAt !== hash) arrive();
  shownAt = hash;
}

// As after loading a page: at the top, and read out from there.
function arrive() {
  scrollTo(0, 0);
  if (!main.contains(document.activeElement)) main.querySelector("h1")?.focus({ preventScroll: true });
}

function greet() {
  const me = user();
  bell(document.getElementById("bell"));
  document.getElementById("person").replaceChildren(...(me
    ? [el("a", { href: "#/account", class: "me", "aria-label": `Your account, ${me.username}` }, me.username),
      el("button", { class: "quiet small leave", onclick: () => signOut() }, "Sign out")]
    : [el("a", { href: "#/sign-in" }, "Sign in"), el("a", { class: "button small", href: "#/sign-up" }, "Sign up")]));
}

function announce(text) {
  clearTimeout(saying);
  notice.textContent = text ?? "";
  saying = setTimeout(() => { notice.textContent = ""; }, 8_000);
}

function tellLine(state) {
  line.dataset.state = state;
  line.textContent = { live: "Live", reconnecting: "Reconnecting …" }[state] ?? "";
}

// A line that is back at once is not worth a word.
status.addEventListener("change", ({ detail }) => {
  clearTimeout(breaking);
  if (detail === "reconnecting") breaking = setTimeout(() => tellLine(detail), SHORT_BREAK);
  else tellLine(detail);
});
changes.addEventListener("user", ({ detail }) => {
  greet();
  show();
  announce(detail ?? (user() ? `Welcome, ${user().username}.` : "You are signed out."));
});
addEventListener("hashchange", show);
greet();
show();
