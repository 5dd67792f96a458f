// Building elements from data: text is always text, never markup.

/** An element with attributes (on… are listeners) and children. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child != null));
  return element;
}

/** A labelled field with room for what is wrong with it. */
export function field(label, attributes) {
  const wrong = el("p", { class: "wrong", id: `${attributes.id}-wrong`, role: "alert" });
  const input = el("input", { required: true, "aria-describedby": wrong.id, ...attributes });
  return { input, wrong, row: el("div", { class: "field" },
    el("label", { for: attributes.id }, label), input, wrong) };
}
