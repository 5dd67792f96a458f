"""Checking from the log that nobody was taken above their limit."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from commands.domain.exposure import ExposureLimit
from commands.record.exposures import Ended, Happened, Limited, Placed, over_limit
from tests.domain.scenario import AUCTION, DURING, FIRST, FOURTH, SECOND, THIRD

OTHER = UUID("ac000000-0000-4000-8000-00000000000b")


def at(position: int, batch: int | None = None) -> tuple[int, datetime]:
    """A place in the log, recorded with others of the same batch."""
    return position, DURING + timedelta(seconds=position if batch is None else batch)


def limited(position: int, amount: str | None) -> Limited:
    """The limit is that from then on."""
    limit = ExposureLimit(FOURTH, Decimal(amount), DURING, "1.sealed", None) if amount else None
    return Limited(*at(position), limit)


def placed(
    position: int, bid: UUID, amount: str, auction: UUID = AUCTION, batch: int | None = None
) -> Placed:
    """A bid."""
    return Placed(*at(position, batch), auction, bid, Decimal(amount))


def ended(
    position: int, bid: UUID | None, auction: UUID = AUCTION, batch: int | None = None
) -> Ended:
    """A bid that ended, or all in the auction."""
    return Ended(*at(position, batch), auction, bid)


FINE: dict[str, Sequence[Happened]] = {
    "without a limit": [placed(1, FIRST, "500"), placed(2, SECOND, "500", OTHER)],
    "up to the limit": [
        limited(1, "100"), placed(2, FIRST, "60"), placed(3, SECOND, "40", OTHER)
    ],
    "the higher takes the place of the lower": [
        limited(1, "100"), placed(2, FIRST, "60"), placed(3, SECOND, "100")
    ],
    "bid before the limit": [placed(1, FIRST, "500"), limited(2, "100")],
    "the limit was lowered": [limited(1, "100"), placed(2, FIRST, "100"), limited(3, "10")],
    "deleted before": [
        limited(1, "100"), placed(2, FIRST, "100"), ended(3, FIRST), placed(4, SECOND, "100", OTHER)
    ],
    "closed before": [
        limited(1, "100"), placed(2, FIRST, "100"), ended(3, None), placed(4, SECOND, "100", OTHER)
    ],
    "deleted in the same batch, which stands behind it in the log": [
        limited(1, "100"), placed(2, FIRST, "100", OTHER),
        placed(3, SECOND, "100", batch=9), ended(4, FIRST, OTHER, batch=9),
    ],
    "in a batch between whose events something else was recorded": [
        limited(1, "100"), placed(2, FIRST, "60", OTHER), placed(3, SECOND, "100", batch=9),
        ended(4, THIRD, batch=4), ended(5, FIRST, OTHER, batch=9),
    ],
    "after the limit": [
        limited(1, "10"), limited(2, None), placed(3, FIRST, "60"), placed(4, SECOND, "60", OTHER)
    ],
}  # fmt: skip
WRONG: dict[str, Sequence[Happened]] = {
    "one bid": [limited(1, "100"), placed(2, FIRST, "100.01")],
    "two auctions": [limited(1, "100"), placed(2, FIRST, "60"), placed(3, SECOND, "40.01", OTHER)],
    "two auctions in one batch": [
        limited(1, "100"), placed(2, FIRST, "60", batch=9), placed(3, SECOND, "60", OTHER, batch=9)
    ],
    "with what was bid before": [
        placed(1, FIRST, "60"), limited(2, "100"), placed(3, SECOND, "60", OTHER)
    ],
    "with the lower one once the higher is deleted": [
        limited(1, "100"), placed(2, FIRST, "50"), placed(3, SECOND, "60"), ended(4, SECOND),
        placed(5, THIRD, "50.01", OTHER),
    ],
    "deleted only afterwards": [
        limited(1, "100"), placed(2, FIRST, "100"), placed(3, SECOND, "1", OTHER), ended(4, FIRST)
    ],
    "the limit was lowered": [limited(1, "100"), limited(2, "10"), placed(3, FIRST, "11")],
}  # fmt: skip


@pytest.mark.parametrize("history", FINE.values(), ids=FINE)
def test_what_no_limit_forbids_is_not_found(history: Sequence[Happened]) -> None:
    assert over_limit(history) is None
    assert over_limit(history[::-1]) is None, "whatever order it is read in"


@pytest.mark.parametrize("history", WRONG.values(), ids=WRONG)
def test_a_bid_above_the_limit_is_found(history: Sequence[Happened]) -> None:
    found = over_limit(history[::-1])
    assert found
    assert "above their limit of 10" in found
