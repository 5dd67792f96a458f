// The place on the page: the address names the view and, after a "?", the search, how many pages of a
// list are shown, and the entry at the top of the window. Reloading and going back restore it.

const PAUSE = 150;

/** The parts of a hash such as "#/auction/1?page=2"; by default of the current address. */
export function route(hash = location.hash) {
  const [path, query = ""] = (hash || "#/open").split("?");
  const [, view = "", argument = ""] = path.split("/");
  return { path, view, argument, query: new URLSearchParams(query) };
}

/** An address within the page; values that are null or "" are left out. */
export function address(path, values) {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value != null && value !== ""));
  return query.size ? `${path}?${query}` : path;
}

/** Change the query of the address, without a new entry in the history. */
export function setPlace(values, state = history.state) {
  const { path, query } = route();
  const hash = address(path, { ...Object.fromEntries(query), ...values });
  if (hash !== location.hash || state !== history.state) history.replaceState(state, "", hash);
}

// The lower edge of the page's header, which covers what is scrolled beneath it.
function ceiling() {
  return document.querySelector("header").getBoundingClientRect().bottom;
}

function setTop(list) {
  const top = scrollY > 0 && [...list.children].find((entry) => entry.getBoundingClientRect().bottom > ceiling());
  setPlace({ at: top ? top.dataset.key : null },
    top ? { scrolled: scrollY, offset: Math.round(top.getBoundingClientRect().top) } : null);
}

function scrollBack(list) {
  const at = route().query.get("at");
  if (!at || scrollY > 0) return;
  const entry = [...list.children].find(({ dataset }) => dataset.key === at);
  const { offset, scrolled } = history.state ?? {};
  if (entry) scrollTo(0, entry.getBoundingClientRect().top - (offset ?? ceiling()));
  else scrollTo(0, scrolled ?? 0);
}

/** Scroll to the entry that the address names, and from now on name the one at the top of the window.
 *  Call it once the list is drawn; returns a function that stops it. */
export function keepScroll(list) {
  const { path } = route();
  let pause = null;
  const now = () => {
    clearTimeout(pause);
    if (route().path === path) setTop(list);
  };
  const soon = () => {
    clearTimeout(pause);
    pause = setTimeout(now, PAUSE);
  };
  scrollBack(list);
  addEventListener("scroll", soon, { passive: true });
  // A link may lead away before the pause is over.
  addEventListener("click", now, { capture: true });
  return () => {
    clearTimeout(pause);
    removeEventListener("scroll", soon);
    removeEventListener("click", now, { capture: true });
  };
}
