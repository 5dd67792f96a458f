"""Masked auctions: no bid is placed in them under a user's id, and none under an alias in others."""

from dataclasses import replace
from decimal import Decimal

import pytest

from commands.domain.commands import BuyNow, PlaceBid
from commands.domain.rules import buy_now
from commands.domain.rules.masked import Alias, Masked
from commands.domain.rules.table import Rules
from tests.domain.masks import known_as
from tests.domain.scenario import ALICE, AUCTION, CREATED, FIRST, given, place, placed

BUYING = buy_now.BuyNow(Decimal("50.00"))
ALIAS = Alias(known_as(ALICE))


@pytest.mark.parametrize(
    ("command", "rules"),
    [
        (place(FIRST, ALICE, "5.00"), (Masked(),)),
        (BuyNow(AUCTION, FIRST, ALICE), (BUYING, Masked())),
        (PlaceBid(AUCTION, FIRST, ALICE, Decimal("5.00"), alias=ALIAS), (BUYING,)),
        (BuyNow(AUCTION, FIRST, ALICE, ALIAS), (BUYING,)),
    ],
    ids=["a bid", "a purchase", "a bid under an alias", "a purchase under an alias"],
)
def test_a_bid_with_the_wrong_id_is_never_placed(command: PlaceBid | BuyNow, rules: Rules) -> None:
    scenario = given(replace(CREATED, rules=rules))
    with pytest.raises(AssertionError):
        scenario.when(command)


def test_a_number_stays_the_bidders_and_the_next_one_is_for_the_next() -> None:
    alias = ALIAS.id
    first = replace(placed(FIRST, alias, "5.00"), number=1)
    scenario = given(replace(CREATED, rules=(Masked(),)), first)
    again = PlaceBid(AUCTION, AUCTION, ALICE, Decimal("6.00"), alias=Alias(alias, 1))
    scenario.when(again).then(replace(placed(AUCTION, alias, "6.00"), number=1))
    other = PlaceBid(AUCTION, AUCTION, ALICE, Decimal("6.00"), alias=Alias(AUCTION))
    scenario.when(other).then(replace(placed(AUCTION, AUCTION, "6.00"), number=2))
