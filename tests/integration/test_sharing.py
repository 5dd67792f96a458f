"""What may be executed once for many readers: decided by what fields declare, never by oversight."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from graphql import (
    ExecutionResult,
    Executor,
    GraphQLObjectType,
    execute_subscription_event,
    get_named_type,
    is_interface_type,
    is_object_type,
    parse,
)

from commands.domain import events
from commands.ids import new_id
from commands.postgres.connections import PoolWithTimeout, new_async_pool
from commands.postgres.sessions import Claim, end, open_session
from commands.streams import RecordedEvent, Stream
from portal.schema import schema
from portal.schema.events import auction_event
from portal.schema.following.feeds import NoReader
from portal.schema.following.selections import event_writers
from portal.schema.public import asked, of_the_reader, strawberry_field
from portal.signin.sessions import SessionChecks
from tests.integration.in_process import InProcessPortal
from tests.integration.test_sessions import LIFETIMES

GRAPHQL = schema._schema
FOLLOWED = ("auctionUpdated", "auctionsUpdated", "auctionEvents")


def of_reader(query: str, name: str | None = None) -> bool:
    return asked(GRAPHQL, query, name).of_the_reader


def reachable(type_: GraphQLObjectType, seen: set[str]) -> Iterator[tuple[str, Any]]:
    """Every field below an object, as "Type.field"."""
    if type_.name in seen:
        return
    seen.add(type_.name)
    for name, field in type_.fields.items():
        yield f"{type_.name}.{name}", field
        below = get_named_type(field.type)
        for each in [below] if is_object_type(below) else []:
            yield from reachable(each, seen)


def test_every_field_with_a_resolver_is_the_readers_own_unless_it_is_declared_public() -> None:
    seen: set[str] = set()
    interface, auction = GRAPHQL.type_map["AuctionEvent"], GRAPHQL.type_map["Auction"]
    assert is_interface_type(interface)
    assert is_object_type(auction)
    roots = [auction, *GRAPHQL.get_possible_types(interface)]
    fields = dict(pair for root in roots for pair in reachable(root, seen))
    resolved = {
        name
        for name, field in fields.items()
        if (declared := strawberry_field(field)) and declared.base_resolver
    }
    own = {name for name, field in fields.items() if of_the_reader(field)}
    assert own == {
        *("Auction.myBids", "Auction.myBidsConnection", "Auction.mySealedBid", "Auction.watched"),
        *("Auction.me", "Auction.aliases", "Auction.myMaximum"),
    }
    # Whoever adds one has thought about who reads it.
    declared_public = {
        "Auction.bids",
        "Auction.buyNowPrice",
        "Auction.nextBids",
        "Auction.rules",
        "Auction.whyWinner",
        "BidDraw.beaconRound",
        "WhyWinner.leads",
    }
    assert resolved - own == declared_public


@pytest.mark.parametrize(
    ("query", "own"),
    [
        ("subscription { auctionUpdated(id: 1) { id bids { edges { node { id } } } } }", False),
        ("subscription { auctionUpdated(id: 1) { id myBids { id } } }", True),
        ("subscription { auctionUpdated(id: 1) { ...A } } fragment A on Auction { ...B } "
         "fragment B on Auction { myBidsConnection { edges { node { id } } } }", True),
        ("subscription { auctionsUpdated { ... on Auction { mine: myBids { id } } } }", True),
        ("subscription { ...R } fragment R on Subscription { auctionsUpdated { myBids { id } } }", True),
        ("subscription { auctionUpdated(id: 1) { myBids @include(if: false) { id } } }", True),
        ("subscription { auctionEvents(id: 1) { __typename version ... on BidPlaced { bid { id } } } }", False),
    ],
)  # fmt: skip
def test_an_operation_is_the_readers_own_if_any_field_of_it_is(query: str, own: bool) -> None:
    assert of_reader(query) is own


def test_only_the_named_operation_counts_and_where_one_begins_does_not() -> None:
    query = """subscription A($id: UUID!, $n: Int, $after: Int) {
      auctionUpdated(id: $id) { bids(first: $n) { edges { node { id } } } } }
    subscription B($id: UUID!, $on: Boolean!) { auctionUpdated(id: $id) { myBids @skip(if: $on) { id } } }
    subscription C($id: UUID!, $after: Int) { auctionEvents(id: $id, afterVersion: $after) { version } }"""
    found = {name: asked(GRAPHQL, query, name) for name in "ABC"}
    assert [found[name].of_the_reader for name in "ABC"] == [False, True, False]
    assert [found[name].variables for name in "ABC"] == [{"n"}, {"on"}, set()]


async def test_a_shared_execution_has_no_reader() -> None:
    context = NoReader(None, new_id(), "Bearer somebody's", over_websocket=True, address=None)  # type: ignore[arg-type]
    for asking in (context.viewer_or_none, context.reader_or_none, context.viewer):
        with pytest.raises(AssertionError, match="PUBLIC"):
            await asking()
    with pytest.raises(AssertionError, match="PUBLIC"):
        context.claimed_viewer()


AUCTION, ALICE, BID = new_id(), new_id(), new_id()
NOW = datetime(2030, 1, 31, 18, 0, 0, 123456, tzinfo=UTC)
HAPPENED: tuple[events.AuctionEvent, ...] = (
    events.AuctionCreated(AUCTION, 'A "clock" ☃', "", NOW, NOW, None),
    events.BidPlaced(BID, ALICE, Decimal("120.50"), NOW),
    events.BidPlaced(BID, ALICE, Decimal("120.50"), NOW, 'a"nonce'),
    events.BidDoubled(BID, ALICE, Decimal("241.00"), 3, 2, 1, 3, ()),
    events.BidDeleted(BID, ALICE),
    events.BidRemoved(BID, ALICE, 'A "flood" ☃', None),
    events.WinnerAnnounced(BID, ALICE, Decimal("120.50"), Decimal("241.00"), True, NOW),
    events.AuctionEndedUnsold(),
    events.BoughtNow(NOW, BID),
    events.AuctionClosedEarly(NOW, 'A "flood" ☃', None),
    events.AuctionCancelled('A "flood" ☃', None),
)
DOCUMENTS = (
    'subscription { e: auctionEvents(id: "01890a5d-ac96-774b-bcce-b302099a8057") { __typename version recordedAt hash auctionId } }',
    'subscription { auctionEvents(id: "01890a5d-ac96-774b-bcce-b302099a8057") { v: version ...P ... on AuctionCreated { title startsAt endsAt } } } '
    "fragment P on BidPlaced { kind: __typename nonce bid { id amount bidder { username } } "
    "bid { effectiveAmount bidder { id username __typename } doubled deleted placedAt } }",
    'subscription ($on: Boolean!) { auctionEvents(id: "01890a5d-ac96-774b-bcce-b302099a8057") { hash @skip(if: $on) ... @include(if: $on) '
    "{ version } ... on BidDoubled { bidId effectiveAmount tick policyVersion chance } } }",
)


@pytest.mark.parametrize("query", DOCUMENTS)
@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("names", [{ALICE: "alice"}, {}])
def test_events_are_written_as_the_graphql_library_would(
    query: str, on: bool, names: dict[Any, str]
) -> None:
    executor: Executor[Any] = Executor.build(  # type: ignore[assignment]
        GRAPHQL, parse(query), raw_variable_values={"on": on}
    )
    write = event_writers(executor)
    for version, happened in enumerate(HAPPENED, 1):
        recorded = RecordedEvent(
            Stream("auction", AUCTION), version, happened, new_id(), new_id(), NOW, b"\1" * 32
        )
        event = auction_event(recorded, names)
        expected = execute_subscription_event(executor.build_per_event_executor(event))
        assert isinstance(expected, ExecutionResult)
        assert expected.errors is None
        written = write[type(event).__name__](event)
        assert written == expected.data
        assert json.dumps(written) == json.dumps(expected.data), "in the same order"


def test_every_field_of_an_event_can_be_written_without_an_execution() -> None:
    def selection(type_: GraphQLObjectType) -> str:
        fields = (
            f"{name} {selection(below) if is_object_type(below := get_named_type(field.type)) else ''}"
            for name, field in type_.fields.items()
        )
        return f"{{ {' '.join(fields)} }}"

    interface = GRAPHQL.type_map["AuctionEvent"]
    for each in GRAPHQL.get_possible_types(interface):  # type: ignore[arg-type]
        query = (
            f"subscription {{ auctionEvents(id: 1) {{ ... on {each.name} {selection(each)} }} }}"
        )
        event_writers(Executor.build(GRAPHQL, parse(query)))  # type: ignore[arg-type]


class CountingPool(PoolWithTimeout):
    """The web process's pool; counts how often a connection was asked for."""

    used = 0

    def connection(self, timeout: float | None = None) -> Any:
        """As the pool's."""
        self.used += 1
        return super().connection(timeout)


async def test_sessions_that_are_asked_for_at_the_same_time_are_checked_together(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.postgres.connections.PoolWithTimeout", CountingPool)
    alice, bob = in_process.user(), in_process.user()
    sessions = [new_id() for _ in range(200)]
    async with new_async_pool() as pool:
        assert isinstance(pool, CountingPool)
        async with pool.connection() as connection:
            for each in sessions[:50]:
                assert await open_session(connection, each, alice, "!", b"seed", LIFETIMES)
        checks = SessionChecks(pool)
        claims = [Claim(each, alice) for each in sessions] + [Claim(each, bob) for each in sessions]
        before = pool.used
        owners = await asyncio.gather(*map(checks.owner_of, claims))
        assert [owner and owner.id for owner in owners] == [alice] * 50 + [None] * 350
        assert pool.used - before == 1
        async with pool.connection() as connection:
            assert await end(connection, sessions[0])
        assert await checks.owner_of(claims[0]) is None
        assert await checks.owner_of(claims[1])


async def test_an_ended_session_is_found_even_while_others_are_being_checked(
    in_process: InProcessPortal,
) -> None:
    alice, session = in_process.user(), new_id()
    async with new_async_pool() as pool:
        async with pool.connection() as connection:
            assert await open_session(connection, session, alice, "!", b"seed", LIFETIMES)
        checks = SessionChecks(pool)
        asked_before = asyncio.create_task(checks.owner_of(Claim(session, alice)))
        await asyncio.sleep(0)
        async with pool.connection() as connection:
            assert await end(connection, session)
        assert await checks.owner_of(Claim(session, alice)) is None
        await asked_before
