// The auction house's clock: countdowns must not trust this machine's.

let offset = 0;

/** Take the house's time from an answer. */
export function setClock(asOf) {
  offset = Date.parse(asOf) - Date.now();
}

/** The house's time, in milliseconds. */
export function now() {
  return Date.now() + offset;
}

/** How long until then, in words that fit beside a bid. */
export function left(moment) {
  let seconds = Math.max(0, Math.ceil((Date.parse(moment) - now()) / 1000));
  const parts = [];
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "m"]]) {
    if (seconds >= size || parts.length) parts.push(`${Math.floor(seconds / size)} ${unit}`);
    seconds %= size;
  }
  return [...parts, `${seconds} s`].slice(0, 2).join(" ");
}

/** A moment in the reader's own zone. */
export function when(moment) {
  return new Date(moment).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}
