"""Whether somebody can bid in an auction at all, before anything is asked of what they bid."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from commands.domain import bans
from commands.domain.bidders import Bidder
from commands.domain.openness import not_open
from commands.domain.rejections import Rejection, RejectionCode
from commands.domain.rules.table import barred
from commands.domain.state import Auction


def not_admitted(
    auction: Auction, bidder_id: UUID, now: datetime, bidders: Mapping[UUID, Bidder]
) -> Rejection | None:
    """Why the user can place or buy nothing in the auction at that moment; None if they can.

    Whatever places a bid asks this first.
    """
    if refusal := not_open(auction, now):
        return refusal
    if (bidder := bidders.get(bidder_id)) is None:
        return Rejection(RejectionCode.USER_NOT_FOUND, "the bidder does not exist any more")
    if bidder.bans and (refusal := bans.refusal(bidder.bans, auction.id, now)):
        return refusal
    return barred(auction.rules, bidder) if auction.rules else None
