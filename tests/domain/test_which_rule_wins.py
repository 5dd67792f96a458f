"""Which rule is named when a command breaks two: the one that docs/api.md has first."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from uuid import UUID

import pytest

from commands.domain.bans import Ban
from commands.domain.bidders import Bidder
from commands.domain.commands import AuctionCommand
from commands.domain.events import (
    AuctionCancelled,
    AuctionCreated,
    AuctionEvent,
    SealedBidPlaced,
)
from commands.domain.exposure import Exposure
from commands.domain.rejections import Rejection
from commands.domain.rejections import RejectionCode as Code
from commands.domain.rules.buy_now import BuyNow
from commands.domain.rules.increments import NOTHING, Bracket, Increments
from commands.domain.rules.own_lot import OwnLot
from commands.domain.rules.rule import Rule
from commands.domain.rules.sealed import Sealed
from commands.domain.rules.starting_price import StartingPrice
from commands.domain.rules.table import in_order
from commands.domain.rules.withdrawal import Withdrawal
from tests.domain.scenario import (
    AFTER,
    ALICE,
    BEFORE,
    BOB,
    CAST,
    CREATED,
    DURING,
    FIRST,
    FOURTH,
    REASON,
    SECOND,
    THIRD,
    Answer,
    buy,
    delete,
    deleted,
    given,
    paused,
    place,
    placed,
)
from tests.domain.sealing import content_of, sealed

PAGE = (Path(__file__).parents[2] / "docs/api.md").read_text()


@dataclass(frozen=True, slots=True)
class Asked:
    """A bid of Alice's, or its deletion, with all that decides about it; as it stands it is accepted."""

    command: str
    amount: str = "20.00"
    bid_id: UUID = FIRST
    bidder_id: UUID = ALICE
    events: tuple[AuctionEvent, ...] = (CREATED, placed(FIRST, ALICE, "10.00"))
    at: datetime = DURING
    bidders: Mapping[UUID, Bidder] = field(default_factory=lambda: CAST)
    # One that concerns purchases alone.
    rules: tuple[Rule, ...] = (BuyNow(Decimal("900.00"), Decimal("800.00")),)

    def answer(self) -> Answer:
        """What the auction says."""
        asked: AuctionCommand
        bid = place(SECOND, self.bidder_id, self.amount)
        match self.command:
            case "placeBid":
                asked = bid
            case "placeBid, sealed":
                asked = sealed(bid)
            case "buyNow":
                asked = buy(SECOND, self.bidder_id)
            case _:
                asked = delete(self.bid_id, self.bidder_id)
        # Of the auction, if there is one.
        created = [replace(CREATED, rules=in_order(self.rules))] if self.events else []
        return given(*created, *self.events[1:]).when(
            asked, at=self.at, bidders=self.bidders, opened={SECOND: content_of(bid)}
        )


def ruled(asked: Asked, rule: Rule) -> Asked:
    """The same in an auction that has this rule, too."""
    created, *others = asked.events or [CREATED]
    assert isinstance(created, AuctionCreated)
    rules = in_order((*created.rules, rule))
    return replace(asked, events=(replace(created, rules=rules), *others))


def unbroken(command: str) -> Asked:
    """What is accepted."""
    if command == "placeBid, sealed":
        return Asked(command, events=(CREATED,), rules=(Sealed(),))
    return Asked(command)


SEALED = sealed(place(FIRST, ALICE, "10.00"))
HAS_ONE = SealedBidPlaced(FIRST, ALICE, SEALED.commitment, SEALED.sealed, DURING)
BAN = Ban(THIRD, None, BEFORE, None, "1.sealed", None)
SPENT = Exposure(Decimal("20.00"), Decimal("19.99"), Decimal("19.99"))
CANCELLED = AuctionCancelled(REASON, None)
Break = Callable[[Asked], Asked]
BREAKS: Mapping[Code, Break] = {
    Code.AUCTION_NOT_FOUND: lambda asked: replace(asked, events=()),
    Code.AUCTION_NOT_STARTED: lambda asked: replace(asked, at=BEFORE),
    Code.AUCTION_ENDED: lambda asked: replace(asked, at=AFTER),
    Code.AUCTION_PAUSED: lambda asked: replace(asked, events=(*asked.events, paused())),
    Code.AUCTION_CANCELLED: lambda asked: replace(asked, events=(*asked.events, CANCELLED)),
    Code.BELOW_STARTING_PRICE: lambda asked: ruled(asked, StartingPrice(Decimal("21.00"))),
    Code.BELOW_INCREMENT: lambda asked: ruled(
        asked, Increments(over_own=(Bracket(NOTHING, Decimal("11.00")),))
    ),
    Code.USER_NOT_FOUND: lambda asked: replace(asked, bidders={}),
    Code.BANNED: lambda asked: replace(
        asked, bidders={id: replace(bidder, bans=(BAN,)) for id, bidder in asked.bidders.items()}
    ),
    Code.OWN_LOT: lambda asked: replace(asked, rules=(*asked.rules, OwnLot((ALICE,)))),
    Code.BID_NOT_SEALED: lambda asked: replace(asked, rules=(*asked.rules, Sealed())),
    Code.ONE_SEALED_BID: lambda asked: replace(
        asked, events=(*asked.events, HAS_ONE) if asked.events else ()
    ),
    Code.BID_TOO_LOW: lambda asked: replace(asked, amount="5.00"),
    Code.BELOW_STARTING_PRICE: lambda asked: replace(
        asked, rules=(*asked.rules, StartingPrice(Decimal("100.00")))
    ),
    Code.BELOW_INCREMENT: lambda asked: replace(
        asked, rules=(*asked.rules, Increments((Bracket(NOTHING, Decimal("500.00")),)))
    ),
    Code.OVER_LIMIT: lambda asked: replace(
        asked,
        bidders={id: replace(each, exposure=SPENT) for id, each in asked.bidders.items()},
    ),
    Code.NOT_FOR_SALE: lambda asked: replace(
        asked, events=(*asked.events, placed(FOURTH, BOB, "800.00")) if asked.events else ()
    ),
    Code.BID_NOT_FOUND: lambda asked: replace(asked, bid_id=THIRD),
    Code.BID_NOT_YOURS: lambda asked: replace(asked, bidder_id=BOB),
    Code.BID_BINDING: lambda asked: replace(asked, rules=(*asked.rules, Withdrawal(0))),
    Code.BID_ALREADY_DELETED: lambda asked: replace(
        asked, events=(*asked.events, deleted(FIRST, ALICE))
    ),
}
COMMANDS = ("placeBid", "placeBid, sealed", "buyNow", "deleteBid")
# No auction has both before it.
APART = {Code.AUCTION_NOT_STARTED, Code.AUCTION_ENDED}


def order(command: str) -> list[Code]:
    """The rules of the command as the page lists them, the one that wins first."""
    name, _, sort = command.partition(", ")
    cell = f"`{name}`, [{sort}](rules.md#sealed-bids)" if sort else f"`{name}`"
    line = re.search(rf"^\| {re.escape(cell)} \| (.*) \|$", PAGE, re.MULTILINE)
    assert line
    return [Code(code) for code in re.findall(r"`(\w+)`", line[1])]


RULES = [(command, code) for command in COMMANDS for code in order(command)]
PAIRS = [
    (command, first, second)
    for command in COMMANDS
    for first, second in combinations(order(command), 2)
    if {first, second} != APART
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_breaks_no_rule_is_accepted(command: str) -> None:
    assert not isinstance(unbroken(command).answer().said, Rejection)


@pytest.mark.parametrize(("command", "code"), RULES, ids=lambda part: str(part))
def test_each_rule_on_the_page_can_be_broken(command: str, code: Code) -> None:
    BREAKS[code](unbroken(command)).answer().refused(code)


@pytest.mark.parametrize(("command", "first", "second"), PAIRS, ids=lambda part: str(part))
def test_the_first_of_two_broken_rules_is_named(command: str, first: Code, second: Code) -> None:
    BREAKS[first](BREAKS[second](unbroken(command))).answer().refused(first)
