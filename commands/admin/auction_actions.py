"""What the house does to an auction with a reason, as admin's forms ask for it."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone

from commands.admin.house_actions import HouseAction, ReasonForm
from commands.domain.sale import SaleState
from commands.inbox.requests import (
    cancel_auction,
    close_auction_now,
    forfeit_sale,
    pause_auction,
    resume_auction,
)
from commands.models import Auction


def _is_paused(auction: Auction) -> bool:
    return not auction.closed and auction.paused_at is not None


def _is_open(auction: Auction) -> bool:
    in_time = auction.starts_at <= timezone.now() < auction.ends_at
    return in_time and not auction.closed and not _is_paused(auction)


CANCEL = HouseAction(
    name="cancel",
    title="Cancel auction",
    effect="The auction is closed at once and nobody wins. Those with live bids are told the reason.",
    done="The auction is cancelled.",
    possible=lambda auction: not auction.closed,
    asks=lambda caller, auction, reason: cancel_auction(
        caller, auction_id=auction.pk, reason=reason
    ),
)

CLOSE = HouseAction(
    name="close",
    title="Close auction now",
    effect=(
        "The auction ends at the moment at which this is accepted. Bids accepted before count, and the winner is "
        "announced as usual. Everybody can read the reason."
    ),
    done="The auction has ended; the winner is announced within a second or two.",
    possible=lambda auction: _is_open(auction) or _is_paused(auction),
    asks=lambda caller, auction, reason: close_auction_now(
        caller, auction_id=auction.pk, reason=reason
    ),
)

PAUSE = HouseAction(
    name="pause",
    title="Pause auction",
    effect=(
        "Time stands still from the moment at which this is accepted, until you resume the auction: no bid counts, and it "
        "does not end. Who bids or watches is told the reason."
    ),
    done="The auction is paused.",
    possible=_is_open,
    asks=lambda caller, auction, reason: pause_auction(
        caller, auction_id=auction.pk, reason=reason
    ),
)

RESUME = HouseAction(
    name="resume",
    title="Resume auction",
    effect=(
        "Time goes on from the moment at which this is accepted, and the end moves by as long as the auction was paused. "
        "Who bids or watches is told the reason."
    ),
    done="The auction goes on.",
    possible=_is_paused,
    asks=lambda caller, auction, reason: resume_auction(
        caller, auction_id=auction.pk, reason=reason
    ),
)


def held(auction: Auction) -> Mapping[str, Any] | None:
    """To whom the lot is offered or sold, of an auction with a second chance."""
    sale: Mapping[str, Any] | None = auction.sale
    return sale if sale and sale["state"] in {SaleState.OFFERED, SaleState.SOLD} else None


class ForfeitForm(ReasonForm):
    """The bid as the form was shown: so that one that is sent twice takes the lot from nobody else."""

    bid_id = forms.UUIDField(widget=forms.HiddenInput)


FORFEIT = HouseAction(
    name="forfeit",
    title="The winner does not pay",
    effect=(
        "The lot is taken from whoever won or bought it, or is offered it, and offered to the next bidder, if there is one. "
        "They are told the reason, and everybody can read it."
    ),
    done="They have the lot no more.",
    possible=lambda auction: held(auction) is not None,
    asks=lambda caller, auction, reason, bid_id: forfeit_sale(
        caller, auction_id=auction.pk, bid_id=bid_id, reason=reason
    ),
    form=ForfeitForm,
    initial=lambda auction: {"bid_id": sale["bid_id"] if (sale := held(auction)) else None},
)

ACTIONS = (PAUSE, RESUME, CLOSE, CANCEL, FORFEIT)
