// Signing up, in and out, and the user's account with its deletion.
import { addressSection, passwordSection, sessionsSection } from "./account.js";
import { CREATE_USER, DELETE_USER, Intent } from "./commands.js";
import { el, field, confirmed } from "./dom.js";
import { limitSection } from "./exposure.js";
import { formPage } from "./forms.js";
import { preferences } from "./preferences.js";
import { bidFarewell, signIn, signOut, user } from "./session.js";
import { setTitle } from "./title.js";
import { explained, refusal } from "./words.js";

let cameFrom = "#/open";

/** Set where to go after signing in: the hash of the view before. */
export function remember(hash) {
  cameFrom = hash || "#/open";
}

async function enter(username, password) {
  // Signing in draws the page anew at its address, so the address has to be set before.
  const before = location.hash;
  history.replaceState(null, "", cameFrom);
  try {
    await signIn(username, password);
  } catch (error) {
    history.replaceState(null, "", before);
    throw error.code === "UNAUTHENTICATED" ? new Error("Wrong name or password") : error;
  }
}

function nameField(hint) {
  return field("Name", { id: "username", name: "username", autocomplete: "username",
    autocapitalize: "none", spellcheck: "false", maxlength: 30, hint });
}

/** The page for signing in. */
export function signInPage(main) {
  if (user()) return accountPage(main);
  const username = nameField();
  const password = field("Password", { id: "password", name: "password", type: "password",
    autocomplete: "current-password" });
  return formPage(main, "Sign in", [username, password],
    () => enter(username.input.value.trim(), password.input.value), "Sign in",
    el("p", { class: "soft" }, "New here? ", el("a", { href: "#/sign-up" }, "Sign up")),
    el("p", { class: "soft" }, el("a", { href: "#/forgotten" }, "Forgot your password?")));
}

/** The page for signing up. */
export function signUpPage(main) {
  if (user()) return accountPage(main);
  const intent = new Intent(CREATE_USER);
  const username = nameField("Other bidders see it beside your bids.");
  const password = field("Password", { id: "password", name: "password", type: "password",
    autocomplete: "new-password", hint: "At least 8 characters; a few words together are best." });
  const email = field("Email (optional)", { id: "email", name: "email", type: "email",
    autocomplete: "email", required: false });
  async function create() {
    const given = { username: username.input.value.trim(), password: password.input.value };
    const job = await intent.carryOut({ ...given, email: email.input.value.trim() || null });
    const why = refusal(job);
    if (why) throw Object.assign(new Error(why), { field: "username" });
    await enter(given.username, given.password);
  }
  return formPage(main, "Sign up", [username, password, email], create, "Create account",
    el("p", { class: "soft" }, "Known already? ", el("a", { href: "#/sign-in" }, "Sign in")));
}

/** The page of the user's account. */
export function accountPage(main) {
  const me = user();
  if (!me) return signInPage(main);
  const intent = new Intent(DELETE_USER);
  const wrong = el("p", { class: "wrong", role: "alert" });
  const going = el("p", { class: "soft", role: "status" });
  const parts = [preferences(), addressSection(), sessionsSection(), limitSection()];
  const [choices, address, sessions, limit] = parts;

  async function leave(event) {
    const button = event.currentTarget;
    const yes = await confirmed("Delete your account?",
      "Your live bids in open auctions are withdrawn, and your name and email are erased. This can’t be undone.",
      "Delete my account");
    if (!yes) return;
    button.disabled = true;
    wrong.textContent = "";
    going.textContent = "Your account is being deleted…";
    bidFarewell(() => {
      history.replaceState(null, "", "#/open");
      return "Your account is deleted. Goodbye.";
    });
    try {
      const why = refusal(await intent.carryOut({}));
      if (why) throw new Error(why);
      await signOut();
    } catch (error) {
      bidFarewell(null);
      wrong.textContent = explained(error);
      button.disabled = false;
    }
    going.textContent = "";
  }

  setTitle(me.username);
  main.replaceChildren(el("div", { class: "sheet" },
    el("h1", { tabindex: -1 }, me.username),
    el("p", { class: "soft" }, me.isStaff ? "You are signed in as an auctioneer." : "You are signed in."),
    me.isStaff && el("p", {}, el("a", { href: "/admin/" }, "The auctioneer’s desk")),
    el("p", {}, el("button", { class: "quiet", onclick: () => signOut() }, "Sign out")),
    limit.element, choices.element, address.element, passwordSection(), sessions.element,
    el("section", { class: "parting" }, el("h2", {}, "Leave for good"),
      el("p", { class: "soft" }, "Your live bids are withdrawn, and your name and email are erased."),
      el("button", { class: "danger", onclick: leave }, "Delete my account"), going, wrong)));
  return () => { for (const part of parts) part.stop(); };
}
