// Signing up, in and out, and leaving for good.
import { el, field } from "./dom.js";
import { command, signIn, signOut, user } from "./session.js";

function page(main, title, fields, action, label, ...more) {
  const button = el("button", { type: "submit" }, label);
  const wrong = el("p", { class: "wrong", role: "alert" });
  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    wrong.textContent = "";
    for (const each of fields) each.wrong.textContent = "";
    try {
      await action();
      location.hash = "#/";
    } catch (error) {
      const place = fields.find((each) => each.input.name === error.field);
      (place?.wrong ?? wrong).textContent = error.message;
      place?.input.focus();
    }
    button.disabled = false;
  }
  main.replaceChildren(el("h1", {}, title),
    el("form", { class: "person", onsubmit: submit }, fields.map((each) => each.row), wrong, button), ...more);
  document.title = `${title} · Auction house`;
  fields[0]?.input.focus();
  return () => {};
}

function nameField() {
  return field("Name", { id: "username", name: "username", autocomplete: "username", minlength: 3, maxlength: 30 });
}

/** The page for those who are known. */
export function signInPage(main) {
  const username = nameField();
  const password = field("Password", { id: "password", name: "password", type: "password", autocomplete: "current-password" });
  return page(main, "Sign in", [username, password],
    () => signIn(username.input.value, password.input.value), "Sign in",
    el("p", {}, "New here? ", el("a", { href: "#/sign-up" }, "Sign up")));
}

/** The page for those who are not. */
export function signUpPage(main) {
  const username = nameField();
  const password = field("Password", { id: "password", name: "password", type: "password", autocomplete: "new-password", minlength: 8 });
  const email = field("Email (optional)", { id: "email", name: "email", type: "email", autocomplete: "email", required: false });
  async function create() {
    const input = { username: username.input.value, password: password.input.value, email: email.input.value || null };
    const job = await command(
      "mutation ($input: CreateUserInput!) { job: createUser(input: $input) { id } }", input);
    if (job.status !== "SUCCEEDED") {
      throw Object.assign(new Error(job.rejection?.message ?? "That failed on our side."), { field: "username" });
    }
    await signIn(input.username, input.password);
  }
  return page(main, "Sign up", [username, password, email], create, "Sign up",
    el("p", {}, "Known already? ", el("a", { href: "#/sign-in" }, "Sign in")));
}

/** The page about oneself. */
export function accountPage(main) {
  const me = user();
  if (!me) return signInPage(main);
  async function leave() {
    if (!confirm("Delete your account? Your live bids are withdrawn. This can't be undone.")) {
      throw new Error("Nothing was deleted.");
    }
    await command("mutation ($input: DeleteUserInput!) { job: deleteUser(input: $input) { id } }", {})
      .catch((error) => { if (error.code !== "UNAUTHENTICATED") throw error; });
    await signOut();
  }
  return page(main, me.username, [], leave, "Delete my account",
    el("p", {}, el("button", { class: "quiet", onclick: async () => { await signOut(); location.hash = "#/"; } }, "Sign out")));
}
