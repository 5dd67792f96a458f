// In which order a list of auctions comes, and what it is narrowed down to: both are kept in the address.
import { now } from "./clock.js";
import { el } from "./dom.js";
import { cents, plain, typed } from "./money.js";
import { route, setPlace } from "./place.js";

const TYPING = 400;
const HOUR = 3_600_000;
const ORDERS = { ENDING_SOONEST: "Ending soonest", STARTING_SOONEST: "Starting soonest", NEWEST_ENDED: "Ended last",
  NEWEST: "Newest", MOST_BIDS: "Most bids", HIGHEST_PRICE: "Highest price", LOWEST_PRICE: "Lowest price" };
const RULES = { PLAIN: "Plain rules alone", STARTING_PRICE: "A starting price", INCREMENTS: "Increments",
  RESERVE: "A hidden reserve", BUY_NOW: "A buy-now price", PROXY_BIDS: "Private maxima",
  SEALED: "Sealed bids", SOFT_CLOSE: "A soft close", WITHDRAWAL: "Bids that bind", MASKED: "Masked bidders",
  PROMOTER: "A promoter of its own, or none", OWN_LOT: "Owners can't bid",
  SECOND_CHANCE: "A second chance" };
const WITHIN = { hour: ["An hour", HOUR], day: ["A day", 24 * HOUR], week: ["A week", 168 * HOUR] };

// The API's names in the address: "MOST_BIDS" is "most-bids" there.
const written = (name) => name.toLowerCase().replaceAll("_", "-");

function price({ leadingBid }) {
  return leadingBid ? cents(leadingBid.effectiveAmount) : 0n;
}

function by(key, descending) {
  const sign = descending ? -1 : 1;
  return (a, b) => {
    const [one, other] = [key(a), key(b)];
    if (one === other) return a.id < b.id ? -sign : sign;
    return one < other ? -sign : sign;
  };
}

/** The API's orders, for auctions that come by subscription. */
export const COMPARED = {
  ENDING_SOONEST: by(({ endsAt }) => Date.parse(endsAt), false),
  STARTING_SOONEST: by(({ startsAt }) => Date.parse(startsAt), false),
  NEWEST_ENDED: by(({ endsAt }) => Date.parse(endsAt), true),
  NEWEST: by(() => 0, true),
  MOST_BIDS: by(({ bidCount }) => bidCount, true),
  HIGHEST_PRICE: by(price, true),
  LOWEST_PRICE: by(price, false),
};

/** The controls of a list; `changed` is called when another list is wanted. The first of the orders is the usual one. */
export class Filters {
  #orders;
  #changed;
  #timer = null;

  constructor({ orders, ended, changed }) {
    this.#orders = orders;
    this.#changed = changed;
    this.ended = ended;
    this.order = this.#choice("order", "Order", orders.map((name) => [written(name), ORDERS[name]]));
    this.rule = this.#choice("rule", "Rules", [["", "Any"], ...Object.entries(RULES).map(([name, text]) => [written(name), text])]);
    this.within = this.#choice("ends", ended ? "Ended within" : "Ends within",
      [["", "Any time"], ...Object.entries(WITHIN).map(([name, [text]]) => [name, text])]);
    this.from = this.#amount("from", "Price from");
    this.to = this.#amount("to", "Price to");
    this.element = el("div", { class: "filters" }, this.order.row,
      el("details", { open: this.active }, el("summary", {}, "Filters"),
        el("div", {}, ...[this.rule, this.from, this.to, this.within].map(({ row }) => row))));
  }

  /** The name of the API's order. */
  get chosen() {
    return this.#orders.find((name) => written(name) === this.order.input.value) ?? this.#orders[0];
  }

  /** Whether anything is left out. */
  get active() {
    return [this.rule, this.within, this.from, this.to].some(({ input }) => input.value.trim());
  }

  /** What other lists are narrowed down to as well, for their addresses. */
  get shared() {
    return Object.fromEntries([this.rule, this.from, this.to].map(({ input }) => [input.name, input.value.trim()]));
  }

  /** The variables of a query, as of now. */
  variables() {
    const span = WITHIN[this.within.input.value]?.[1];
    const end = span && new Date(now() + (this.ended ? -span : span)).toISOString();
    const rule = Object.keys(RULES).find((name) => written(name) === this.rule.input.value);
    return { o: this.chosen, rule: rule ?? null, from: this.#typed(this.from), to: this.#typed(this.to),
      after: this.ended && end ? end : null, before: !this.ended && end ? end : null };
  }

  /** Call nothing more. */
  stop() {
    clearTimeout(this.#timer);
  }

  #choice(name, label, options) {
    const given = route().query.get(name) ?? "";
    const input = el("select", { id: `filter-${name}`, name, onchange: () => this.#change() },
      ...options.map(([value, text]) => el("option", { value, selected: value === given }, text)));
    return { input, row: el("div", {}, el("label", { for: input.id }, label), input) };
  }

  #amount(name, label) {
    const input = el("input", { id: `filter-${name}`, name, inputmode: "decimal", autocomplete: "off", maxlength: 16,
      value: route().query.get(name) ?? "", oninput: () => {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#change(), TYPING);
      } });
    return { input, row: el("div", {}, el("label", { for: input.id }, label), input) };
  }

  // What is no amount leaves nothing out, and says so.
  #typed({ input }) {
    const value = typed(input.value);
    const wrong = input.value.trim() && !value;
    if (wrong) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    return value ? plain(value) : null;
  }

  #change() {
    clearTimeout(this.#timer);
    const usual = this.chosen === this.#orders[0];
    setPlace({ ...this.shared, order: usual ? null : this.order.input.value, ends: this.within.input.value,
      page: null, at: null }, null);
    this.#changed();
  }
}
