"""The written form of commands and events: what is in the log today must be readable for ever."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, TypeVar, cast, get_args, get_type_hints
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.domain.amounts import LARGEST, SMALLEST
from commands.domain.commands import (
    AnnounceWinner,
    AnswerOffer,
    BanUser,
    BuyNow,
    CancelAuction,
    ChangePolicy,
    ClearMaximum,
    CloseAuctionNow,
    Command,
    CreateAuction,
    CreateUser,
    DeleteBid,
    DeleteUser,
    DoubleBid,
    ForfeitSale,
    LapseOffer,
    LiftBan,
    LiftExposureLimit,
    LimitExposure,
    PauseAuction,
    PlaceBid,
    PlaceSealedBid,
    RemoveBid,
    ResumeAuction,
    ReviseAuction,
    SetMaximum,
    WithdrawBids,
    WithdrawPolicy,
)
from commands.domain.events import (
    AuctionCancelled,
    AuctionClosedEarly,
    AuctionCreated,
    AuctionEndedUnsold,
    AuctionExtended,
    AuctionPaused,
    AuctionResumed,
    AuctionRevised,
    BanLifted,
    BidDeleted,
    BidDoubled,
    BidNotRevealed,
    BidPlaced,
    BidRemoved,
    BidRevealed,
    BoughtNow,
    DrawsAccepted,
    Event,
    ExposureLimited,
    ExposureLimitLifted,
    LotOffered,
    MaximumEnded,
    MaximumSet,
    NoDoubling,
    NothingDrawn,
    OfferAccepted,
    OfferDeclined,
    OfferLapsed,
    PolicyChanged,
    PolicyWithdrawn,
    ReserveMet,
    ReserveMissed,
    ReserveRevealed,
    SaleFailed,
    SaleForfeited,
    SealedBidPlaced,
    SecretRevealed,
    TickCommitted,
    TickGivenUp,
    TickMade,
    UserBanned,
    UserCreated,
    UserDeleted,
    WinnerAnnounced,
)
from commands.domain.revisions import Revision
from commands.domain.rules.masked import Alias
from commands.domain.rules.rule import Rule
from commands.domain.rules.starting_price import StartingPrice
from commands.record.codec import (
    COMMAND_TYPES,
    EVENT_TYPES,
    Json,
    canonical,
    command_name,
    decode_command,
    decode_event,
    encode,
    event_name,
)
from commands.record.upcasters import CURRENT_SCHEMA, upcast
from tests.domain.rules.some_rules import rules_of_auctions
from tests.domain.scenario import ALICE, AUCTION, AUCTIONEER, CLOSING, FIRST, OPENING

Message = TypeVar("Message")

ACCEPTED = datetime(2025, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)
BAN = UUID("ba000000-0000-4000-8000-000000000001")
PRICE, TWICE = Decimal("120.50"), Decimal("241.00")

ALICES = "a11ce000-0000-4000-8000-000000000001"
AUCTIONS = "ac000000-0000-4000-8000-00000000000a"
FIRSTS = "b1d00000-0000-4000-8000-000000000001"
HOUSE = "5a1e5000-0000-4000-8000-000000000009"
LAMP = {"title": "A lamp", "description": "Brass: schön"}
OPEN = {"starts_at": "2025-03-01T12:00:00+00:00", "ends_at": "2025-03-01T13:00:00+00:00"}
THEN = "2025-03-01T12:30:00.123456+00:00"

# The log's and the inbox's own words. A change here rewrites history: it needs an upcaster.
BID = {"bid_id": FIRSTS, "bidder_id": ALICES}
EVENTS: Mapping[str, tuple[Event, Json]] = {
    "AuctionCreated": (
        AuctionCreated(AUCTION, "A lamp", "Brass: schön", OPENING, CLOSING, AUCTIONEER),
        {"auction_id": AUCTIONS, **LAMP, **OPEN, "created_by": HOUSE},
    ),
    "AuctionExtended": (
        AuctionExtended(CLOSING, FIRST, 2),
        {"ends_at": "2025-03-01T13:00:00+00:00", "bid_id": str(FIRST), "extension": 2},
    ),
    "ReserveMet": (ReserveMet(FIRST), {"bid_id": FIRSTS}),
    "ReserveMissed": (ReserveMissed(), {}),
    "ReserveRevealed": (ReserveRevealed(PRICE, "5a17"), {"amount": "120.50", "salt": "5a17"}),
    "BidPlaced": (
        BidPlaced(FIRST, ALICE, PRICE, ACCEPTED),
        {"bid_id": FIRSTS, "bidder_id": ALICES, "amount": "120.50", "placed_at": THEN},
    ),
    "BoughtNow": (BoughtNow(ACCEPTED, FIRST), {"ends_at": THEN, "bid_id": FIRSTS}),
    "SealedBidPlaced": (
        SealedBidPlaced(FIRST, ALICE, "ab" * 32, "1.c2VhbGVk", ACCEPTED),
        {
            "bid_id": FIRSTS, "bidder_id": ALICES, "commitment": "ab" * 32, "sealed": "1.c2VhbGVk",
            "placed_at": THEN,
        },
    ),
    "MaximumSet": (
        MaximumSet(FIRST, ALICE, "1.c2VhbGVk", 7),
        {"maximum_id": FIRSTS, "bidder_id": ALICES, "sealed": "1.c2VhbGVk", "number": 7},
    ),
    "MaximumEnded": (MaximumEnded(ALICE), {"bidder_id": ALICES}),
    "BidRevealed": (
        BidRevealed(FIRST, PRICE, "cd" * 16),
        {"bid_id": FIRSTS, "amount": "120.50", "salt": "cd" * 16},
    ),
    "BidNotRevealed": (BidNotRevealed(FIRST, ALICE), {"bid_id": FIRSTS, "bidder_id": ALICES}),
    "BidDeleted": (
        BidDeleted(FIRST, ALICE, ACCEPTED),
        {"bid_id": FIRSTS, "bidder_id": ALICES, "withdrawn_at": THEN},
    ),
    "BidRemoved": (
        BidRemoved(FIRST, ALICE, "A typing error.", AUCTIONEER),
        {"bid_id": FIRSTS, "bidder_id": ALICES, "reason": "A typing error.", "removed_by": HOUSE},
    ),
    "BidDoubled": (
        BidDoubled(FIRST, ALICE, TWICE, 7, 3, 2, 5, (ALICE,), 4),
        {
            "bid_id": FIRSTS, "bidder_id": ALICES, "effective_amount": "241.00", "tick": 7,
            "policy_version": 3, "weight": 2, "total_weight": 5, "staff": [ALICES], "draw": 4,
        },
    ),
    "NothingDrawn": (
        NothingDrawn(7, 3, NoDoubling.GONE, 4, (ALICE,), FIRST),
        {
            "tick": 7, "policy_version": 3, "reason": "GONE", "draw": 4, "staff": [ALICES],
            "bid_id": FIRSTS,
        },
    ),
    "WinnerAnnounced": (
        WinnerAnnounced(FIRST, ALICE, PRICE, TWICE, True, ACCEPTED),
        {
            "bid_id": FIRSTS, "bidder_id": ALICES, "amount": "120.50",
            "effective_amount": "241.00", "doubled": True, "placed_at": THEN,
        },
    ),
    "AuctionEndedUnsold": (AuctionEndedUnsold(), {}),
    "AuctionClosedEarly": (
        AuctionClosedEarly(ACCEPTED, "The lamp is broken.", AUCTIONEER),
        {"ends_at": THEN, "reason": "The lamp is broken.", "closed_by": HOUSE},
    ),
    "AuctionPaused": (
        AuctionPaused(ACCEPTED, "The lamp is broken.", AUCTIONEER),
        {"paused_at": THEN, "reason": "The lamp is broken.", "paused_by": HOUSE},
    ),
    "AuctionResumed": (
        AuctionResumed(ACCEPTED, CLOSING, "It works.", AUCTIONEER),
        {
            "resumed_at": THEN, "ends_at": "2025-03-01T13:00:00+00:00", "reason": "It works.",
            "resumed_by": HOUSE,
        },
    ),
    "AuctionRevised": (
        AuctionRevised(
            Revision(description="Brass: schön", rules=()),
            Revision(description="", rules=(StartingPrice(PRICE),)),
            AUCTIONEER,
        ),
        {
            "before": {"description": "Brass: schön", "rules": {}},
            "after": {"description": "", "rules": {"starting_price": {"amount": "120.50"}}},
            "revised_by": HOUSE,
        },
    ),
    "AuctionCancelled": (
        AuctionCancelled("The lamp is broken.", AUCTIONEER),
        {"reason": "The lamp is broken.", "cancelled_by": HOUSE},
    ),
    "LotOffered": (
        LotOffered(FIRST, ALICE, PRICE, CLOSING),
        {**BID, "amount": "120.50", "until": "2025-03-01T13:00:00+00:00"},
    ),
    "OfferAccepted": (OfferAccepted(FIRST, ALICE), BID),
    "OfferDeclined": (OfferDeclined(FIRST, ALICE), BID),
    "OfferLapsed": (OfferLapsed(FIRST, ALICE), BID),
    "SaleForfeited": (
        SaleForfeited(FIRST, ALICE, "Never paid.", None),
        {**BID, "reason": "Never paid.", "forfeited_by": None},
    ),
    "SaleFailed": (SaleFailed((ALICE,)), {"passed_over": [ALICES]}),
    "TickGivenUp": (TickGivenUp(), {}),
    "UserCreated": (UserCreated(ALICE, False), {"user_id": ALICES, "is_staff": False}),
    "UserDeleted": (UserDeleted(ALICE), {"user_id": ALICES}),
    "UserBanned": (
        UserBanned(ALICE, BAN, AUCTION, OPENING, CLOSING, "1.sealed", AUCTIONEER),
        {
            "user_id": ALICES, "ban_id": str(BAN), "auction_id": AUCTIONS, "reason": "1.sealed",
            "since": "2025-03-01T12:00:00+00:00", "until": "2025-03-01T13:00:00+00:00",
            "banned_by": HOUSE,
        },
    ),
    "BanLifted": (
        BanLifted(ALICE, None, OPENING, None),
        {
            "user_id": ALICES, "auction_id": None, "lifted_at": "2025-03-01T12:00:00+00:00",
            "lifted_by": None,
        },
    ),
    "ExposureLimited": (
        ExposureLimited(ALICE, BAN, PRICE, OPENING, "1.sealed", AUCTIONEER),
        {
            "user_id": ALICES, "limit_id": str(BAN), "amount": "120.50", "reason": "1.sealed",
            "since": "2025-03-01T12:00:00+00:00", "limited_by": HOUSE,
        },
    ),
    "ExposureLimitLifted": (
        ExposureLimitLifted(ALICE, OPENING, None),
        {"user_id": ALICES, "lifted_at": "2025-03-01T12:00:00+00:00", "lifted_by": None},
    ),
    "TickCommitted": (
        TickCommitted(7, "ab" * 32, 3),
        {"number": 7, "commitment": "ab" * 32, "policies": 3},
    ),
    "TickMade": (TickMade(), {}),
    "DrawsAccepted": (DrawsAccepted(2), {"draws": 2}),
    "SecretRevealed": (SecretRevealed("cd" * 32), {"secret": "cd" * 32}),
    "PolicyChanged": (
        PolicyChanged(None, Decimal("12.50"), ("constant",), (), ("per_bidder:1",)),
        {
            "auction_id": None, "chance": "12.50", "weight": ["constant"], "exclude": [],
            "limit": ["per_bidder:1"],
        },
    ),
    "PolicyWithdrawn": (PolicyWithdrawn(AUCTION), {"auction_id": AUCTIONS}),
}  # fmt: skip
COMMANDS: Mapping[str, tuple[Command, Json]] = {
    "CreateAuction": (
        CreateAuction(AUCTION, "A lamp", "Brass: schön", None, CLOSING, None),
        {"auction_id": AUCTIONS, **LAMP, **OPEN, "starts_at": None, "created_by": None},
    ),
    "PlaceBid": (
        PlaceBid(AUCTION, FIRST, ALICE, PRICE),
        {"auction_id": AUCTIONS, "bid_id": FIRSTS, "bidder_id": ALICES, "amount": "120.50"},
    ),
    "PlaceSealedBid": (
        PlaceSealedBid(AUCTION, FIRST, ALICE, "ab" * 32, "1.c2VhbGVk"),
        {
            "auction_id": AUCTIONS, "bid_id": FIRSTS, "bidder_id": ALICES, "commitment": "ab" * 32,
            "sealed": "1.c2VhbGVk",
        },
    ),
    "SetMaximum": (
        SetMaximum(AUCTION, FIRST, ALICE, "1.c2VhbGVk"),
        {
            "auction_id": AUCTIONS, "maximum_id": FIRSTS, "bidder_id": ALICES, "sealed": "1.c2VhbGVk",
        },
    ),
    "ClearMaximum": (
        ClearMaximum(AUCTION, ALICE),
        {"auction_id": AUCTIONS, "bidder_id": ALICES},
    ),
    "DeleteBid": (
        DeleteBid(AUCTION, FIRST, ALICE),
        {"auction_id": AUCTIONS, "bid_id": FIRSTS, "bidder_id": ALICES},
    ),
    "BuyNow": (
        BuyNow(AUCTION, FIRST, ALICE),
        {"auction_id": AUCTIONS, "bid_id": FIRSTS, "bidder_id": ALICES},
    ),
    "RemoveBid": (
        RemoveBid(AUCTION, FIRST, "A typing error.", None),
        {"auction_id": AUCTIONS, "bid_id": FIRSTS, "reason": "A typing error.", "removed_by": None},
    ),
    "DoubleBid": (
        DoubleBid(AUCTION, 7, 3),
        {"auction_id": AUCTIONS, "tick": 7, "policy_version": 3},
    ),
    "AnnounceWinner": (AnnounceWinner(AUCTION), {"auction_id": AUCTIONS}),
    "CloseAuctionNow": (
        CloseAuctionNow(AUCTION, "The lamp is broken.", None),
        {"auction_id": AUCTIONS, "reason": "The lamp is broken.", "closed_by": None},
    ),
    "PauseAuction": (
        PauseAuction(AUCTION, "The lamp is broken.", None),
        {"auction_id": AUCTIONS, "reason": "The lamp is broken.", "paused_by": None},
    ),
    "ResumeAuction": (
        ResumeAuction(AUCTION, "It works.", None),
        {"auction_id": AUCTIONS, "reason": "It works.", "resumed_by": None},
    ),
    "ReviseAuction": (
        ReviseAuction(AUCTION, Revision("A lamp", None, None, CLOSING, ()), None),
        {
            "auction_id": AUCTIONS,
            "changes": {"title": "A lamp", "ends_at": "2025-03-01T13:00:00+00:00", "rules": {}},
            "revised_by": None,
        },
    ),
    "CancelAuction": (
        CancelAuction(AUCTION, "The lamp is broken.", None),
        {"auction_id": AUCTIONS, "reason": "The lamp is broken.", "cancelled_by": None},
    ),
    "AnswerOffer": (
        AnswerOffer(AUCTION, ALICE, accept=False),
        {"auction_id": AUCTIONS, "bidder_id": ALICES, "accept": False},
    ),
    "LapseOffer": (LapseOffer(AUCTION, FIRST), {"auction_id": AUCTIONS, "bid_id": FIRSTS}),
    "ForfeitSale": (
        ForfeitSale(AUCTION, FIRST, "Never paid.", None),
        {"auction_id": AUCTIONS, "bid_id": FIRSTS, "reason": "Never paid.", "forfeited_by": None},
    ),
    "WithdrawBids": (
        WithdrawBids(AUCTION, ALICE, ACCEPTED),
        {"auction_id": AUCTIONS, "bidder_id": ALICES, "deletion_accepted_at": THEN},
    ),
    "ChangePolicy": (
        ChangePolicy(AUCTION, Decimal("100.00"), ("by_amount", "newcomers"), ("leader",), ()),
        {
            "auction_id": AUCTIONS, "chance": "100.00", "weight": ["by_amount", "newcomers"],
            "exclude": ["leader"], "limit": [],
        },
    ),
    "WithdrawPolicy": (WithdrawPolicy(None), {"auction_id": None}),
    "CreateUser": (
        CreateUser(ALICE, "alice", None, "argon2$hash", True),
        {
            "user_id": ALICES, "username": "alice", "email": None,
            "password_hash": "argon2$hash", "is_staff": True,
        },
    ),
    "DeleteUser": (DeleteUser(ALICE), {"user_id": ALICES}),
    "BanUser": (
        BanUser(ALICE, BAN, None, "1.sealed", AUCTIONEER),
        {
            "user_id": ALICES, "ban_id": str(BAN), "until": None, "reason": "1.sealed",
            "banned_by": HOUSE,
        },
    ),
    "LimitExposure": (
        LimitExposure(ALICE, BAN, PRICE, "1.sealed", AUCTIONEER),
        {
            "user_id": ALICES, "limit_id": str(BAN), "amount": "120.50", "reason": "1.sealed",
            "limited_by": HOUSE,
        },
    ),
    "LiftExposureLimit": (
        LiftExposureLimit(ALICE, None),
        {"user_id": ALICES, "lifted_by": None},
    ),
    "LiftBan": (
        LiftBan(ALICE, None, AUCTION),
        {"user_id": ALICES, "lifted_by": None, "auction_id": AUCTIONS},
    ),
}  # fmt: skip

AMOUNTS = st.decimals(SMALLEST, LARGEST, places=2)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# Away from the calendar's ends, so that every moment has a form in UTC.
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=OFFSETS)
VALUES: Mapping[object, st.SearchStrategy[Any]] = {
    UUID: st.uuids(),
    UUID | None: st.none() | st.uuids(),
    Decimal: AMOUNTS,
    Decimal | None: st.none() | AMOUNTS,
    datetime: MOMENTS,
    datetime | None: st.none() | MOMENTS,
    str: st.text(),
    str | None: st.none() | st.text(),
    int: st.integers(0, 2**31 - 1),
    int | None: st.none() | st.integers(0, 2**31 - 1),
    bool: st.booleans(),
    NoDoubling: st.sampled_from(NoDoubling),
    tuple[str, ...]: st.lists(st.text()).map(tuple),
    tuple[UUID, ...]: st.lists(st.uuids()).map(tuple),
    tuple[Rule, ...]: rules_of_auctions(SMALLEST),
    Alias | None: st.none() | st.builds(Alias, st.uuids(), st.none() | st.integers(1, 9)),
    Revision: st.builds(
        Revision,
        st.none() | st.text(),
        st.none() | st.text(),
        st.none() | MOMENTS,
        st.none() | MOMENTS,
        st.none() | rules_of_auctions(SMALLEST),
    ),
}


def any_of(kind: type[Message]) -> st.SearchStrategy[Message]:
    """Messages of that kind, with any values its fields can have."""
    values = {name: VALUES[hint] for name, hint in get_type_hints(kind).items()}
    return st.builds(kind, **values)


ANY_EVENT = st.one_of([any_of(kind) for kind in EVENT_TYPES.values()])
ANY_COMMAND = st.one_of([any_of(kind) for kind in COMMAND_TYPES.values()])


def through_json(data: Json) -> Json:
    """As the database gives it back."""
    read: Json = json.loads(json.dumps(data))
    return read


def test_every_event_and_command_there_is_has_its_pinned_name() -> None:
    assert {name: type(event) for name, (event, _) in EVENTS.items()} == EVENT_TYPES
    assert {name: type(command) for name, (command, _) in COMMANDS.items()} == COMMAND_TYPES
    assert set(EVENT_TYPES.values()) == set(get_args(Event))
    assert set(COMMAND_TYPES.values()) == set(get_args(Command))


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_written_under_its_name_in_its_pinned_form_and_read_again(name: str) -> None:
    event, written = EVENTS[name]
    assert (event_name(event), encode(event)) == (name, written)
    assert decode_event(name, CURRENT_SCHEMA.get(name, 1), through_json(written)) == event


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_written_under_its_name_in_its_pinned_form_and_read_again(name: str) -> None:
    command, written = COMMANDS[name]
    assert (command_name(command), encode(command)) == (name, written)
    assert decode_command(name, through_json(written)) == command


@given(ANY_EVENT)
def test_any_event_survives_being_written(event: Event) -> None:
    name = event_name(event)
    read = decode_event(name, CURRENT_SCHEMA.get(name, 1), through_json(encode(event)))
    assert read == event
    assert_plain(read)


@given(ANY_COMMAND)
def test_any_command_survives_being_written(command: Command) -> None:
    read = decode_command(command_name(command), through_json(encode(command)))
    assert read == command
    assert_plain(read)


def assert_plain(message: Event | Command) -> None:
    """Money has two places, times are in UTC, flags are flags."""
    for field in fields(message):
        value = getattr(message, field.name)
        if isinstance(value, Decimal):
            assert value.as_tuple().exponent == -2
        if isinstance(value, datetime):
            assert value.tzinfo is UTC
        if field.name in {"doubled", "is_staff"}:
            assert isinstance(value, bool)


@pytest.mark.parametrize("text", ["0.01", "0.10", "1.00", "100.00", "9999999999.99"])
def test_money_keeps_its_two_places(text: str) -> None:
    written = encode(BidPlaced(FIRST, ALICE, Decimal(text), ACCEPTED))
    assert written["amount"] == text
    read = decode_event("BidPlaced", 1, written)
    assert isinstance(read, BidPlaced)
    assert str(read.amount) == text


def test_a_time_from_elsewhere_is_written_in_utc() -> None:
    elsewhere = ACCEPTED.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert encode(BidPlaced(FIRST, ALICE, PRICE, elsewhere))["placed_at"] == THEN


def test_a_float_has_no_written_form() -> None:
    bid = replace(BidPlaced(FIRST, ALICE, PRICE, ACCEPTED), amount=cast(Decimal, 120.5))
    with pytest.raises(TypeError):
        encode(bid)


@pytest.mark.parametrize("name", ["", "bidplaced", "BidRaised", "PlaceBid"])
def test_an_unknown_event_is_an_error(name: str) -> None:
    with pytest.raises(KeyError):
        decode_event(name, 1, EVENTS["BidPlaced"][1])


@pytest.mark.parametrize("name", ["", "placebid", "RaiseBid", "BidPlaced"])
def test_an_unknown_command_is_an_error(name: str) -> None:
    with pytest.raises(KeyError):
        decode_command(name, COMMANDS["PlaceBid"][1])


def test_a_nonce_is_written_only_where_there_is_one() -> None:
    """So bids without one, and those from before there were any, have the form they always had."""
    without = BidPlaced(FIRST, ALICE, PRICE, ACCEPTED)
    assert encode(replace(without, nonce="n1")) == encode(without) | {"nonce": "n1"}
    assert decode_event("BidPlaced", 1, encode(without) | {"nonce": "n1"}) == replace(
        without, nonce="n1"
    )
    assert decode_command("PlaceBid", COMMANDS["PlaceBid"][1] | {"nonce": "n1"}) == PlaceBid(
        AUCTION, FIRST, ALICE, PRICE, "n1"
    )


def test_a_draw_from_before_draws_were_numbered_has_number_0() -> None:
    written = {name: value for name, value in EVENTS["BidDoubled"][1].items() if name != "draw"}
    assert decode_event("BidDoubled", 2, written) == BidDoubled(
        FIRST, ALICE, TWICE, 7, 3, 2, 5, (ALICE,)
    )


def test_a_draw_that_did_not_happen_takes_little_room() -> None:
    written = encode(NothingDrawn(7, 3, NoDoubling.CHANCE, 4))
    assert written == {"tick": 7, "policy_version": 3, "reason": "CHANCE", "draw": 4}


def test_a_commitment_from_before_it_named_the_policies_is_read() -> None:
    written = {"number": 7, "commitment": "ab" * 32}
    assert decode_event("TickCommitted", 1, written) == TickCommitted(7, "ab" * 32)


def test_a_default_that_was_written_once_is_read() -> None:
    assert decode_event("TickMade", 1, {"draws": None}) == TickMade()
    assert decode_event("TickMade", 1, {"draws": 3}) == TickMade(3)


def test_a_form_older_than_the_first_is_an_error() -> None:
    with pytest.raises(KeyError):
        decode_event("BidPlaced", 0, EVENTS["BidPlaced"][1])


def test_a_form_newer_than_the_present_one_is_an_error() -> None:
    with pytest.raises(KeyError):
        decode_event("BidPlaced", 2, EVENTS["BidPlaced"][1])


@pytest.mark.parametrize("field", ["bid_id", "bidder_id", "amount", "placed_at"])
def test_a_missing_field_is_an_error(field: str) -> None:
    written = {name: value for name, value in EVENTS["BidPlaced"][1].items() if name != field}
    with pytest.raises(KeyError):
        decode_event("BidPlaced", 1, written)


def test_an_old_form_is_brought_up_step_by_step() -> None:
    def priced(data: dict[str, Any]) -> dict[str, Any]:
        return {"amount": data["price"]}

    def in_cents(data: dict[str, Any]) -> dict[str, Any]:
        return {"cents": data["amount"].replace(".", "")}

    steps = {("BidPlaced", 1): priced, ("BidPlaced", 2): in_cents}
    current = {"BidPlaced": 3}
    forms = [{"price": "1.20"}, {"amount": "1.20"}, {"cents": "120"}]
    for version, form in enumerate(forms, 1):
        brought = upcast("BidPlaced", version, form, current=current, upcasters=steps)
        assert brought == {"cents": "120"}
    with pytest.raises(KeyError):
        upcast("BidPlaced", 1, forms[0], current=current, upcasters={("BidPlaced", 1): priced})


def test_there_is_one_way_to_write_an_object_for_hashing() -> None:
    assert (
        canonical({"b": [1, None, True], "a": "schön"})
        == '{"a":"schön","b":[1,null,true]}'.encode()
    )


def test_a_draw_from_before_the_house_committed_to_its_draws_is_read_as_of_tick_0() -> None:
    written = {"bid_id": FIRSTS, "bidder_id": ALICES, "effective_amount": "241.00", "tick": 7}
    assert decode_event("BidDoubled", 1, written) == BidDoubled(FIRST, ALICE, TWICE, 0, 0, 0, 0, ())


def test_a_deletion_from_before_it_said_why_is_read_without_a_reason() -> None:
    written = {"bid_id": FIRSTS, "bidder_id": ALICES}
    assert decode_event("BidDeleted", 1, written) == BidDeleted(FIRST, ALICE, None)


def test_a_winner_who_pays_their_own_amount_is_written_as_before_there_were_prices() -> None:
    won = WinnerAnnounced(FIRST, ALICE, PRICE, PRICE, False, ACCEPTED)
    assert "price" not in encode(won)
    assert encode(replace(won, price=Decimal("100.00")))["price"] == "100.00"
