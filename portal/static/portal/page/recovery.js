// A forgotten password: requesting a mail, and choosing a new password with its link.
import { post } from "./api.js";
import { el, field } from "./dom.js";
import { formPage } from "./forms.js";

const REQUEST = "mutation ($who: String!) { requestPasswordReset(usernameOrEmail: $who) }";
const RESET = "mutation ($token: String!, $new: String!) { resetPassword(token: $token, newPassword: $new) }";

function answered(main, title, ...text) {
  const heading = el("h1", { tabindex: -1 }, title);
  main.replaceChildren(el("div", { class: "sheet" }, heading, el("p", {}, ...text)));
  heading.focus();
}

/** The page that requests the mail. Its answer is the same whether there is such a user or not. */
export function forgottenPage(main) {
  const who = field("Name or email", { id: "who", name: "usernameOrEmail", autocomplete: "username",
    autocapitalize: "none", spellcheck: "false", maxlength: 254 });
  async function ask() {
    await post(REQUEST, { who: who.input.value.trim() });
    answered(main, "Look into your mail", "If somebody here has that name or confirmed address, a link for a new "
      + "password is on its way there. It is good for an hour.");
  }
  return formPage(main, "Forgot your password?", [who], ask, "Mail me a link",
    el("p", { class: "soft" }, "Only a confirmed address gets one. ", el("a", { href: "#/sign-in" }, "Sign in")));
}

/** The page that the link in the mail opens. */
export function resetPage(main, token) {
  const password = field("New password", { id: "new-password", name: "newPassword", type: "password",
    autocomplete: "new-password", hint: "At least 8 characters; a few words together are best." });
  async function reset() {
    await post(RESET, { token, new: password.input.value });
    answered(main, "Your password is changed", "You are signed out everywhere. ",
      el("a", { href: "#/sign-in" }, "Sign in with the new one"));
  }
  return formPage(main, "Choose a new password", [password], reset, "Change my password",
    el("p", { class: "soft" }, "A link that is too old? ", el("a", { href: "#/forgotten" }, "Ask for another")));
}
