// Forms. The button shows that a submission is under way; an error is shown at the field that it is about.
import { el } from "./dom.js";
import { setTitle } from "./title.js";
import { explained } from "./words.js";

/** A form of these fields whose button runs `action`; `done` is shown after it succeeded. */
export function formOf(fields, action, label, done = "") {
  const button = el("button", { type: "submit" }, label);
  const wrong = el("p", { class: "wrong", role: "alert" });
  const right = el("p", { class: "soft", role: "status" });
  async function submit(event) {
    event.preventDefault();
    wrong.textContent = right.textContent = "";
    for (const each of fields) each.complain("");
    button.disabled = true;
    button.textContent = "One moment …";
    try {
      await action();
      right.textContent = done;
    } catch (error) {
      const place = fields.find((each) => each.input.name === error.field);
      if (place) place.complain(explained(error));
      else wrong.textContent = explained(error);
      (place ?? fields[0]).input.focus();
    }
    button.disabled = false;
    button.textContent = label;
  }
  return el("form", { onsubmit: submit }, fields.map((each) => each.row), wrong, button, right);
}

/** A page that is one form. */
export function formPage(main, title, fields, action, label, ...more) {
  main.replaceChildren(el("div", { class: "sheet" }, el("h1", { tabindex: -1 }, title),
    formOf(fields, action, label), ...more));
  setTitle(title);
  fields[0].input.focus();
  return () => {};
}
