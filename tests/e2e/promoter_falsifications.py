"""Falsifications of records of auctions with another promoter, and what a check must say of them.

In the first, bids are weighed by their amounts, the leading bidder's are left out, and one is doubled: it is of four events, the
creation, bids of 10 and 20, and the doubling. In the second the promoter is off: the creation, and bids of 10 and 20.
"""

from tests.e2e.falsifications import Falsify, Json, changing, inserted

RULES = {"promoter": {"weight": ["by_amount"], "exclude": ["leader"], "limit": ["per_auction:1"]}}
STORED = {"promoter": {"weight": ["by_amount"], "exclude": ["leader"], "limit": ["per_auction:1"]}}
OFF = {"promoter": {"off": True}}


def with_(**changed: object) -> Falsify:
    """The auction's options are to have been others."""
    return changing(1, rules={"promoter": STORED["promoter"] | changed})


def a_doubling(contents: list[Json]) -> list[Json]:
    """The second bid is doubled."""
    if contents and contents[0]["type"] == "AuctionCreated":
        bid = contents[2]["data"]
        doubling = {
            "bid_id": bid["bid_id"],
            "bidder_id": bid["bidder_id"],
            "effective_amount": "40.00",
            "tick": 1,
            "policy_version": -1,
            "weight": 1,
            "total_weight": 2,
            "staff": [],
            "draw": 1,
        }
        contents = inserted(4, of=3)(contents)
        contents[3] |= {"type": "BidDoubled", "schema_version": 2, "data": doubling}
    return contents


DRAWN: dict[str, tuple[Falsify, str]] = {
    "other weights": (with_(weight=["newcomers"]), "the draw hits"),
    "another exclusion": (with_(exclude=[]), "the draw hits"),
    "a limit that left nothing": (with_(limit=["per_auction:0"]), "the draw hits"),
    "a chance of nothing": (with_(chance="0.00"), "the draw hits"),
    "the portal's policy": (changing(4, policy_version=0), "policy -1 applied, not 0"),
    "no such rule": (changing(1, rules={}), "policy 0 applied, not -1"),
    "a promoter that is off": (
        changing(1, rules={"promoter": {"off": True}}),
        "the promoter doubles no bid here",
    ),
}
UNDRAWN: dict[str, tuple[Falsify, str]] = {
    "a doubling where it is off": (a_doubling, "the promoter doubles no bid here"),
    "a promoter that was on": (changing(1, rules={}), "left no draw"),
    "a promoter with options": (
        changing(1, rules={"promoter": {"weight": ["by_amount"]}}),
        "left no draw",
    ),
}
