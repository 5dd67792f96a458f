// A list that is shown page by page: the address says how many pages, and all are loaded anew when
// the line was lost, because news may have been missed.
import { el } from "./dom.js";
import { Loading } from "./loading.js";
import { route, setPlace } from "./place.js";

const LARGEST = 100;
const MOST = 20;

/** The pages of one list, `size` entries each. `fetch(after, first)` gives a connection;
 *  `show(nodes, anew)` takes all nodes that are to be shown, `anew`, or those that follow.
 *  With `live` the list hears of everything that it missed, and only what failed is loaded again.
 *  `name` is what the address calls the number of pages. */
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

  /** Whether there is nothing after what is shown. */
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

  /** Load the first page of something else. */
  begin() {
    this.#count = 1;
    this.more.hidden = true;
    this.load();
  }

  #next() {
    setPlace({ [this.name]: ++this.#count });
    // What would follow belongs to what is about to be replaced.
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

  /** What is shown ends there. */
  reached({ hasNextPage, endCursor }) {
    this.#after = endCursor;
    this.more.hidden = !hasNextPage;
  }

  /** Load nothing more. */
  stop() {
    this.loading.stop();
  }
}
