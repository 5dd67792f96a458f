"""Falsifications of the record of an auction with a second chance, and what a check must say of them.

The record is of fourteen events: the creation, a bid of 10 and, after one of 15 by a second bidder, of 20 by the first, one of 5
by a third, the winner, the offer to them, that they did not answer, the offer to the second, who declined, the offer to the
third, who accepted, that the house took it from them, and that nobody is left.
"""

from datetime import datetime, timedelta

from tests.e2e.falsifications import (
    NOBODY,
    Falsify,
    Json,
    asked,
    blaming,
    changing,
    inserted,
    without,
)

CHANCE = {"confirm_within": 2, "answer_within": 600, "most": 2}


def offered_out_of_turn(contents: list[Json]) -> list[Json]:
    """The third bidder is to have been next."""
    return _to_the_third(contents)


def passed_over(contents: list[Json]) -> list[Json]:
    """The second bidder is to have had no account any more."""
    second = contents[2]["data"]["bidder_id"] if _is_auction(contents) else ""
    return _to_the_third(contents, passed_over=[second])


def _to_the_third(contents: list[Json], **more: object) -> list[Json]:
    if _is_auction(contents):
        third = contents[4]["data"]
        named = {name: third[name] for name in ("bid_id", "bidder_id", "amount")}
        contents[8]["data"] |= named | more
    return contents


def accepted_too_late(contents: list[Json]) -> list[Json]:
    """What lapsed is to have been accepted, and nothing more to have happened."""
    if _is_auction(contents):
        contents[7]["type"] = "OfferAccepted"
        return contents[:8]
    return contents


def failed_too_early(contents: list[Json]) -> list[Json]:
    """Nobody is to have been left after the winner."""
    if _is_auction(contents):
        contents[8] |= {"type": "SaleFailed", "data": {}}
        return contents[:9]
    return contents


def longer(contents: list[Json]) -> list[Json]:
    """The second bidder is to have had a minute more."""
    if _is_auction(contents):
        until = datetime.fromisoformat(contents[8]["data"]["until"]) + timedelta(minutes=1)
        contents[8]["data"]["until"] = until.isoformat()
    return contents


def made_later(contents: list[Json]) -> list[Json]:
    """The second bidder is to have been offered it a second later, and so to have had until a second later."""
    if _is_auction(contents):
        offer = contents[8]
        for values, name in ((offer, "recorded_at"), (offer["data"], "until")):
            at = datetime.fromisoformat(values[name]) + timedelta(seconds=1)
            values[name] = at.isoformat(timespec="microseconds")
    return contents


def _is_auction(contents: list[Json]) -> bool:
    return bool(contents) and contents[0]["type"] == "AuctionCreated"


SOLD_LATER: dict[str, tuple[Falsify, str]] = {
    "an offer out of turn": (offered_out_of_turn, "the rules give"),
    "an offer for another amount": (changing(9, amount="10.00"), "the rules give"),
    "an offer for a longer time": (longer, "the rules give"),
    "an offer made later than it was": (made_later, "at once|the rules give"),
    "an offer that lapsed too early": (asked(8, timedelta(seconds=-1.9)), "answered until"),
    "an answer that came too late": (accepted_too_late, "could be answered until"),
    "no offer after the winner": (without(7), "must follow|the rules give"),
    "no offer after somebody declined": (without(11), "must follow|the rules give"),
    "an offer twice": (inserted(10, of=9), "must follow|no such event"),
    "a sale that failed too early": (failed_too_early, "it was the turn of|the rules give"),
    "an answer by somebody else": (
        changing(12, bidder_id=NOBODY),
        "offered to another|was not offered to you|the rules give|can't be replayed",
    ),
    "an answer for another bid": (
        changing(12, bid_id=NOBODY),
        "offered to another|the rules give|can't be replayed",
    ),
    "more asked than there may be": (
        changing(1, rules={"second_chance": {**CHANCE, "most": 1}}),
        "nobody was left|the rules give",
    ),
    "a sale without a second chance": (changing(1, rules={}), "must follow|the rules give"),
    "the end of the sale withheld": (without(14), "is missing|is the last"),
    "something after the end of the sale": (
        inserted(15, of=13),
        "offered to nobody|neither offered nor sold|can't be replayed",
    ),
}
# What an outsider can't know: whose accounts are deleted.
INSIDE: dict[str, tuple[Falsify, str]] = {
    "somebody with an account who is passed over": (passed_over, "the rules give"),
    "somebody with an account who declined with it": (
        changing(10, withdrawn_at="2026-01-01T00:00:00+00:00"),
        "its bidder was not deleted",
    ),
    "an offer that nobody asked to end": (blaming(8), "there is no job that caused it"),
}
