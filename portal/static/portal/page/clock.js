// The server's clock, by which auctions begin and end. This machine's clock may be wrong, so it is not used.
import { post } from "./api.js";

// The server's time, in milliseconds, when performance.now() was 0; null until it is known.
let start = null;
let stale = true;

/** Set the clock by the time in an answer. Answers arrive late, some more than others: the latest time they give is kept. */
export function setClock(asOf) {
  const offset = Date.parse(asOf) - performance.now();
  start = stale ? offset : Math.max(start, offset);
  stale = false;
}

/** Set the clock anew by the next answer: performance.now() may have stood still while the computer slept. */
export function resetClock() {
  stale = true;
}

/** The server's time in milliseconds; NaN until it is known. */
export function now() {
  return start === null ? NaN : start + performance.now();
}

/** The server's time in milliseconds, asked for if it is not known yet. */
export async function serverTime() {
  if (start === null) setClock((await post("{ serverTime }")).serverTime);
  return now();
}

/** An auction's status by the server's clock: SCHEDULED, OPEN or ENDED; CANCELLED and PAUSED whatever the time is. */
export function standing({ startsAt, endsAt, status }) {
  if (status === "CANCELLED" || status === "PAUSED" || Number.isNaN(now())) return status;
  if (Date.parse(endsAt) <= now()) return "ENDED";
  return Date.parse(startsAt) <= now() ? "OPEN" : "SCHEDULED";
}

const UNITS = [[86_400, "d"], [3_600, "h"], [60, "m"], [1, "s"]];

/** How long until then, from now on or from another moment in milliseconds, in its two largest units: "2 h 05 m". */
export function left(moment, from = now()) {
  let seconds = Math.max(0, Math.ceil((Date.parse(moment) - from) / 1000));
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
