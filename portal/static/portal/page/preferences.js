// Of what the user wants to be notified, and how.
import { el } from "./dom.js";
import { occasion } from "./kinds.js";
import { Loading } from "./loading.js";
import { ask } from "./session.js";
import { explained } from "./words.js";

const CHANNELS = { IN_APP: "Here", EMAIL: "By email" };
const FIELDS = "notificationPreferences { kind channel enabled }";
const CHOOSE = `mutation ($input: [NotificationPreferenceInput!]!) { me: setNotificationPreferences(input: $input) { ${FIELDS} } }`;

/** A table of kinds and channels; each box is saved as it is changed. Call `stop` when the page is left. */
export function preferences() {
  const wrong = el("p", { class: "wrong", role: "alert" });
  const note = el("p", { class: "soft", hidden: true }, "Without an email address, nothing comes by email.");
  const body = el("tbody");

  function box({ kind, channel, enabled }) {
    const label = `${occasion(kind)}: ${CHANNELS[channel]}`;
    const input = el("input", { type: "checkbox", "aria-label": label, checked: enabled });
    input.addEventListener("change", async () => {
      wrong.textContent = "";
      try {
        await ask(CHOOSE, { input: [{ kind, channel, enabled: input.checked }] });
      } catch (error) {
        input.checked = !input.checked;
        wrong.textContent = explained(error);
      }
    });
    return el("td", {}, input);
  }

  function show(choices, email) {
    const kinds = new Set(choices.map(({ kind }) => kind));
    body.replaceChildren(...[...kinds].map((kind) => el("tr", {}, el("th", { scope: "row" }, occasion(kind)),
      ...Object.keys(CHANNELS).map((channel) => box(choices.find((each) => each.kind === kind && each.channel === channel))))));
    note.hidden = Boolean(email);
  }

  const loading = new Loading((error) => { wrong.textContent = error ? explained(error) : ""; });
  loading.run(() => ask(`{ me { email ${FIELDS} } }`), ({ me }) => show(me.notificationPreferences, me.email));
  const element = el("section", { class: "preferences" }, el("h2", {}, "Tell me when"),
    el("table", {}, el("thead", {}, el("tr", {}, el("th", {}),
      ...Object.values(CHANNELS).map((name) => el("th", { scope: "col" }, name)))), body), note, wrong);
  return { element, stop: () => loading.stop() };
}
