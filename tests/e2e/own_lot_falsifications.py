"""Falsifications of the record of an auction whose lot has an owner, and what a check must say of them.

The record is of three events: the creation, a bid of 10 by somebody else, and the early close.
"""

from tests.e2e.falsifications import Falsify, Json


def owned_by_the_bidder(contents: list[Json]) -> list[Json]:
    """The lot is to have been the bidder's."""
    if contents and contents[0]["type"] == "AuctionCreated":
        owners = [contents[1]["data"]["bidder_id"]]
        contents[0]["data"]["rules"] = {"own_lot": {"owners": owners}}
    return contents


def bid_by_the_owner(contents: list[Json]) -> list[Json]:
    """The bid is to have been the owner's."""
    if contents and contents[0]["type"] == "AuctionCreated":
        [owner] = contents[0]["data"]["rules"]["own_lot"]["owners"]
        contents[1]["data"]["bidder_id"] = owner
    return contents


OWNED: dict[str, tuple[Falsify, str]] = {
    "a lot of the bidder's own": (owned_by_the_bidder, "the lot is the bidder's own"),
    "a bid by the owner": (bid_by_the_owner, "the lot is the bidder's own"),
}
