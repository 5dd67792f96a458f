// A list that is shown page by page. The address says how many pages; all are loaded anew after a break of the
// connection, because updates may have been missed.
import { el } from "./dom.js";
import { Loading } from "./loading.js";
import { route, setPlace } from "./place.js";

const LARGEST = 100;
const MOST = 20;

/** The pages of one list, `size` entries each. `fetch(after, first)` gives a connection;
 *  `show(nodes, anew)` gets all nodes if `anew`, else those of the next page.
 *  With `live` the list gets updates that it missed otherwise, and only what failed is loaded again.
 *  `name` is the parameter of the address that holds the number of pages. */
export class Pages {
  #after = null;
  #renewing = false;
  #count;

  constructor({ size, fetch, show, fail, label = "Load more", live = false, name = "page" }) {
    Object.assign(this, { size, fetch, show, name });
    this.#count = Math.max(1, Number.parseInt(route().query.get(name), 10) || 1);
    this.more = el("button", { class: "quiet more", hidden: true, onclick: () => this.#next() }, label);
    this.loading = new Loading(fail, live ? undefined : this.load);
  }

  /** How many pages are shown, or will be. */
  get count() {
    return this.#count;
  }

  /** Whether all entries are shown. */
  get complete() {
    return this.more.hidden;
  }

  /** Load again as many pages as are shown. */
  load = () => {
    this.#count = Math.min(MOST, this.#count);
    this.#renewing = true;
    this.loading.run(() => this.#upTo(this.#count * this.size), ({ nodes, pageInfo }) => {
      this.#renewing = false;
      this.reached(pageInfo);
      this.show(nodes, true);
    });
  };

  /** Load the first page alone, of another search. */
  begin() {
    this.#count = 1;
    this.more.hidden = true;
    this.load();
  }

  #next() {
    setPlace({ [this.name]: ++this.#count });
    // The cursor is about to be replaced, so load everything with one page more.
    if (this.#renewing) return this.load();
    this.loading.run(() => this.fetch(this.#after, this.size), ({ edges, pageInfo }) => {
      this.reached(pageInfo);
      this.show(edges.map(({ node }) => node), false);
    });
  }

  async #upTo(many) {
    const nodes = [];
    let pageInfo = { hasNextPage: true, endCursor: null };
    while (pageInfo.hasNextPage && nodes.length < many) {
      const page = await this.fetch(pageInfo.endCursor, Math.min(LARGEST, many - nodes.length));
      nodes.push(...page.edges.map(({ node }) => node));
      ({ pageInfo } = page);
    }
    return { nodes, pageInfo };
  }

  /** Set where the shown entries end. */
  reached({ hasNextPage, endCursor }) {
    this.#after = endCursor;
    this.more.hidden = !hasNextPage;
  }

  /** Load nothing more. */
  stop() {
    this.loading.stop();
  }
}
