"""Deciding again in masked auctions, where events name aliases, and their jobs the users behind them."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from commands.domain.auction import NOBODY
from commands.domain.commands import (
    AnswerOffer,
    AuctionCommand,
    BuyNow,
    ClearMaximum,
    DeleteBid,
    PlaceBid,
    SetMaximum,
    WithdrawBids,
)
from commands.domain.events import (
    AuctionEvent,
    BidDeleted,
    BidPlaced,
    MaximumEnded,
    MaximumSet,
    OfferAccepted,
    OfferDeclined,
    WinnerAnnounced,
)
from commands.domain.rules.masked import Alias
from commands.domain.rules.table import shows_winner
from commands.record.facts import Cause, Facts, GivenAlias
from commands.record.standing import Standing
from commands.streams import RecordedEvent

# What is only ever about whoever asked for it.
OF_ONE_BIDDER = (
    PlaceBid | SetMaximum | ClearMaximum | BuyNow | DeleteBid | AnswerOffer | WithdrawBids
)


def behind_mask(command: AuctionCommand, event: AuctionEvent, standing: Standing) -> AuctionCommand:
    """The command as it was decided: with the alias that the event names."""
    match command, event:
        case PlaceBid() | BuyNow(), BidPlaced(bidder_id=id):
            return replace(command, bidder_id=id, alias=Alias(id, standing.numbers.get(id)))
        case SetMaximum(), MaximumSet(bidder_id=id):
            return replace(command, bidder_id=id, alias=Alias(id, standing.numbers.get(id)))
        case ClearMaximum(), MaximumEnded(bidder_id=id):
            return replace(command, bidder_id=id)
        case DeleteBid() | WithdrawBids(), BidDeleted(bidder_id=id):
            return replace(command, bidder_id=id)
        case AnswerOffer() | WithdrawBids(), OfferAccepted(bidder_id=id) | OfferDeclined(
            bidder_id=id
        ):
            return replace(command, bidder_id=id)
        case _:
            return command


def winner_behind(event: AuctionEvent) -> Mapping[UUID, UUID]:
    """Who is behind the alias that won, by the event's own word."""
    if isinstance(event, WinnerAnnounced) and event.user_id:
        return {event.bidder_id: event.user_id}
    return NOBODY


def owed_as_told(owed: AuctionEvent, recorded: RecordedEvent, standing: Standing) -> AuctionEvent:
    """The event that must follow, with who is behind the alias that won by the recorded event's own word."""
    event, shown = recorded.event, standing.auction and shows_winner(standing.auction.rules)
    if shown and isinstance(owed, WinnerAnnounced) and isinstance(event, WinnerAnnounced):
        return replace(owed, user_id=event.user_id)
    return owed


def unmasked(
    standing: Standing, recorded: RecordedEvent, cause: Cause | None, facts: Facts
) -> str | None:
    """What the portal's own list of aliases says against the event; None if nothing."""
    event = recorded.event
    match event:
        case BidPlaced(bidder_id=bidder_id):
            given = facts.aliases.get(bidder_id)
            if given is None or given.auction_id != recorded.stream.id:
                return "its bidder is no alias in this auction"
            if given.number != event.number:
                return f"its bidder has number {given.number}"
            # What answers for somebody is asked for by another.
            return None if event.automatic else _anothers(given, cause)
        case (
            MaximumSet(bidder_id=bidder_id)
            | BidDeleted(bidder_id=bidder_id)
            | OfferAccepted(bidder_id=bidder_id)
            | OfferDeclined(bidder_id=bidder_id)
        ) if given := facts.aliases.get(bidder_id):
            return _anothers(given, cause)
        case MaximumEnded(bidder_id=bidder_id) if given := facts.aliases.get(bidder_id):
            # Somebody else's bid may have beaten it.
            cleared = cause and isinstance(cause.command, ClearMaximum)
            return _anothers(given, cause) if cleared else None
        case WinnerAnnounced() if standing.auction and shows_winner(standing.auction.rules):
            return _winner(event, facts)
    return None


def _anothers(given: GivenAlias, cause: Cause | None) -> str | None:
    """Whether somebody else asked for it than the user behind the alias."""
    asked = cause.command if cause else None
    if given.user_id is None or not isinstance(asked, OF_ONE_BIDDER):
        return None
    return None if asked.bidder_id == given.user_id else "somebody else is behind its bidder"


def _winner(event: WinnerAnnounced, facts: Facts) -> str | None:
    """Who won is told, unless they were deleted; of whom it is forgotten who they are, nothing is known."""
    given, account = facts.aliases.get(event.bidder_id), facts.users.get(event.bidder_id)
    if given is None or given.user_id is None or given.user_id == event.user_id:
        return None
    deleted = account is not None and account.deleted_position is not None
    if event.user_id is None and deleted:
        return None
    return "it does not tell who is behind the winning bid"
