"""The sale of an auction with a second chance: to whom the lot was offered, and who has it now."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from commands.domain.events import (
    LotOffered,
    OfferAccepted,
    OfferDeclined,
    OfferLapsed,
    SaleEvent,
    SaleFailed,
    SaleForfeited,
)


class SaleState(StrEnum):
    """Where a sale stands.

    OFFERED: somebody's answer is awaited. SOLD: somebody accepted. PASSED_ON: they don't have it any more; what
    follows is recorded together with that. FAILED: nobody is left.
    """

    OFFERED = "OFFERED"
    SOLD = "SOLD"
    PASSED_ON = "PASSED_ON"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Sale:
    """With which bid, by whom and for how much the lot is, or was last, offered; `until` while it is OFFERED.

    `asked` are all bidders who had their turn, those with deleted accounts too. `next_ones` counts the offers to others
    than the winner.
    """

    state: SaleState
    bid_id: UUID | None = None
    bidder_id: UUID | None = None
    amount: Decimal | None = None
    until: datetime | None = None
    asked: tuple[UUID, ...] = ()
    next_ones: int = 0


def sale_after(sale: Sale | None, event: SaleEvent, winning_bid_id: UUID | None) -> Sale:
    """The sale after the event; AssertionError if that can't follow."""
    match event:
        case LotOffered():
            asked = (sale.asked if sale else ()) + event.passed_over
            next_ones = (sale.next_ones if sale else 0) + (event.bid_id != winning_bid_id)
            return Sale(
                SaleState.OFFERED,
                event.bid_id,
                event.bidder_id,
                event.amount,
                event.until,
                (*asked, event.bidder_id),
                next_ones,
            )
        case SaleFailed():
            sale = sale or Sale(SaleState.FAILED)
            asked = sale.asked + event.passed_over
            return replace(sale, state=SaleState.FAILED, until=None, asked=asked)
        case OfferAccepted():
            return replace(_of(sale, event), state=SaleState.SOLD, until=None)
        case OfferDeclined() | OfferLapsed() | SaleForfeited():
            return replace(_of(sale, event), state=SaleState.PASSED_ON, until=None)
        case _:
            assert_never(event)


def _of(
    sale: Sale | None, event: OfferAccepted | OfferDeclined | OfferLapsed | SaleForfeited
) -> Sale:
    assert sale is not None, "a lot is offered before anything else becomes of it"
    assert sale.bid_id == event.bid_id, "it is not offered to that bid"
    return sale
