// What users change about their account: password, address and sessions.
import { el, field } from "./dom.js";
import { formOf } from "./forms.js";
import { Loading } from "./loading.js";
import { ask } from "./session.js";
import { explained } from "./words.js";

const CHANGE_PASSWORD = "mutation ($old: String!, $new: String!) { changePassword(currentPassword: $old, newPassword: $new) }";
const ADDRESS = "email emailConfirmed";
const CHANGE_EMAIL = `mutation ($password: String!, $email: String) { me: changeEmail(password: $password, email: $email) { ${ADDRESS} } }`;
const SESSIONS = "{ mySessions(first: 100) { edges { node { id createdAt lastUsedAt current } } } }";
const END = "mutation ($id: UUID!) { endSession(id: $id) }";
const END_OTHERS = "mutation { endOtherSessions }";

const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function secret(label, name, autocomplete, hint) {
  return field(label, { id: name, name, type: "password", autocomplete, hint });
}

/** A form for a new password; the user's other sessions end with it. */
export function passwordSection() {
  const old = secret("Current password", "currentPassword", "current-password");
  const fresh = secret("New password", "newPassword", "new-password", "You are signed out everywhere else.");
  async function change() {
    await ask(CHANGE_PASSWORD, { old: old.input.value, new: fresh.input.value });
    old.input.value = fresh.input.value = "";
  }
  return el("section", { class: "own", "aria-labelledby": "own-password" }, el("h2", { id: "own-password" }, "Password"),
    formOf([old, fresh], change, "Change my password", "Your password is changed."));
}

/** The address, whether it is confirmed, and a form for another. */
export function addressSection() {
  const state = el("p", { class: "soft", role: "status" });
  const email = field("Email", { id: "newEmail", name: "email", type: "email", autocomplete: "email",
    required: false, hint: "Left empty: none. The same again: another mail to confirm it." });
  const password = secret("Your password", "addressPassword", "current-password");
  password.input.name = "password";

  function show(me) {
    email.input.value = me.email ?? "";
    state.textContent = me.email
      ? `${me.email} is ${me.emailConfirmed ? "confirmed." : "not confirmed yet: follow the link in the mail that was sent there. Until then nothing else is."}`
      : "You gave no address: nothing comes by email, and a forgotten password can’t be replaced.";
  }

  async function change() {
    const { me } = await ask(CHANGE_EMAIL, { password: password.input.value, email: email.input.value.trim() || null });
    password.input.value = "";
    show(me);
  }

  const loading = new Loading((error) => { if (error) state.textContent = explained(error); });
  loading.run(() => ask(`{ me { ${ADDRESS} } }`), ({ me }) => show(me));
  const element = el("section", { class: "own", "aria-labelledby": "own-email" },
    el("h2", { id: "own-email" }, "Email"), state, formOf([email, password], change, "Change my address"));
  return { element, stop: () => loading.stop() };
}

/** Where the user is signed in, each with a button that ends it. */
export function sessionsSection() {
  const wrong = el("p", { class: "wrong", role: "alert" });
  const list = el("ul", { class: "sessions" });
  const others = el("button", { class: "quiet", hidden: true, onclick: () => end(END_OTHERS) }, "Sign out everywhere else");
  const loading = new Loading((error) => { wrong.textContent = error ? explained(error) : ""; });

  async function end(mutation, variables) {
    wrong.textContent = "";
    try {
      await ask(mutation, variables);
    } catch (error) {
      wrong.textContent = explained(error);
      return;
    }
    heading.focus();
    load();
  }

  function entry({ id, createdAt, lastUsedAt, current }) {
    const since = `Signed in ${WHEN.format(new Date(createdAt))}`;
    const used = `last used ${WHEN.format(new Date(lastUsedAt))}`;
    return el("li", {}, el("span", {}, current ? `${since}: this one` : `${since}, ${used}`),
      !current && el("button", { class: "quiet small", "aria-label": `Sign out: ${since}`, onclick: () => end(END, { id }) }, "Sign out"));
  }

  function load() {
    loading.run(() => ask(SESSIONS), ({ mySessions: { edges } }) => {
      list.replaceChildren(...edges.map(({ node }) => entry(node)));
      others.hidden = edges.length < 2;
    });
  }

  const heading = el("h2", { tabindex: -1, id: "own-sessions" }, "Where you are signed in");
  load();
  return { element: el("section", { class: "own", "aria-labelledby": "own-sessions" }, heading, list, others, wrong), stop: () => loading.stop() };
}
