"""Falsifications of the record of an auction in which maxima bid, and what a check must say of them.

The starting price is 10, and the increment 1. The record is of fifteen events: the creation; Alice's maximum of 30, and a bid of 10
by it; Bob's bid of 15, and 16 for Alice; Bob's maximum of 20, a bid of 20 by it, 21 for Alice, and that his
maximum ended; Bob's maximum of 40, 30 for Alice, 31 for Bob, and that Alice's maximum ended;
that the house closed it early, and the winner.
"""

from tests.e2e.falsifications import NOBODY, Falsify, Json, blaming, changing, without

RULES = {
    "startingPrice": "10.00",
    "increments": {"overLeader": [{"step": "1.00"}]},
    "proxyBids": True,
}
STORED = {
    "starting_price": {"amount": "10.00"},
    "increments": {"over_leader": [{"start": "0.00", "step": "1.00"}]},
    "proxy_bids": {},
}
OTHERS = "the rules give other bids|a bid for somebody answers nothing"


def ended_instead(contents: list[Json]) -> list[Json]:
    """Alice's maximum is to have been used up by Bob's first bid."""
    if _is_auction(contents):
        alice = contents[1]["data"]["bidder_id"]
        contents[4] |= {"type": "MaximumEnded", "data": {"bidder_id": alice}}
    return contents


def bid_of_the_beaten(contents: list[Json]) -> list[Json]:
    """Alice's maximum is to have gone on bidding once it was beaten."""
    if _is_auction(contents):
        at = {"amount": "32.00", "bid_id": NOBODY, "placed_at": contents[13]["accepted_at"]}
        contents[13] |= {"type": "BidPlaced", "data": contents[10]["data"] | at}
    return contents


def cut_before_the_answer(contents: list[Json]) -> list[Json]:
    """The record ends with Bob's bid, without what it gave rise to."""
    return contents[:4] if _is_auction(contents) else contents


def asked_for_by_the_beaten(contents: list[Json]) -> list[Json]:
    """Bob's last automatic bid is to have been Alice's."""
    if _is_auction(contents):
        alice = contents[1]["data"]["bidder_id"]
        contents[11]["data"]["bidder_id"] = alice
    return contents


def deleted_though_binding(contents: list[Json]) -> list[Json]:
    """Bob's first bid is to have been deleted by him."""
    if _is_auction(contents):
        bid = {name: contents[4]["data"][name] for name in ("bid_id", "bidder_id")}
        contents[13] |= {"type": "BidDeleted", "data": bid}
    return contents


def lower_last_bid(contents: list[Json]) -> list[Json]:
    """Alice's maximum is to have been 25, so that Bob pays less."""
    if _is_auction(contents):
        contents[10]["data"]["amount"] = "25.00"
        contents[11]["data"]["amount"] = "26.00"
        contents[14]["data"] |= {"amount": "26.00", "effective_amount": "26.00"}
    return contents


def _is_auction(contents: list[Json]) -> bool:
    return bool(contents) and contents[0]["type"] == "AuctionCreated"


PROXIED: dict[str, tuple[Falsify, str]] = {
    "a maximum left out": (without(2), OTHERS),
    "a maximum that bid too much at once": (changing(3, amount="12.00"), OTHERS),
    "a first bid below the starting price": (changing(3, amount="9.00"), OTHERS),
    "an answer above the next step, and another later": (changing(5, amount="17.00"), OTHERS),
    "an answer that does not lead": (changing(5, amount="15.00"), OTHERS),
    "an answer left out": (without(5), OTHERS),
    "an answer removed with all after it": (cut_before_the_answer, OTHERS),
    "an answer for somebody without a maximum": (changing(5, bidder_id=NOBODY), OTHERS),
    "an answer that something else gave rise to": (
        blaming(5),
        f"answers nothing|{OTHERS}|does not follow",
    ),
    "a bid that is said to be automatic": (
        changing(4, automatic=True),
        f"answers nothing|{OTHERS}",
    ),
    "an answer that is said to be none": (
        changing(5, automatic=False),
        f"answers nothing|{OTHERS}",
    ),
    "a maximum that ended though it answered later": (ended_instead, OTHERS),
    "a losing maximum that bid less": (changing(7, amount="19.00"), OTHERS),
    "an end of a maximum left out": (without(9), OTHERS),
    "an end of a maximum that leads": (changing(13, bidder_id=NOBODY), f"no such maximum|{OTHERS}"),
    "a bid of a maximum that was beaten": (bid_of_the_beaten, f"answers nothing|{OTHERS}"),
    "a bid for the other one": (asked_for_by_the_beaten, f"{OTHERS}|not more than"),
    "a deletion of a bid that is binding": (
        deleted_though_binding,
        "could delete it until|binding",
    ),
    "maxima without their rule": (
        changing(1, rules={name: rule for name, rule in STORED.items() if name != "proxy_bids"}),
        f"no maximum|{OTHERS}",
    ),
}
# What an outsider can't know: how high the maximum was.
BY_KEYS: dict[str, tuple[Falsify, str]] = {
    "a last bid that is lower than the maximum": (lower_last_bid, "the rules give other"),
}
