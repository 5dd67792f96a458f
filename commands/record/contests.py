"""Deciding again what maxima bid: a bid, a maximum or a doubling, together with all that it gives rise to.

Where a maximum can be opened, its bids are decided again by it. Where its key is gone, what it bid bounds it: it went at
least as far as each of its bids, and no further than a last one that is below a full step. So the events must be
what the rules give for some maximum within its bounds, which is what outsiders can check of all.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING
from uuid import UUID

from commands.domain.amounts import LARGEST, SMALLEST
from commands.domain.events import (
    AuctionEvent,
    BidDoubled,
    BidPlaced,
    MaximumSet,
    ReserveMet,
    ReserveMissed,
)
from commands.domain.maximum import Maxima, Maximum
from commands.domain.rejections import Rejection
from commands.domain.rules.reserve import ReservePrice
from commands.domain.rules.rule import ToBeat
from commands.domain.rules.table import least_bid, proxy_bids
from commands.record.reserves import NOTHING

if TYPE_CHECKING:
    from commands.record.standing import Standing

Answer = Sequence[AuctionEvent] | Rejection
Decide = Callable[[Maxima, ReservePrice | None], Answer]
ANY = (SMALLEST, LARGEST)


@dataclass(slots=True)
class MaximaBounds:
    """By maximum, how low and how high it can be, as far as its bids tell."""

    of: dict[UUID, tuple[Decimal, Decimal]] = field(default_factory=dict)

    def note(self, maximum: Maximum, amount: Decimal, bids: Sequence[Decimal]) -> None:
        """It placed these bids, which fits that amount."""
        low, high = self.of.get(maximum.id, ANY)
        low = max([low, *bids])
        # If it could have gone on and did not, that was all.
        self.of[maximum.id] = (low, high if amount == high else low)


def is_contest(standing: "Standing", event: AuctionEvent) -> bool:
    """Whether a maximum may have a part in what the event begins."""
    if standing.auction is None or not proxy_bids(standing.auction.rules):
        return False
    match event:
        case BidPlaced(bought=bought):
            return not bought
        case BidDoubled() | MaximumSet():
            return True
        case _:
            return False


def asked_for(event: AuctionEvent, together: Sequence[AuctionEvent]) -> AuctionEvent:
    """Of the events of one command that begin with that one, the one that was asked for."""
    if isinstance(event, BidPlaced) and event.automatic:
        placed = (each for each in together if isinstance(each, BidPlaced) and not each.automatic)
        return next(placed, event)
    return event


def decided_again(
    standing: "Standing", together: Sequence[AuctionEvent], opened: Maxima, decide: Decide
) -> Answer | None:
    """What the rules give, if it is these events but for those about the reserve; or why they give others.

    None if no maximum within its bounds, or no reserve, gives them.
    """
    auction = standing.auction
    assert auction is not None, "there is an auction in which something is contested"
    involved = [
        *auction.maxima,
        *(Maximum(e.maximum_id, e.bidder_id, "") for e in together if isinstance(e, MaximumSet)),
    ]
    unknown = [each for each in involved if each.id not in opened]
    known = {each.id: opened[each.id] for each in involved if each.id in opened}
    expected, refusal = _without_turns(together), None
    for reserve in _reserves(standing, together):
        for amounts in product(*(_amounts(standing, each, together) for each in unknown)):
            given = dict(zip((each.id for each in unknown), amounts, strict=True))
            answer = decide(known | given, reserve)
            if isinstance(answer, Rejection):
                refusal = answer
            elif _without_turns(answer) == expected:
                _note(standing, unknown, given, together)
                if reserve:
                    standing.reserve.at_least(reserve.amount)
                _note_missed(standing, known, together)
                return expected
    return refusal


def _without_turns(events: Sequence[AuctionEvent]) -> list[AuctionEvent]:
    """What is told of the reserve follows from what leads, and is checked by that."""
    return [event for event in events if not isinstance(event, ReserveMet | ReserveMissed)]


def _reserves(
    standing: "Standing", together: Sequence[AuctionEvent]
) -> Iterator[ReservePrice | None]:
    """No matter which; or the least up to which an automatic bid may have gone so that it is met, then the most."""
    yield None
    met = {event.bid_id for event in together if isinstance(event, ReserveMet)}
    for event in together:
        if isinstance(event, BidPlaced) and event.automatic and event.bid_id in met:
            leading = standing.leading()
            yield ReservePrice((leading.amount if leading else NOTHING) + SMALLEST, "")
            yield ReservePrice(event.amount, "")


def _amounts(
    standing: "Standing", maximum: Maximum, together: Sequence[AuctionEvent]
) -> list[Decimal]:
    """The amounts of that maximum that may make a difference, the highest that it can be first."""
    low, high = standing.maxima.of.get(maximum.id, ANY)
    between = [amount for amount in _bids(maximum, together) if low <= amount <= high]
    return list(dict.fromkeys([high, *between, low]))


def _bids(maximum: Maximum, together: Sequence[AuctionEvent]) -> list[Decimal]:
    return [
        event.amount
        for event in together
        if isinstance(event, BidPlaced) and event.automatic and event.bidder_id == maximum.bidder_id
    ]


def _note(
    standing: "Standing",
    unknown: Sequence[Maximum],
    given: Maxima,
    together: Sequence[AuctionEvent],
) -> None:
    leading = standing.leading()
    for each in unknown:
        bids = _bids(each, together)
        if not bids and leading and any(isinstance(e, MaximumSet) for e in together):
            # It is no lower than what its bidder's own leading bid counts.
            bids = [leading.effective_amount] if leading.bidder_id == each.bidder_id else []
        standing.maxima.note(each, given[each.id], bids)


def _note_missed(standing: "Standing", known: Maxima, together: Sequence[AuctionEvent]) -> None:
    """Whoever sets a maximum that reaches the reserve bids up to it, so that it is met, if there is a step to bid."""
    new = [event for event in together if isinstance(event, MaximumSet)]
    met = standing.auction is not None and standing.auction.reserve_met
    if not met and not any(isinstance(event, ReserveMet) for event in together):
        opened = ((event.bidder_id, known.get(event.maximum_id)) for event in new)
        standing.reserve.not_reached(
            most for bidder, most in opened if most and most >= _least(standing, bidder)
        )


def _least(standing: "Standing", bidder_id: UUID) -> Decimal:
    """What somebody who leads has to bid to go higher; of others it is known that they bid."""
    leading = standing.leading()
    if standing.auction is None or leading is None or leading.bidder_id != bidder_id:
        return SMALLEST
    counts = leading.effective_amount
    return least_bid(standing.auction.rules, ToBeat(counts, counts))
