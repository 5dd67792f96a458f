// The kinds of notifications: their sign, and when they come. Texts come from the API; a kind unknown here has a dot.

const KINDS = {
  OUTBID: ["↑", "You were outbid"],
  AUCTION_WON: ["★", "You won an auction"],
  AUCTION_LOST: ["✕", "An auction you bid in went to somebody else"],
  BID_DOUBLED: ["×2", "Your bid was doubled"],
  ENDING_SOON: ["⏱", "An auction that you watch ends soon"],
  BID_REMOVED: ["−", "Your bid was removed by the house"],
  AUCTION_CANCELLED: ["⊘", "An auction you bid in was cancelled"],
  AUCTION_PAUSED: ["‖", "An auction you bid in, or watch, was paused"],
  AUCTION_RESUMED: ["▷", "An auction you bid in, or watch, goes on after a pause"],
  LOT_OFFERED: ["?", "You are offered what somebody else won"],
  LOT_LOST: ["✕", "What you were offered, or had bought, goes to somebody else"],
  MAX_BID_CHANGED: ["→", "The highest bid changed where you bid"],
};

/** The sign before a notification: one or two characters. */
export function sign(kind) {
  return KINDS[kind]?.[0] ?? "•";
}

/** What a notification of that kind is about, as a sentence without its full stop. */
export function occasion(kind) {
  const written = kind.toLowerCase().replaceAll("_", " ");
  return KINDS[kind]?.[1] ?? written.charAt(0).toUpperCase() + written.slice(1);
}
