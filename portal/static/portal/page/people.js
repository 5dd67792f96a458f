// Signing up, in and out, and leaving for good.
import { CREATE_USER, DELETE_USER, Intent } from "./commands.js";
import { el, field, sure } from "./dom.js";
import { signIn, signOut, user } from "./session.js";
import { setTitle } from "./title.js";
import { preferences } from "./preferences.js";
import { explained, refusal } from "./words.js";

let cameFrom = "#/open";

/** Where to go once signed in: the hash of the view before. */
export function remember(hash) {
  cameFrom = hash || "#/open";
}

function form(main, title, fields, action, label, ...more) {
  const button = el("button", { type: "submit" }, label);
  const wrong = el("p", { class: "wrong", role: "alert" });
  async function submit(event) {
    event.preventDefault();
    wrong.textContent = "";
    for (const each of fields) each.complain("");
    button.disabled = true;
    button.textContent = "One moment …";
    try {
      await action();
    } catch (error) {
      const place = fields.find((each) => each.input.name === error.field);
      if (place) place.complain(explained(error));
      else wrong.textContent = explained(error);
      (place ?? fields[0]).input.focus();
    }
    button.disabled = false;
    button.textContent = label;
  }
  main.replaceChildren(el("div", { class: "sheet" }, el("h1", { tabindex: -1 }, title),
    el("form", { onsubmit: submit }, fields.map((each) => each.row), wrong, button), ...more));
  setTitle(title);
  fields[0].input.focus();
  return () => {};
}

async function enter(username, password) {
  // The page is drawn anew as soon as somebody is signed in, at the address it has then.
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

/** The page for those who are known. */
export function signInPage(main) {
  if (user()) return accountPage(main);
  const username = nameField();
  const password = field("Password", { id: "password", name: "password", type: "password",
    autocomplete: "current-password" });
  return form(main, "Sign in", [username, password],
    () => enter(username.input.value.trim(), password.input.value), "Sign in",
    el("p", { class: "soft" }, "New here? ", el("a", { href: "#/sign-up" }, "Sign up")));
}

/** The page for those who are not. */
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
  return form(main, "Sign up", [username, password, email], create, "Create account",
    el("p", { class: "soft" }, "Known already? ", el("a", { href: "#/sign-in" }, "Sign in")));
}

/** The page about oneself. */
export function accountPage(main) {
  const me = user();
  if (!me) return signInPage(main);
  const intent = new Intent(DELETE_USER);
  const wrong = el("p", { class: "wrong", role: "alert" });
  const choices = preferences();

  async function leave(event) {
    const button = event.currentTarget;
    const yes = await sure("Delete your account?",
      "Your live bids in open auctions are withdrawn, and your name and email are erased. This can’t be undone.",
      "Delete my account");
    if (!yes) return;
    button.disabled = true;
    wrong.textContent = "";
    try {
      await intent.submit({});
      history.replaceState(null, "", "#/open");
      await signOut("Your account is being deleted. Goodbye.");
    } catch (error) {
      wrong.textContent = explained(error);
      button.disabled = false;
    }
  }

  setTitle(me.username);
  main.replaceChildren(el("div", { class: "sheet" },
    el("h1", { tabindex: -1 }, me.username),
    el("p", { class: "soft" }, me.isStaff ? "You are signed in as an auctioneer." : "You are signed in."),
    me.isStaff && el("p", {}, el("a", { href: "/admin/" }, "The auctioneer’s desk")),
    el("p", {}, el("button", { class: "quiet", onclick: () => signOut() }, "Sign out")),
    choices.element,
    el("section", { class: "parting" }, el("h2", {}, "Leave for good"),
      el("p", { class: "soft" }, "Your live bids are withdrawn, and your name and email are erased."),
      el("button", { class: "danger", onclick: leave }, "Delete my account"), wrong)));
  return choices.stop;
}
