"""Buy now: as long as it is offered, and what comes of a purchase."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from commands.domain.events import AuctionExtended, BidPlaced, BoughtNow, NoDoubling
from commands.domain.rejections import RejectionCode
from commands.domain.rules.buy_now import BuyNow
from commands.domain.rules.increments import HOUSE_TABLE, Increments
from commands.domain.rules.rule import InvalidRule, Rule
from commands.domain.rules.soft_close import SoftClose
from commands.domain.rules.starting_price import StartingPrice
from commands.domain.rules.table import buy_now_price, check, in_order, sentences
from commands.domain.rules.withdrawal import Withdrawal
from commands.domain.state import replay
from commands.inbox.chosen_rules import chosen_rules
from commands.inbox.invalid import InvalidInput
from tests.domain.scenario import (
    ALICE,
    BOB,
    CLOSING,
    CREATED,
    DURING,
    FIRST,
    INSTANT,
    OPENING,
    SECOND,
    THIRD,
    Scenario,
    announce,
    buy,
    close_now,
    delete,
    deleted,
    double,
    doubled,
    drawn,
    given,
    nothing,
    place,
    placed,
    removed,
    withdraw,
)

PRICE = Decimal("500.00")
ONCE = BuyNow(PRICE)
LONG = BuyNow(PRICE, Decimal("300.00"))
SOLD = (BidPlaced(SECOND, BOB, PRICE, DURING, bought=True), BoughtNow(DURING, SECOND))


def auction(*rules: Rule) -> Scenario:
    """A new one with these rules."""
    return given(replace(CREATED, rules=in_order(rules)))


def after(scenario: Scenario, *events: object) -> Scenario:
    """What happened then."""
    return given(*scenario.events, *events)  # type: ignore[arg-type]


def test_a_purchase_is_a_bid_that_ends_the_auction_when_it_was_accepted() -> None:
    auction(ONCE).when(buy(SECOND, BOB)).then(*SOLD)
    sold = after(auction(ONCE), *SOLD)
    sold.leads(SECOND)
    assert sold.auction
    assert (sold.auction.ends_at, sold.auction.closed) == (DURING, False)


def test_only_an_open_auction_and_a_bidder_who_exists() -> None:
    for at, code in (
        (OPENING - INSTANT, RejectionCode.AUCTION_NOT_STARTED),
        (CLOSING, RejectionCode.AUCTION_ENDED),
    ):
        auction(ONCE).when(buy(SECOND, BOB), at=at).refused(code)
    auction(ONCE).when(buy(SECOND, BOB), bidders={}).refused(RejectionCode.USER_NOT_FOUND)
    given(CREATED).when(buy(SECOND, BOB)).refused(RejectionCode.NOT_FOR_SALE)


@pytest.mark.parametrize(
    ("rule", "amount", "offered"),
    [
        (ONCE, "0.01", False),
        (LONG, "299.99", True),
        (LONG, "300.00", False),
        (LONG, "500.00", False),
    ],
)
def test_until_when_it_is_offered(rule: BuyNow, amount: str, offered: bool) -> None:
    with_bid = after(auction(rule), placed(FIRST, ALICE, amount))
    assert buy_now_price((rule,), Decimal(amount)) == (PRICE if offered else None)
    if offered:
        with_bid.when(buy(SECOND, BOB)).then(*SOLD)
    else:
        with_bid.when(buy(SECOND, BOB)).refused(RejectionCode.NOT_FOR_SALE)


def test_it_is_offered_again_once_the_bids_are_gone() -> None:
    with_bid = after(auction(ONCE), placed(FIRST, ALICE, "10.00"))
    for gone in (deleted(FIRST, ALICE), removed(FIRST, ALICE)):
        after(with_bid, gone).when(buy(SECOND, BOB)).then(*SOLD)


def test_a_doubling_counts() -> None:
    low = after(auction(LONG), placed(FIRST, ALICE, "150.00"))
    low.when(buy(SECOND, BOB)).then(*SOLD)
    twice = after(low, doubled(FIRST, ALICE, "300.00"))
    twice.when(buy(SECOND, BOB)).refused(RejectionCode.NOT_FOR_SALE)


def test_increments_are_not_asked_and_no_soft_close_moves_the_end() -> None:
    rules = (LONG, Increments(HOUSE_TABLE, HOUSE_TABLE), SoftClose(3600, 60, 1))
    with_bid = after(auction(*rules), placed(FIRST, BOB, "299.00"))
    with_bid.when(buy(SECOND, BOB)).then(*SOLD)
    # One that was accepted before and failed, and is decided after it.
    earlier = DURING - INSTANT
    late = BidPlaced(THIRD, ALICE, Decimal("600.00"), earlier)
    after(with_bid, *SOLD).when(place(THIRD, ALICE, "600.00"), at=earlier).then(late)


def test_a_bid_of_the_price_is_a_bid() -> None:
    for amount in ("500.00", "900.00"):
        auction(ONCE).when(place(FIRST, ALICE, amount)).then(placed(FIRST, ALICE, amount))
    soft = (ONCE, SoftClose(3600, 60, 1))
    moved = AuctionExtended(CLOSING + timedelta(seconds=60), FIRST, 1)
    bid = placed(FIRST, ALICE, "500.00")
    auction(*soft).when(place(FIRST, ALICE, "500.00")).then(bid, moved)


def test_what_comes_after_a_purchase_comes_too_late() -> None:
    sold = after(auction(LONG), placed(FIRST, ALICE, "10.00"), *SOLD)
    for command in (
        place(THIRD, ALICE, "900.00"),
        buy(THIRD, ALICE),
        delete(FIRST, ALICE),
        delete(SECOND, BOB),
        close_now(),
    ):
        sold.when(command).refused(RejectionCode.AUCTION_ENDED)
    sold.when(double(), draw=drawn()).then(nothing(NoDoubling.LATE))
    sold.when(withdraw(BOB, DURING)).then()
    before = DURING - INSTANT
    sold.when(withdraw(ALICE, before)).then(replace(deleted(FIRST, ALICE), withdrawn_at=before))


def test_the_buyer_wins_as_usual() -> None:
    sold = after(auction(LONG), placed(FIRST, ALICE, "10.00"), *SOLD)
    sold.when(announce(), at=DURING - INSTANT).refused(RejectionCode.AUCTION_NOT_ENDED)
    answer = sold.when(announce())
    assert isinstance(answer.said, list)
    closed = replay([*sold.events, *answer.said])
    assert (closed.closed, closed.winning_bid_id) == (True, SECOND)


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ((BuyNow(Decimal("0.00")),), "lies between 0.01 and 9,999,999,999.99, not 0.00"),
        ((BuyNow(PRICE, PRICE),), "until an amount below it: 500.00 is none below 500.00"),
        ((BuyNow(PRICE, Decimal("0.00")),), "0.00 is none below 500.00"),
        ((StartingPrice(PRICE), ONCE), "500.00 is not higher than 500.00"),
    ],
)
def test_what_is_refused(rules: tuple[Rule, ...], why: str) -> None:
    with pytest.raises(InvalidRule, match=why):
        check(rules)


def test_what_goes_together() -> None:
    check((StartingPrice(PRICE - 1), ONCE, SoftClose(60, 60, 1), Withdrawal(0)))


def test_how_it_is_written_and_told() -> None:
    assert chosen_rules(buy_now=" 500 ") == (ONCE,)
    assert chosen_rules(buy_now="500/until 300") == chosen_rules(buy_now="500 / until  300.00")
    assert chosen_rules(buy_now="500/until 300") == (LONG,)
    assert sentences((ONCE,))[1] == (
        "As long as nobody bids, anybody can buy at once for 500.00; that ends the auction."
    )
    assert sentences((LONG,))[1] == (
        "Until the leading bid counts 300.00, anybody can buy at once for 500.00; that ends the auction."
    )
    for text, why in (
        ("500/300", "'300' says no end; a buy-now price is written 500 or 500/until 300"),
        ("500/until", "'until' says no end"),
        ("much", "'much' is not an amount"),
        ("500/until x", "'x' is not an amount"),
    ):
        with pytest.raises(InvalidInput, match=why) as refused:
            chosen_rules(buy_now=text)
        assert refused.value.field == "buy_now"
