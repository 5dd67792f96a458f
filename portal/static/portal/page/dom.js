// Building elements from data. Strings become text, never markup.

/** An element with attributes (on… are listeners) and children. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** A labelled field with a hint and a place for an error message. */
export function field(label, { hint, ...attributes }) {
  const wrong = el("p", { class: "wrong", id: `${attributes.id}-wrong`, role: "alert" });
  const help = el("p", { class: "hint", id: `${attributes.id}-hint` }, hint ?? "");
  const input = el("input", {
    required: true, "aria-describedby": `${help.id} ${wrong.id}`, ...attributes });
  const row = el("div", { class: "field" },
    el("label", { for: attributes.id }, label), input, wrong, help);
  /** Show an error message; "" removes it. */
  function complain(message) {
    wrong.textContent = message;
    if (message) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
  return { input, help, row, complain };
}

/** A list's entries, one for each item. An entry whose item did not change keeps its element, and with it the focus. */
export class Entries {
  #known = new Map();

  constructor(list) {
    this.list = list;
  }

  /** Show these items in this order. `key` identifies an item; its element is built anew when what `look` gives has changed. */
  show(items, { key, look = JSON.stringify, build }) {
    const before = this.#known;
    this.#known = new Map(items.map((item) => {
      const known = before.get(key(item));
      const seen = look(item);
      if (known?.seen === seen) return [key(item), { ...known, item }];
      const element = build(item, Boolean(known));
      element.dataset.key = key(item);
      if (known?.element.contains(document.activeElement)) {
        requestAnimationFrame(() => element.querySelector("a, button")?.focus());
      }
      return [key(item), { element, seen, item }];
    }));
    // Remove first, so that the others need not be moved: a moved element loses the focus.
    const elements = [...this.#known.values()].map(({ element }) => element);
    const kept = new Set(elements);
    for (const child of [...this.list.children]) if (!kept.has(child)) child.remove();
    let place = this.list.firstChild;
    for (const element of elements) {
      if (element === place) place = place.nextSibling;
      else this.list.insertBefore(element, place);
    }
  }

  /** Call with each entry's element and the item that it shows. */
  each(action) {
    for (const { element, item } of this.#known.values()) action(element, item);
  }
}

/** Change a live region only if its text changes, so that screen readers don't repeat it; whether it did. */
export function setLiveText(element, ...children) {
  const fresh = el("div", {}, ...children);
  if (fresh.textContent !== element.textContent) {
    element.replaceChildren(...fresh.childNodes);
    return true;
  }
  return false;
}

/** A dialog with a question; resolves to whether the answer was yes. No has the focus; afterwards it returns to where it was. */
export function confirmed(question, explanation, yes, no = "Cancel") {
  const dialog = el("dialog", { "aria-labelledby": "confirmed-question", "aria-describedby": "confirmed-why" },
    el("form", { method: "dialog" },
      el("h2", { id: "confirmed-question" }, question), el("p", { id: "confirmed-why" }, explanation),
      el("div", { class: "choices" }, el("button", { value: "no", class: "quiet", autofocus: true }, no),
        el("button", { value: "yes", class: "danger" }, yes))));
  const close = () => dialog.close();
  addEventListener("hashchange", close);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      removeEventListener("hashchange", close);
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
