// Texts for the API's codes, and other texts used on several pages.
import { shown } from "./money.js";

const ERRORS = {
  OFFLINE: "The auction house can’t be reached. Check your connection and try again.",
  UNAVAILABLE: "The auction house is busy right now. Please try again in a moment.",
  RATE_LIMITED: "That was a lot at once. Please wait a moment, then try again.",
  UNAUTHENTICATED: "Please sign in again.",
  FORBIDDEN: "That isn’t yours to do.",
  INTERNAL: "Something went wrong on our side. Nothing was changed.",
};

const REJECTIONS = {
  AUCTION_NOT_STARTED: "This auction hasn’t opened yet.",
  AUCTION_ENDED: "This auction ended before it could count.",
  AUCTION_CANCELLED: "This auction was cancelled before it could count.",
  NOT_FOR_SALE: "It can’t be bought at once any more.",
  AUCTION_PAUSED: "This auction is paused. Try again once it goes on.",
  BID_ALREADY_DELETED: "That bid was already deleted.",
  CANCELLED: "It was cancelled before it was handled. Nothing was changed.",
  EXPIRED: "It waited too long and was dropped. Nothing was changed; please try again.",
};

/** The text with a capital letter first and a full stop. */
export function sentence(text) {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(start) ? start : `${start}.`;
}

/** The text to show for an error. */
export function explained(error) {
  return ERRORS[error.code] ?? sentence(error.message || "Something went wrong.");
}

/** Why a settled job changed nothing; null if it succeeded. */
export function refusal(job) {
  if (job?.status === "SUCCEEDED") return null;
  if (job?.status !== "REJECTED") return ERRORS.INTERNAL;
  const { code, message, ban } = job.rejection;
  const told = REJECTIONS[code] ?? sentence(message);
  return ban?.reason ? `${told} “${ban.reason}”` : told;
}

/** What a bidder is called: by name, by number where they are masked, or "deleted user". */
export function name(bidder) {
  return bidder.name;
}

/** "1 bid", "2 bids". */
export function many(count, what) {
  return `${shown(count)} ${what}${count === 1 ? "" : "s"}`;
}
