// Amounts of money: text outside, whole cents (BigInt) inside, never floats.

const PLAIN = /^(\d{1,10})(?:[.,](\d{1,2}))?$/;
const GROUPED = /^(\d{1,3}(?:[,\u0020\u00a0\u202f']\d{3})+)(?:\.(\d{1,2}))?$/;

/** What somebody typed in cents, or null if it is no amount: "1234.5", "1,234.50" and "12,50" are. */
export function typed(text) {
  const found = GROUPED.exec(text.trim()) ?? PLAIN.exec(text.trim());
  if (!found) return null;
  const whole = found[1].replaceAll(/\D/g, "");
  return whole.length > 10 ? null : BigInt(whole + (found[2] ?? "").padEnd(2, "0"));
}

/** What the API wrote ("1234.50", always with two places) in cents. A doubled bid may be longer than a typed one. */
export function cents(text) {
  return BigInt(text.replace(".", ""));
}

/** How the API writes it: "1234.50". */
export function plain(value) {
  const digits = value.toString().padStart(3, "0");
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** How people read a number of the API's, however long: "1,234.50", "12,000". */
export function shown(text) {
  const [whole, ...rest] = String(text).split(".");
  return [whole.replaceAll(/\B(?=(\d{3})+$)/g, ","), ...rest].join(".");
}
