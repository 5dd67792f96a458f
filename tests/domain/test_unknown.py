"""What a newer release wrote is never read in part: this one says what it does not know."""

import pytest

from commands.domain.events import AuctionClosedEarly, AuctionEvent
from commands.domain.rules.soft_close import SoftClose
from commands.domain.rules.table import sentences
from commands.inbox.chosen_rules import chosen_rules
from commands.record.codec import (
    KNOWN_TO_ALL,
    Json,
    decode_command,
    decode_event,
    decode_rules,
    encode,
    encode_rules,
    is_known,
    needed_by,
    shown_rules,
)
from commands.record.unknown import Unknown, unknown_behind
from commands.streams import UnreadableEvent
from tests.domain.scenario import ALICE, AUCTIONEER, CLOSING, CREATED, FIRST, REASON, placed

BID: Json = encode(placed(FIRST, ALICE, "10.00"))


@pytest.mark.parametrize(
    ("name", "form", "data", "what"),
    [
        ("AuctionMoved", 1, {}, "event AuctionMoved"),
        ("BidPlaced", 2, BID, "event BidPlaced in form 2"),
        ("BidPlaced", 1, BID | {"mood": "good"}, "field mood of BidPlaced"),
        (
            "AuctionCreated",
            1,
            encode(CREATED) | {"rules": {"moonlight": {}}},
            "rule moonlight",
        ),
        (
            "AuctionCreated",
            1,
            encode(CREATED) | {"rules": {"starting_price": {"amount": "1.00", "of": "all"}}},
            "field of of StartingPrice",
        ),
    ],
)
def test_an_event_of_a_newer_release(name: str, form: int, data: Json, what: str) -> None:
    with pytest.raises(Unknown) as unknown:
        decode_event(name, form, data)
    assert unknown.value.what == what
    assert str(unknown.value) == f"this release does not know the {what}"
    assert not is_known(what)


def test_a_command_of_a_newer_release() -> None:
    with pytest.raises(Unknown, match="the command RaiseBid"):
        decode_command("RaiseBid", {})
    data = {"auction_id": str(FIRST), "reason": REASON, "closed_by": None, "softly": True}
    with pytest.raises(Unknown, match="the field softly of CloseAuctionNow"):
        decode_command("CloseAuctionNow", data)


def test_what_another_release_did_not_know_is_known_here() -> None:
    for what in (
        "event AuctionClosedEarly",
        "event BidDeleted in form 2",
        "command CloseAuctionNow",
        "rule soft_close",
        "field hard_end of SoftClose",
        "field nonce of BidPlaced",
    ):
        assert is_known(what), what
    assert not is_known("event BidDeleted in form 3")
    assert not is_known("something else")


def test_what_was_unknown_is_found_behind_other_errors() -> None:
    unknown = Unknown("rule moonlight")
    error = UnreadableEvent("AuctionCreated", 1)
    assert unknown_behind(error) is None
    error.__cause__ = unknown
    assert unknown_behind(error) is unknown


def test_rules_are_shown_as_far_as_they_are_known() -> None:
    soft = chosen_rules(soft_close="60s/60s/1")
    stored = {"moonlight": {"phase": 3}, **encode_rules(soft)}
    with pytest.raises(Unknown, match="the rule moonlight"):
        decode_rules(stored)
    shown = shown_rules(stored)
    assert isinstance(shown[0], SoftClose)
    assert sentences(shown)[2] == (
        "It has a further rule, which can't be explained here yet: moonlight."
    )


def test_an_auction_needs_what_not_every_release_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[AuctionEvent] = [CREATED, placed(FIRST, ALICE, "10.00")]
    assert needed_by(events) == []
    events.append(AuctionClosedEarly(CLOSING, REASON, AUCTIONEER))
    assert needed_by(events) == []
    monkeypatch.setattr("commands.record.codec.KNOWN_TO_ALL", KNOWN_TO_ALL - {"AuctionClosedEarly"})
    assert needed_by(events) == ["event AuctionClosedEarly"]
