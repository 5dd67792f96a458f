"""What an event did, as a plain sentence with links."""

from collections.abc import Iterable
from datetime import datetime
from typing import assert_never
from uuid import UUID

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from commands.admin import links
from commands.admin.amounts import money
from commands.admin.record.moments import exact
from commands.admin.record.names import Names, readable
from commands.domain import events as domain
from commands.domain.hidden import LOST
from commands.domain.revisions import Revision
from commands.models import Bid, Event

UNREADABLE = escape("This release can't read the event; its data are on its page.")


def sentence(event: Event, names: Names) -> SafeString:
    """What the event did."""
    match readable(event):
        case None:
            return UNREADABLE
        case (
            domain.UserCreated()
            | domain.UserDeleted()
            | domain.UserBanned()
            | domain.BanLifted()
            | domain.ExposureLimited()
            | domain.ExposureLimitLifted() as done
        ):
            return _of_user(done, names)
        case (
            domain.TickCommitted()
            | domain.TickMade()
            | domain.DrawsAccepted()
            | domain.SecretRevealed()
            | domain.TickGivenUp() as done
        ):
            return _of_tick(done)
        case domain.PolicyChanged() | domain.PolicyWithdrawn() as done:
            return _of_policies(done, names)
        case done:
            return _of_auction(done, names)


def _of_auction(event: domain.AuctionEvent, names: Names) -> SafeString:
    match event:
        case domain.AuctionCreated(title=title, starts_at=starts, ends_at=ends, created_by=by):
            rules = " ".join(rule.sentence for rule in event.rules)
            who = names.user(by) if by else "an operator"
            times = (exact(starts)[:19], exact(ends)[:19])
            return format_html(
                "{} created “{}”, which takes bids from {} to {}. {}", who, title, *times, rules
            )
        case domain.BidPlaced(bid_id=bid, bidder_id=bidder, amount=amount, automatic=True):
            return format_html(
                "By their maximum {} bid {} ({}).", names.user(bidder), money(amount), _bid(bid)
            )
        case domain.MaximumSet(bidder_id=bidder):
            return format_html("{} set a maximum.", names.user(bidder))
        case domain.MaximumEnded(bidder_id=bidder):
            return format_html("The maximum of {} bids no more.", names.user(bidder))
        case domain.BidPlaced(bid_id=bid, bidder_id=bidder, amount=amount):
            return format_html("{} bid {} ({}).", names.user(bidder), money(amount), _bid(bid))
        case domain.SealedBidPlaced(bid_id=bid, bidder_id=bidder):
            return format_html("{} placed a sealed bid ({}).", names.user(bidder), _bid(bid))
        case domain.BidRevealed(bid_id=bid, amount=amount):
            return format_html("{} was of {}.", _bid(bid, "Sealed bid"), money(amount))
        case domain.BidNotRevealed(bid_id=bid, bidder_id=bidder):
            text = "{} of {} counts no more. {}"
            return format_html(text, _bid(bid, "Sealed bid"), names.user(bidder), LOST)
        case domain.AuctionExtended(bid_id=bid, ends_at=ends):
            return format_html("{} moved the end to {}.", _bid(bid, "Bid"), exact(ends)[:19])
        case domain.BidDeleted(bid_id=bid, bidder_id=bidder, withdrawn_at=withdrawn):
            done = "withdrawn with their account" if withdrawn else "deleted"
            return format_html("{} of {} was {}.", _bid(bid, "Bid"), names.user(bidder), done)
        case domain.BidRemoved(bid_id=bid, bidder_id=bidder, reason=reason, removed_by=by):
            who = names.user(by) if by else "An operator"
            return format_html(
                "{} removed {} of {}: “{}”", who, _bid(bid), names.user(bidder), reason
            )
        case domain.BidDoubled():
            return _doubled(event, names)
        case domain.NothingDrawn(tick=tick, reason=reason):
            return escape(f"Tick {tick} doubled no bid: {NOTHING_DRAWN[reason]}.")
        case domain.WinnerAnnounced(bid_id=bid, bidder_id=bidder, amount=amount):
            counted = f", counted as {money(event.effective_amount)}" if event.doubled else ""
            if event.price is not None:
                counted, amount = f", having bid {money(amount)}", event.price
            return format_html(
                "{} won and pays {}{} ({}).", names.user(bidder), money(amount), counted, _bid(bid)
            )
        case domain.AuctionEndedUnsold():
            return escape("The auction ended without a live bid that wins: unsold.")
        case domain.ReserveMet(bid_id=bid):
            return format_html("The reserve is met by {}, which leads.", _bid(bid))
        case domain.ReserveMissed():
            return escape("The reserve is not met any more by the bid that leads.")
        case domain.ReserveRevealed(amount=amount):
            return escape(f"The reserve was {money(amount)}.")
        case domain.AuctionCancelled(reason=reason, cancelled_by=by):
            who = names.user(by) if by else "An operator"
            return format_html("{} cancelled the auction: “{}”", who, reason)
        case domain.BoughtNow(ends_at=ends, bid_id=bid):
            return format_html(
                "{} bought at the buy-now price: the end moved to {}.", _bid(bid), exact(ends)[:19]
            )
        case domain.AuctionClosedEarly(ends_at=ends, reason=reason, closed_by=by):
            who = names.user(by) if by else "An operator"
            return format_html("{} moved the end to {}: “{}”", who, exact(ends)[:19], reason)
        case domain.AuctionRevised(before=before, after=after, revised_by=by):
            who = names.user(by) if by else "An operator"
            return format_html("{} revised the auction: {}.", who, _changes(before, after))
        case domain.AuctionPaused(reason=reason, paused_by=by):
            who = names.user(by) if by else "An operator"
            return format_html("{} paused the auction: “{}”", who, reason)
        case domain.AuctionResumed(ends_at=ends, reason=reason, resumed_by=by):
            who = names.user(by) if by else "An operator"
            return format_html(
                "{} resumed the auction, which ends at {} now: “{}”", who, exact(ends)[:19], reason
            )
        case (
            domain.LotOffered()
            | domain.OfferAccepted()
            | domain.OfferDeclined()
            | domain.OfferLapsed()
            | domain.SaleForfeited()
            | domain.SaleFailed() as done
        ):
            return _of_sale(done, names)
        case _:
            assert_never(event)


def _of_sale(event: domain.SaleEvent, names: Names) -> SafeString:
    match event:
        case domain.LotOffered(bid_id=bid, bidder_id=bidder, amount=amount, until=until):
            return format_html(
                "The lot is offered to {} for {} ({}), to be answered before {}.",
                names.user(bidder), money(amount), _bid(bid), exact(until)[:19],
            )  # fmt: skip
        case domain.OfferAccepted(bidder_id=bidder):
            return format_html("{} accepted, and buys the lot.", names.user(bidder))
        case domain.OfferDeclined(bidder_id=bidder, withdrawn_at=withdrawn_at):
            why = " by deleting their account" if withdrawn_at else ""
            return format_html("{} declined the lot{}.", names.user(bidder), why)
        case domain.OfferLapsed(bidder_id=bidder):
            return format_html("{} did not answer in time.", names.user(bidder))
        case domain.SaleForfeited(bidder_id=bidder, reason=reason, forfeited_by=by):
            who = names.user(by) if by else "An operator"
            return format_html("{} took the lot from {}: “{}”", who, names.user(bidder), reason)
        case domain.SaleFailed():
            return escape("Nobody is left to whom the lot could be offered.")
        case _:
            assert_never(event)


def _changes(before: Revision, after: Revision) -> SafeString:
    """What a revision changed, as it was and as it is."""
    changed = [
        (name.replace("_at", ""), _value(before.given[name]), _value(value))
        for name, value in after.given.items()
    ]
    return format_html_join("; ", "the {} from “{}” to “{}”", changed)


def _value(value: object) -> str:
    match value:
        case datetime():
            return exact(value)[:19]
        case tuple():
            return " ".join(rule.sentence for rule in value) or "the plain rules alone"
        case _:
            return str(value)


NOTHING_DRAWN = {
    domain.NoDoubling.CHANCE: "by the policy's chance there was no draw",
    domain.NoDoubling.NOBODY: "the policy excluded every one",
    domain.NoDoubling.GONE: "the one that was drawn was deleted or doubled after the cut-off",
    domain.NoDoubling.LATE: "the draw came too late",
    domain.NoDoubling.FAILED: "the draw failed",
}


def _doubled(event: domain.BidDoubled, names: Names) -> SafeString:
    chance = f" by a chance of {event.weight} in {event.total_weight}" if event.total_weight else ""
    return format_html(
        "Tick {} drew {} of {}{}: it counts {} from now on.",
        event.tick,
        _bid(event.bid_id),
        names.user(event.bidder_id),
        chance,
        money(event.effective_amount),
    )


def _of_user(event: domain.UserEvent, names: Names) -> SafeString:
    match event:
        case domain.UserCreated(user_id=user, is_staff=is_staff):
            what = "an account on the staff" if is_staff else "an account"
            return format_html("{} got {}.", names.user(user), what)
        case domain.UserDeleted(user_id=user):
            return format_html(
                "User {} was deleted: name, address and password are erased.", links.end_of(user)
            )
        case domain.UserBanned(user_id=user, until=until, banned_by=by):
            where, who = _where(event.auction_id, names), names.user(by) if by else "An operator"
            end = f"until {exact(until)[:19]}" if until else "for good"
            return format_html("{} banned {} from {} {}.", who, names.user(user), where, end)
        case domain.BanLifted(user_id=user, auction_id=auction, lifted_by=by):
            where, who = _where(auction, names), names.user(by) if by else "An operator"
            return format_html("{} lifted the ban of {} from {}.", who, names.user(user), where)
        case domain.ExposureLimited(user_id=user, amount=amount, limited_by=by):
            who = names.user(by) if by else "An operator"
            told = "{} set a limit of {} for the bids of {} in all open auctions together."
            return format_html(told, who, money(amount), names.user(user))
        case domain.ExposureLimitLifted(user_id=user, lifted_by=by):
            who = names.user(by) if by else "An operator"
            return format_html("{} lifted the limit of {}.", who, names.user(user))
        case _:
            assert_never(event)


def _where(auction_id: UUID | None, names: Names) -> SafeString | str:
    return names.auction(auction_id) if auction_id else "all auctions"


def _of_tick(event: domain.TickEvent) -> SafeString:
    match event:
        case domain.TickCommitted(number=number, commitment=commitment):
            named = f", and to round {event.round} of the beacon {event.beacon}"
            return format_html(
                "The house chose the secret of tick {} and committed to it{}: {}",
                number, named if event.beacon else "", commitment,
            )  # fmt: skip
        case domain.TickMade(value=None):
            return escape("The tick was made: auctions that are open now may get a draw.")
        case domain.TickMade(value=value):
            text = "The tick was made by the beacon's value {}: auctions that were open may get a draw."
            return format_html(text, value)
        case domain.DrawsAccepted(draws=draws):
            return format_html("The tick has {} draws, each with its place in its auction.", draws)
        case domain.SecretRevealed(secret=secret):
            return format_html("All draws are settled; the secret is public: {}", secret)
        case domain.TickGivenUp():
            return escape(
                "The tick was given up: its secret was left with the portal before, or the value of its "
                "round was not to be had."
            )
        case _:
            assert_never(event)


def _of_policies(event: domain.PolicyEvent, names: Names) -> SafeString:
    scope = names.auction(event.auction_id) if event.auction_id else "all other auctions"
    match event:
        case domain.PolicyChanged():
            return format_html(
                "For {}: a chance of {} %, weight {}, excluded {}, limits {}.",
                scope,
                event.chance,
                _listed(event.weight),
                _listed(event.exclude),
                _listed(event.limit),
            )
        case domain.PolicyWithdrawn():
            return format_html("The policy for {} was withdrawn.", scope)
        case _:
            assert_never(event)


def _bid(bid_id: UUID, word: str = "bid") -> SafeString:
    return links.page_of(Bid, bid_id, f"{word} {links.end_of(bid_id)}")


def _listed(options: Iterable[str]) -> str:
    return ", ".join(options) or "none"
