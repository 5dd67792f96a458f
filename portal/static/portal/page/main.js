// The page: which view the address names, who is signed in, and whether the line is up.
import { auction } from "./auction.js";
import { el } from "./dom.js";
import { auctions, winners } from "./list.js";
import { status } from "./live.js";
import { accountPage, signInPage, signUpPage } from "./people.js";
import { changes, user } from "./session.js";

const main = document.getElementById("main");
const VIEWS = {
  winners, "sign-in": signInPage, "sign-up": signUpPage, account: accountPage,
  auction: (place, id) => auction(place, id),
};
let leave = () => {};
let shownHash = null;

function show() {
  const [, view = "", argument] = location.hash.split("/");
  leave();
  leave = VIEWS[view] ? VIEWS[view](main, argument)
    : auctions(main, ["open", "coming", "ended"].includes(view) ? view : "open");
  if (shownHash !== null && shownHash !== location.hash) scrollTo(0, 0);
  shownHash = location.hash;
}

function greet() {
  const me = user();
  document.getElementById("person").replaceChildren(...(me
    ? [el("a", { href: "#/account" }, me.username)]
    : [el("a", { href: "#/sign-in" }, "Sign in"), el("a", { class: "button", href: "#/sign-up" }, "Sign up")]));
}

status.addEventListener("change", ({ detail }) => {
  const line = document.getElementById("connection");
  line.className = detail;
  line.textContent = detail === "live" ? "live" : "reconnecting …";
});
changes.addEventListener("change", () => { greet(); show(); });
addEventListener("hashchange", show);
greet();
show();
