"""Falsifications of the record of an auction whose bids can be deleted for a time, and what a check must say of them.

The record is of five events: the creation, bids of 10 and 20, the deletion of the second, and the early close.
"""

from datetime import timedelta

from tests.e2e.falsifications import Falsify, asked, changing

RULES = {"withdrawal": {"within": 10}}

WITHDRAWN: dict[str, tuple[Falsify, str]] = {
    "a deletion that came too late": (asked(4, timedelta(seconds=10)), "could delete it until"),
    "a rule by which bids are binding": (
        changing(1, rules={"withdrawal": {"within": 0}}),
        "could delete it until",
    ),
}
