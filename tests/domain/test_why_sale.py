"""What followed on the end of an auction with a second chance, in sentences."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from projections.documents import (
    BidDocument,
    OfferDocument,
    OfferOutcome,
    OfferStep,
    SaleDocument,
    WinnerDocument,
)
from projections.why_sale import followed, offered
from tests.domain.scenario import ALICE, AUCTION, BOB, CHARLIE, FIRST, SECOND, THIRD

AT = datetime(2030, 1, 1, 12, tzinfo=UTC)
NAMES = {ALICE: "alice", BOB: "bob", CHARLIE: None}
BID = BidDocument(FIRST, AUCTION, ALICE, Decimal("20.00"), Decimal("20.00"), AT, 2, 2)
WINNER = WinnerDocument(AUCTION, "A lamp", BID, AT)


def offer(
    bid_id: UUID, bidder_id: UUID, *steps: tuple[OfferOutcome, float, str | None]
) -> OfferDocument:
    """An offer for an hour, and what became of it so many seconds later."""
    told = (
        OfferStep(outcome, AT + timedelta(seconds=later), 9, reason)
        for outcome, later, reason in steps
    )
    until = AT + timedelta(hours=1)
    return OfferDocument(bid_id, bidder_id, Decimal("20.00"), until, AT, 8, tuple(told))


def told(*offers: OfferDocument, failed_version: int | None = None) -> list[str]:
    """The sentences."""
    return followed(replace(WINNER, sale=SaleDocument(offers, failed_version)), NAMES)


def test_what_can_become_of_offers() -> None:
    assert told(
        offer(FIRST, ALICE, ("ACCEPTED", 2, None), ("FORFEITED", 5, "Never paid.")),
        offer(SECOND, BOB, ("LAPSED", 3601, None)),
        offer(THIRD, CHARLIE, ("DECLINED", 4, None)),
        failed_version=20,
    ) == [
        "alice was asked to confirm the purchase for 20.00, and bought it 2.0 s later.",
        "The house took it from alice 3.0 s after that. The reason: “Never paid.”",
        "The lot was offered to bob for 20.00, who did not answer in 1 h 0 min.",
        "The lot was offered to a deleted user for 20.00, who declined 4.0 s later.",
        "Nobody was left to whom it could be offered.",
    ]
    assert told(offer(FIRST, ALICE, ("FORFEITED", 2, "Spam."))) == [
        "alice was asked to confirm the purchase for 20.00, and lost it to the house 2.0 s later. The reason: “Spam.”"
    ]
    assert told(offer(SECOND, BOB)) == [
        "The lot was offered to bob for 20.00, who can answer until 2030-01-01 13:00:00 UTC."
    ]


def test_who_is_masked_is_told_by_their_number_alone() -> None:
    masked = replace(offer(SECOND, BOB, ("DECLINED", 2, None)), number=7)
    assert told(masked) == [
        "The lot was offered to Bidder 7 (bob) for 20.00, who declined 2.0 s later."
    ], "the house has names"
    winner = replace(WINNER, sale=SaleDocument((masked, offer(FIRST, ALICE))))
    assert list(offered(winner)) == [ALICE]


def test_without_a_second_chance_nothing_followed() -> None:
    assert followed(WINNER, NAMES) == followed(None, NAMES) == []
