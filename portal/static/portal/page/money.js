// Amounts of money: text in the API and on the page, cents as BigInt here, never floats.

const PLAIN = /^(\d{1,10})(?:[.,](\d{1,2}))?$/;
const GROUPED = /^(\d{1,3}(?:[,\u0020\u00a0\u202f']\d{3})+)(?:\.(\d{1,2}))?$/;

/** The cents of a typed amount such as "1234.5", "1,234.50" or "12,50"; null if it is none. */
export function typed(text) {
  const found = GROUPED.exec(text.trim()) ?? PLAIN.exec(text.trim());
  if (!found) return null;
  const whole = found[1].replaceAll(/\D/g, "");
  return whole.length > 10 ? null : BigInt(whole + (found[2] ?? "").padEnd(2, "0"));
}

/** The cents of an amount of the API: "1234.50", always with two places. A doubled bid can have more digits than a typed one.
 *  An amount that is hidden counts nothing. */
export function cents(text) {
  return BigInt((text ?? "0").replace(".", ""));
}

/** Cents as the API writes them: "1234.50". */
export function plain(value) {
  const digits = value.toString().padStart(3, "0");
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** An amount or count with its digits grouped: "1,234.50", "12,000". */
export function shown(text) {
  const [whole, ...rest] = String(text).split(".");
  return [whole.replaceAll(/\B(?=(\d{3})+$)/g, ","), ...rest].join(".");
}
