// The auction house's clock: countdowns and deadlines never trust this machine's.
import { post } from "./api.js";

// The house's time when this page's own stopwatch stood at zero.
let start = null;
let stale = true;

/** Take the house's time from an answer. Each is a little late; the least late one is kept. */
export function setClock(asOf) {
  const told = Date.parse(asOf) - performance.now();
  start = stale ? told : Math.max(start, told);
  stale = false;
}

/** The stopwatch may have stood still, or the house's clock been set: trust the next answer. */
export function distrustClock() {
  stale = true;
}

/** The house's time in milliseconds; NaN until it is known. */
export function now() {
  return start === null ? NaN : start + performance.now();
}

/** The house's time, asked for if it is not known yet. */
export async function houseTime() {
  if (start === null) setClock((await post("{ serverTime }")).serverTime);
  return now();
}

/** Where an auction stands by the house's clock: SCHEDULED, OPEN or ENDED. */
export function standing({ startsAt, endsAt, status }) {
  if (Number.isNaN(now())) return status;
  if (Date.parse(endsAt) <= now()) return "ENDED";
  return Date.parse(startsAt) <= now() ? "OPEN" : "SCHEDULED";
}

const UNITS = [[86_400, "d"], [3_600, "h"], [60, "m"], [1, "s"]];

/** How long until then, in its two largest units: "2 h 05 m". */
export function left(moment) {
  let seconds = Math.max(0, Math.ceil((Date.parse(moment) - now()) / 1000));
  if (Number.isNaN(seconds)) return "…";
  const parts = [];
  for (const [size, unit] of UNITS) {
    const many = Math.floor(seconds / size);
    if (many || parts.length || size === 1) {
      parts.push(`${parts.length ? String(many).padStart(2, "0") : many} ${unit}`);
    }
    seconds %= size;
  }
  return parts.slice(0, 2).join(" ");
}

/** A moment in the reader's own zone. */
export function when(moment) {
  return new Date(moment).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** The time of day in the reader's own zone, to the second. */
export function timeOfDay(moment) {
  return new Date(moment).toLocaleTimeString(undefined, { timeStyle: "medium" });
}
