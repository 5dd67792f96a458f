"""Falsifications of the record of a masked auction, and what a check must say of them.

It shows who won. The record is of five events: the creation, a bid of 10 by the first bidder, one of 20 by the second,
one of 30 by the first again, and the winner.
"""

from tests.e2e.falsifications import NOBODY, Falsify, changing

ANOTHER = "it has another number"
MASKED: dict[str, tuple[Falsify, str]] = {
    "a masked bidder whose number was left out": (changing(3, number=3), ANOTHER),
    "a masked bidder with another's number": (changing(3, number=1), ANOTHER),
    "a masked bidder with a second number": (changing(4, number=3), ANOTHER),
    "a masked bid without a number": (changing(4, number=None), ANOTHER),
    "a masked bid under another alias": (changing(4, bidder_id=NOBODY), ANOTHER),
    "a masked winner with another number": (changing(5, number=2), "the leading bid is another"),
    "a winner who is shown against the rules": (
        changing(1, rules={"masked": {}}),
        "the leading bid is another",
    ),
    "numbers where nobody is masked": (changing(1, rules={}), ANOTHER),
}
