"""Revising an auction: all that was said of it until somebody bids, and then its description alone."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from commands.domain.bidders import Bidder
from commands.domain.commands import ReviseAuction
from commands.domain.events import AuctionEvent, AuctionRevised
from commands.domain.openness import closed_already, ended, over
from commands.domain.rejections import Rejection, RejectionCode, readable
from commands.domain.revisions import Revision
from commands.domain.rules.table import hide_amounts
from commands.domain.schedules import impossible, invalid_schedule, unknown_people
from commands.domain.state import Auction

# What may be revised once there was a bid; and what stays while time stands still.
ALWAYS = {"description"}
STANDING_STILL = {"starts_at", "ends_at", "rules"}


def revise(
    command: ReviseAuction, auction: Auction, now: datetime, known: Mapping[UUID, Bidder]
) -> Sequence[AuctionEvent] | Rejection:
    """Change what is given and differs, until the auction is over.

    One bid that was ever placed, deleted or not, is enough for the rest to stay: the auction's bids at hand have
    one if there is any. `known` are the users whom new rules name.
    """
    if auction.closed:
        return closed_already(auction)
    if over(auction, now):
        return ended(auction)
    changes = Revision(**_different(command.changes, auction))
    before = Revision(**{name: getattr(auction, name) for name in changes.given})
    if refusal := _refusal(changes, auction, now, known):
        return refusal
    return [AuctionRevised(before, changes, command.revised_by)]


def _different(changes: Revision, auction: Auction) -> Mapping[str, Any]:
    return {name: value for name, value in changes.given.items() if value != getattr(auction, name)}


def _refusal(
    changes: Revision, auction: Auction, now: datetime, known: Mapping[UUID, Bidder]
) -> Rejection | None:
    if not changes.given:
        return Rejection(RejectionCode.NOTHING_TO_REVISE, "the auction is as that says already")
    if auction.bids and (fixed := _named(changes.given.keys() - ALWAYS)):
        return Rejection(
            RejectionCode.AUCTION_HAS_BIDS,
            f"there was a bid, so {fixed} can't be changed any more; the description still can",
        )
    if auction.paused and (fixed := _named(changes.given.keys() & STANDING_STILL)):
        return Rejection(
            RejectionCode.AUCTION_PAUSED,
            f"the auction is paused: {fixed} can be changed once it goes on",
        )
    if changes.rules is not None and hide_amounts(changes.rules) != hide_amounts(auction.rules):
        kind = "sealed" if hide_amounts(auction.rules) else "open"
        return Rejection(
            RejectionCode.SEALING_STAYS,
            f"bids are {kind} in this auction, and that stays: some may be on their way",
        )
    return _unplannable(changes, auction, now) or unknown_people(changes.rules or (), known)


def _named(names: set[str]) -> str:
    words = {"starts_at": "the start", "ends_at": "the end"}
    order = [field.name for field in fields(Revision)]
    return " and ".join(words.get(each, f"the {each}") for each in order if each in names)


def _unplannable(changes: Revision, auction: Auction, now: datetime) -> Rejection | None:
    """Why the auction can't have these times or rules from now on."""
    if changes.starts_at and auction.starts_at <= now:
        return invalid_schedule(f"it started at {readable(auction.starts_at)}, and that stays")
    if changes.ends_at and changes.ends_at <= now:
        return invalid_schedule(f"it would end in the past, at {readable(changes.ends_at)}")
    if not changes.of_times and changes.rules is None:
        return None
    # One that has begun can end from now on.
    starts_at = changes.starts_at or max(auction.starts_at, now)
    rules = auction.rules if changes.rules is None else changes.rules
    return impossible(starts_at, changes.ends_at or auction.ends_at, rules, now)
