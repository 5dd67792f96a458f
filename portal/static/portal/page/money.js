// Amounts as text, never as floats: "1234.5" is 123450n pence inside.

const WRITTEN = /^(\d{1,10})(?:[.,](\d{1,2}))?$/;

/** The amount in pence, or null if the text is none. */
export function pence(text) {
  const found = WRITTEN.exec(text.trim().replaceAll(/[ \u00a0']/g, ""));
  return found ? BigInt(found[1]) * 100n + BigInt((found[2] ?? "").padEnd(2, "0")) : null;
}

/** How the API writes it: "1234.50". */
export function plain(value) {
  const digits = value.toString().padStart(3, "0");
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** How people read it: "1 234.50". */
export function shown(text) {
  const [whole, rest] = text.split(".");
  return `${whole.replace(/\B(?=(\d{3})+$)/g, "\u202f")}.${rest}`;
}
