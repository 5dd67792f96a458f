"""Sealed bids: what is placed, revealed and won, and what nobody is told."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from commands.domain.commands import PlaceBid
from commands.domain.events import (
    AuctionEndedUnsold,
    AuctionExtended,
    BidNotRevealed,
    BidRevealed,
    SealedBidPlaced,
    WinnerAnnounced,
)
from commands.domain.hidden import HIDDEN, NOTHING_OPENED, Content
from commands.domain.rejections import RejectionCode
from commands.domain.rules.sealed import Sealed
from commands.domain.rules.soft_close import SoftClose
from commands.domain.rules.starting_price import StartingPrice
from commands.domain.rules.table import Rules
from commands.record.sealing import commitment
from tests.domain.scenario import (
    AFTER,
    ALICE,
    AUCTION,
    BOB,
    CHARLIE,
    CLOSING,
    CREATED,
    DURING,
    FIRST,
    SECOND,
    THIRD,
    Scenario,
    announce,
    cancel,
    delete,
    deleted,
    double,
    drawn,
    given,
    place,
    remove,
    removed,
    withdraw,
    withdrawn,
)
from tests.domain.sealing import content_of, opened, sealed

HIGHEST, VICKREY = (Sealed(),), (Sealed(second_price=True),)
TEN = StartingPrice(Decimal("10.00"))


def bid(bid_id: UUID, bidder_id: UUID, amount: str) -> SealedBidPlaced:
    """The event of a sealed bid."""
    asked = sealed(place(bid_id, bidder_id, amount))
    return SealedBidPlaced(bid_id, bidder_id, asked.commitment, asked.sealed, DURING)


def revealed(bid_id: UUID, amount: str) -> BidRevealed:
    """The event of its revelation."""
    return BidRevealed(bid_id, Decimal(amount), bid_id.hex)


def won(bid_id: UUID, bidder_id: UUID, amount: str, pays: str | None = None) -> WinnerAnnounced:
    """The event of the end."""
    offered, price = Decimal(amount), Decimal(pays) if pays else None
    return WinnerAnnounced(bid_id, bidder_id, offered, offered, False, DURING, price=price)


def of(*events: object, rules: Rules = HIGHEST) -> Scenario:
    """An auction with sealed bids after these events."""
    return given(replace(CREATED, rules=rules), *events)  # type: ignore[arg-type]  # events, each of them


A20, B30 = bid(FIRST, ALICE, "20.00"), bid(SECOND, BOB, "30.00")


def test_a_sealed_bid_is_placed_without_its_amount() -> None:
    asked = sealed(place(FIRST, ALICE, "20.00"))
    said = of().when(asked, opened=opened(AUCTION, [asked])).said
    assert said == [SealedBidPlaced(FIRST, ALICE, asked.commitment, asked.sealed, DURING)]
    assert "20.00" not in str(said)
    auction = of(*said).auction
    assert auction
    [placed] = auction.bids.values()
    assert (placed.amount, placed.hidden) == (HIDDEN, True)


def test_an_open_bid_is_refused_and_tells_what_to_do() -> None:
    of().when(place(FIRST, ALICE, "20.00")).refused(RejectionCode.BID_NOT_SEALED)


def test_where_bids_are_open_none_is_sealed() -> None:
    asked = sealed(place(FIRST, ALICE, "20.00"))
    with pytest.raises(AssertionError, match="only where a rule says so"):
        given(CREATED).when(asked, opened=opened(AUCTION, [asked]))


def test_a_bidder_has_one_live_bid() -> None:
    again = sealed(place(SECOND, ALICE, "99.00"))
    contents = opened(AUCTION, [again])
    of(A20).when(again, opened=contents).refused(RejectionCode.ONE_SEALED_BID)
    for gone in (deleted(FIRST, ALICE), removed(FIRST, ALICE)):
        assert len(list(of(A20, gone).when(again, opened=contents).said)) == 1  # type: ignore[arg-type]  # events


def test_one_that_can_not_be_opened_is_a_fault_and_not_a_refusal() -> None:
    with pytest.raises(KeyError):
        of().when(sealed(place(FIRST, ALICE, "20.00")))


def test_the_starting_price_is_asked_of_what_is_sealed_and_the_refusal_does_not_tell_it() -> None:
    asked = sealed(place(FIRST, ALICE, "9.87"))
    answer = of(rules=(TEN, *HIGHEST)).when(asked, opened=opened(AUCTION, [asked]))
    answer.refused(RejectionCode.BELOW_STARTING_PRICE)
    assert "9.87" not in str(answer.said)
    assert "Bids start at 10.00" in str(answer.said)


def test_a_late_one_moves_the_end() -> None:
    asked = sealed(place(FIRST, ALICE, "20.00"))
    soft = SoftClose(60, 60, 1)
    late = CLOSING - timedelta(seconds=1)
    answer = of(rules=(*HIGHEST, soft)).when(asked, at=late, opened=opened(AUCTION, [asked]))
    placed = SealedBidPlaced(FIRST, ALICE, asked.commitment, asked.sealed, late)
    answer.then(placed, AuctionExtended(CLOSING + timedelta(seconds=60), FIRST, 1))


def test_the_promoter_draws_in_none() -> None:
    of(A20).when(double(), draw=drawn()).refused(RejectionCode.NO_BID_TO_DOUBLE)


def test_at_the_end_all_live_bids_are_revealed_in_the_order_they_were_placed() -> None:
    third = bid(THIRD, CHARLIE, "25.00")
    at_the_end = of(B30, A20, third, deleted(FIRST, ALICE))
    answer = at_the_end.when(announce(), at=AFTER, opened=opened(AUCTION, [A20, B30, third]))
    answer.then(revealed(SECOND, "30.00"), revealed(THIRD, "25.00"))


def test_before_the_end_none_is() -> None:
    contents = opened(AUCTION, [A20])
    of(A20).when(announce(), opened=contents).refused(RejectionCode.AUCTION_NOT_ENDED)


def test_once_all_are_revealed_the_highest_wins() -> None:
    then = of(A20, B30, revealed(FIRST, "20.00"), revealed(SECOND, "30.00"))
    then.leads(SECOND)
    then.when(announce(), at=AFTER).then(won(SECOND, BOB, "30.00"))


def test_of_equals_the_one_placed_first_wins() -> None:
    equal = bid(SECOND, BOB, "20.00")
    then = of(A20, equal, revealed(FIRST, "20.00"), revealed(SECOND, "20.00"))
    then.when(announce(), at=AFTER).then(won(FIRST, ALICE, "20.00"))
    priced = of(A20, equal, revealed(FIRST, "20.00"), revealed(SECOND, "20.00"), rules=VICKREY)
    priced.when(announce(), at=AFTER).then(won(FIRST, ALICE, "20.00"))


def test_by_the_second_price_the_winner_pays_what_the_next_one_bid() -> None:
    then = of(A20, B30, revealed(FIRST, "20.00"), revealed(SECOND, "30.00"), rules=VICKREY)
    then.when(announce(), at=AFTER).then(won(SECOND, BOB, "30.00", pays="20.00"))


def test_alone_the_winner_pays_the_starting_price_or_their_own() -> None:
    alone = (A20, revealed(FIRST, "20.00"))
    of(*alone, rules=(TEN, *VICKREY)).when(announce(), at=AFTER).then(
        won(FIRST, ALICE, "20.00", pays="10.00")
    )
    of(*alone, rules=VICKREY).when(announce(), at=AFTER).then(won(FIRST, ALICE, "20.00"))


def test_one_whose_key_is_gone_counts_no_more_and_stops_nothing() -> None:
    contents = opened(AUCTION, [B30])
    answer = of(A20, B30).when(announce(), at=AFTER, opened=contents)
    answer.then(BidNotRevealed(FIRST, ALICE), revealed(SECOND, "30.00"))
    then = of(A20, B30, BidNotRevealed(FIRST, ALICE), revealed(SECOND, "30.00"), rules=VICKREY)
    then.when(announce(), at=AFTER).then(won(SECOND, BOB, "30.00"))
    of(A20, BidNotRevealed(FIRST, ALICE)).when(announce(), at=AFTER).then(AuctionEndedUnsold())


@pytest.mark.parametrize(
    "content", [Content(Decimal("21.00"), FIRST.hex), Content(Decimal("20.00"), SECOND.hex)]
)
def test_nothing_else_is_revealed_than_what_was_committed_to(content: Content) -> None:
    answer = of(A20).when(announce(), at=AFTER, opened={FIRST: content})
    answer.then(BidNotRevealed(FIRST, ALICE))


def test_a_reveal_below_the_starting_price_is_none() -> None:
    low = bid(FIRST, ALICE, "9.00")
    answer = of(low, rules=(TEN, *HIGHEST)).when(
        announce(), at=AFTER, opened=opened(AUCTION, [low])
    )
    answer.then(BidNotRevealed(FIRST, ALICE))


def test_hidden_bids_are_deleted_removed_withdrawn_and_cancelled_like_others() -> None:
    of(A20).when(delete(FIRST, ALICE)).then(deleted(FIRST, ALICE))
    of(A20).when(remove(FIRST)).then(removed(FIRST, ALICE))
    of(A20).when(withdraw(ALICE)).then(withdrawn(FIRST, ALICE))
    after = of(A20, *list(of(A20).when(cancel()).said))  # type: ignore[arg-type]  # an event
    after.when(announce(), at=AFTER, opened=NOTHING_OPENED).refused(RejectionCode.AUCTION_CANCELLED)


def test_a_commitment_is_what_anybody_can_work_out() -> None:
    asked = PlaceBid(AUCTION, FIRST, ALICE, Decimal("20.00"))
    content = content_of(asked)
    assert content.commitment == sealed(asked).commitment
    assert content.commitment == commitment({"amount": "20.00"}, FIRST.hex)
