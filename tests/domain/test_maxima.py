"""Private maxima: what they bid, what they answer, and when they end; all in the decision that gives rise to it."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from commands.domain.amounts import LARGEST
from commands.domain.auction import decide
from commands.domain.bans import Ban
from commands.domain.bidders import Bidder
from commands.domain.commands import AuctionCommand, ClearMaximum, PlaceBid, SetMaximum
from commands.domain.events import (
    AuctionEvent,
    BidPlaced,
    MaximumEnded,
    MaximumSet,
)
from commands.domain.proxies import following_id
from commands.domain.rejections import Rejection, RejectionCode
from commands.domain.rules.increments import NOTHING, Bracket, Increments
from commands.domain.rules.proxy_bids import ProxyBids
from commands.domain.rules.rule import InvalidRule
from commands.domain.rules.sealed import Sealed
from commands.domain.rules.table import Rules, check
from commands.domain.state import Auction, replay
from tests.domain.scenario import (
    ALICE,
    AUCTION,
    BOB,
    CAST,
    CREATED,
    DURING,
    FIRST,
    SECOND,
    cancel,
    double,
    doubled,
    drawn,
    placed,
    remove,
)

BY_ONE: Rules = (Increments((Bracket(NOTHING, Decimal("1.00")),)), ProxyBids())
A, B = (UUID(int=number) for number in (0xA, 0xB))
SECRETS = {A: Decimal("30.00"), B: Decimal("20.00")}


def auction(*events: AuctionEvent, rules: Rules = BY_ONE) -> Auction:
    """An auction in which maxima bid, after these events."""
    return replay([replace(CREATED, rules=rules), *events])


def asked(
    command: AuctionCommand,
    before: Auction,
    maxima: Mapping[UUID, Decimal] = SECRETS,
    bidders: Mapping[UUID, Bidder] = CAST,
) -> list[AuctionEvent]:
    """What it said to the command."""
    answer = decide(command, before, now=DURING, bidders=bidders, maxima=maxima, draw=drawn())
    assert not isinstance(answer, Rejection), answer
    return list(answer)


def refused(
    command: AuctionCommand, before: Auction, maxima: Mapping[UUID, Decimal] = SECRETS
) -> Rejection:
    """Why it refused the command."""
    answer = decide(command, before, now=DURING, bidders=CAST, maxima=maxima)
    assert isinstance(answer, Rejection), answer
    return answer


def setting(id: UUID, bidder: UUID) -> SetMaximum:
    return SetMaximum(AUCTION, id, bidder, f"sealed {id}")


def was_set(id: UUID, bidder: UUID) -> MaximumSet:
    return MaximumSet(id, bidder, f"sealed {id}")


def bid_for(bidder: UUID, amount: str, cause: UUID, what: str) -> BidPlaced:
    """A bid that was placed for somebody."""
    id = following_id(cause, what)
    return BidPlaced(id, bidder, Decimal(amount), DURING, automatic=True)


def bidding(id: UUID, bidder: UUID, amount: str) -> PlaceBid:
    return PlaceBid(AUCTION, id, bidder, Decimal(amount))


def test_an_automatic_bid_has_an_id_of_the_time_of_its_cause() -> None:
    cause = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
    ids = {following_id(cause, what) for what in ("bid", "answer", "answer to the doubling")}
    assert len(ids) == 3
    assert {(id.version, id.variant, id.int >> 80) for id in ids} == {
        (7, cause.variant, cause.int >> 80)
    }
    assert following_id(cause, "bid") in ids, "the same each time"


def test_the_first_one_bids_the_least_there_can_be() -> None:
    said = asked(setting(A, ALICE), auction())
    assert said == [was_set(A, ALICE), bid_for(ALICE, "0.01", A, "bid")]
    assert [each.id for each in auction(*said).maxima] == [A]


@pytest.mark.parametrize(
    ("amount", "answer"), [("20.00", "21.00"), ("29.00", "30.00"), ("29.50", "30.00")]
)
def test_it_answers_with_the_next_step_or_all_that_is_left(amount: str, answer: str) -> None:
    before = auction(*asked(setting(A, ALICE), auction()))
    said = asked(bidding(SECOND, BOB, amount), before)
    assert said == [placed(SECOND, BOB, amount), bid_for(ALICE, answer, SECOND, "answer")]


def test_of_equals_the_earlier_leads() -> None:
    before = auction(*asked(setting(A, ALICE), auction()))
    said = asked(bidding(SECOND, BOB, "30.00"), before)
    assert said == [bid_for(ALICE, "30.00", SECOND, "answer"), placed(SECOND, BOB, "30.00")]
    after = replay(said, before)
    assert after.leading_bid
    assert after.leading_bid.bidder_id == ALICE
    assert after.maxima, "it leads still"


def test_whoever_bids_more_ends_it() -> None:
    before = auction(*asked(setting(A, ALICE), auction()))
    said = asked(bidding(SECOND, BOB, "30.01"), before)
    assert said == [
        bid_for(ALICE, "30.00", SECOND, "answer"),
        placed(SECOND, BOB, "30.01"),
        MaximumEnded(ALICE),
    ]
    after = replay(said, before)
    # Even if they come to lead again.
    after = replay(asked(remove(SECOND), after), after)
    assert (after.leading_bid and after.leading_bid.bidder_id, after.maxima) == (ALICE, ())


def test_one_that_loses_has_bid_all() -> None:
    before = auction(*asked(setting(A, ALICE), auction()))
    said = asked(setting(B, BOB), before)
    assert said == [
        was_set(B, BOB),
        bid_for(BOB, "20.00", B, "bid"),
        bid_for(ALICE, "21.00", B, "answer"),
        MaximumEnded(BOB),
    ]


def test_of_equal_maxima_the_earlier_leads_and_stays() -> None:
    secrets = {A: Decimal("30.00"), B: Decimal("30.00")}
    before = auction(*asked(setting(A, ALICE), auction(), secrets))
    said = asked(setting(B, BOB), before, secrets)
    assert said == [
        was_set(B, BOB),
        bid_for(ALICE, "30.00", B, "answer"),
        bid_for(BOB, "30.00", B, "bid"),
        MaximumEnded(BOB),
    ]
    assert [each.id for each in replay(said, before).maxima] == [A]


def test_one_that_wins_bids_no_more_than_a_step_over_the_other() -> None:
    before = auction(*asked(setting(B, BOB), auction()))
    said = asked(setting(A, ALICE), before)
    assert said == [
        was_set(A, ALICE),
        bid_for(BOB, "20.00", A, "answer"),
        bid_for(ALICE, "21.00", A, "bid"),
        MaximumEnded(BOB),
    ]


def test_the_largest_amount_there_is_can_be_one() -> None:
    secrets = {A: LARGEST, B: LARGEST}
    before = auction(*asked(setting(A, ALICE), auction(), secrets))
    said = asked(setting(B, BOB), before, secrets)
    amounts = [event.amount for event in said if isinstance(event, BidPlaced)]
    assert amounts == [LARGEST, LARGEST]


def test_a_leader_changes_it_without_a_bid() -> None:
    before = auction(placed(FIRST, ALICE, "20.00"))
    assert asked(setting(A, ALICE), before) == [was_set(A, ALICE)]
    assert asked(setting(B, ALICE), before) == [was_set(B, ALICE)]
    low = refused(setting(B, ALICE), before, {B: Decimal("19.99")})
    assert low.code is RejectionCode.MAXIMUM_TOO_LOW


@pytest.mark.parametrize("most", ["19.99", "20.99"])
def test_a_refusal_tells_no_maximum(most: str) -> None:
    before = auction(placed(FIRST, ALICE, "20.00"))
    why = refused(setting(B, BOB), before, {B: Decimal(most)})
    assert why.code is RejectionCode.MAXIMUM_TOO_LOW
    assert most not in why.message
    assert "21.00" in why.message


def test_an_equal_doubled_bid_ends_it() -> None:
    before = auction(
        placed(FIRST, BOB, "15.00"), *asked(setting(A, ALICE), auction(placed(FIRST, BOB, "15.00")))
    )
    [_, ended] = asked(double(), before)
    assert ended == MaximumEnded(ALICE)


def test_a_doubled_bid_is_answered_as_what_it_counts() -> None:
    before = auction(
        placed(FIRST, BOB, "14.00"), *asked(setting(A, ALICE), auction(placed(FIRST, BOB, "14.00")))
    )
    said = asked(double(), before)
    assert said == [
        doubled(FIRST, BOB, "28.00", of=2),
        bid_for(ALICE, "29.00", FIRST, "answer to the doubling"),
    ]


def test_one_that_cannot_be_opened_and_one_of_whoever_is_banned_answer_nothing() -> None:
    before = auction(*asked(setting(A, ALICE), auction()))
    nothing = [placed(SECOND, BOB, "20.00"), MaximumEnded(ALICE)]
    assert asked(bidding(SECOND, BOB, "20.00"), before, {}) == nothing
    ban = Ban(UUID(int=1), None, DURING, None, "", None)
    banned = {**CAST, ALICE: Bidder(ALICE, bans=(ban,))}
    assert asked(bidding(SECOND, BOB, "20.00"), before, bidders=banned) == nothing
    gone = {BOB: CAST[BOB]}
    assert asked(bidding(SECOND, BOB, "20.00"), before, bidders=gone) == nothing


def test_it_is_cleared_once() -> None:
    before = auction(*asked(setting(A, ALICE), auction()))
    cleared = asked(ClearMaximum(AUCTION, ALICE), before)
    assert cleared == [MaximumEnded(ALICE)]
    again = refused(ClearMaximum(AUCTION, ALICE), replay(cleared, before))
    assert again.code is RejectionCode.NO_MAXIMUM
    assert refused(ClearMaximum(AUCTION, BOB), before).code is RejectionCode.NO_MAXIMUM


def test_with_the_auction_all_end() -> None:
    before = auction(*asked(setting(A, ALICE), auction()))
    assert replay(asked(cancel(), before), before).maxima == ()


def test_without_the_rule_there_are_none() -> None:
    why = refused(setting(A, ALICE), auction(rules=BY_ONE[:1]))
    assert why.code is RejectionCode.NO_PROXY_BIDS


def test_it_needs_increments_over_the_leading_bid_and_open_bids() -> None:
    own = Increments(over_own=(Bracket(NOTHING, Decimal("1.00")),))
    for rules in ((ProxyBids(),), (own, ProxyBids())):
        with pytest.raises(InvalidRule, match="need increments over the leading bid"):
            check(rules)
    with pytest.raises(InvalidRule, match=r"can't be chosen with sealed bids|need increments"):
        check((ProxyBids(), Sealed()))
    check(BY_ONE)
