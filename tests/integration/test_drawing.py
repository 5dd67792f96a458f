"""Draws by one statement in Postgres hit what the domain's hit, with the same weights, to the last digit."""

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.domain.bids import Bid
from commands.domain.promoter import (
    EXCLUSIONS,
    HALF_VALUES,
    LIMITS,
    WEIGHTS,
    BidsInDraw,
    Drawn,
    Policy,
    Promoter,
)
from commands.ids import new_id
from commands.postgres import drawing
from commands.postgres.connections import Pool, SyncConnection

SIGN_UP = """
INSERT INTO users (id, username, password, is_staff, version, created_at)
VALUES (%s, %s, '', false, 1, clock_timestamp())
"""
OPEN = """
INSERT INTO auctions (id, version, title, description, starts_at, ends_at, closed)
VALUES (%s, 1, '', '', clock_timestamp(), clock_timestamp() + interval '1 h', false)
"""
NAMES = [each.name for each in fields(Bid)]
BID = f"""
INSERT INTO bids (auction_id, {", ".join(NAMES)})
VALUES (%(auction)s, {", ".join(f"%({name})s" for name in NAMES)})
"""
THEN = datetime(2025, 3, 1, tzinfo=UTC)
BIDDERS = 5
LARGEST = Decimal("9999999999.99")
# At most so many auctions in one statement.
AUCTIONS = 3
SHOWN = 4
MANY_BIDDERS, MANY_BIDS = 300, 3000


@dataclass(frozen=True, slots=True)
class Offer:
    """A bid to come: by which bidder, what, and what becomes of it."""

    bidder: int
    amount: Decimal
    doubled: bool
    deleted: bool
    gap: int


OFFERS = st.lists(
    st.builds(
        Offer,
        bidder=st.integers(0, BIDDERS - 1),
        amount=st.one_of(
            st.sampled_from([Decimal("1.00"), Decimal("2.00"), Decimal("0.01"), LARGEST]),
            st.decimals("0.01", LARGEST, places=2),
        ),
        doubled=st.booleans(),
        deleted=st.booleans(),
        gap=st.integers(1, 4),
    ),
    max_size=14,
)


def terms(limits: dict[str, int]) -> tuple[str, ...]:
    """The limits as a policy has them."""
    return tuple(f"{name}:{most}" for name, most in limits.items())


POLICIES = st.builds(
    Policy,
    weight=st.lists(st.sampled_from(list(WEIGHTS)), min_size=1, unique=True).map(tuple),
    exclude=st.lists(st.sampled_from(list(EXCLUSIONS)), unique=True).map(tuple),
    limit=st.dictionaries(st.sampled_from(list(LIMITS)), st.integers(0, 4)).map(terms),
)
# Of fourteen bids with all that becomes of them the last is at most at the 85th.
VERSION = st.one_of(st.integers(1, 60), st.just(85))
LOT = st.one_of(st.sampled_from([0, HALF_VALUES - 1]), st.integers(0, HALF_VALUES - 1))


def bids_of(offers: list[Offer], bidders: list[UUID]) -> list[Bid]:
    """The bids as rows hold them; each was placed, doubled and deleted at a version of its own."""
    bids, version = list[Bid](), 1
    for offer in offers:
        version += offer.gap
        bids.append(
            Bid(
                new_id(), bidders[offer.bidder], offer.amount, offer.amount, THEN, version, version
            )
        )  # fmt: skip
    for place, offer in enumerate(offers):
        if offer.doubled:
            version += 1
            twice = replace(
                bids[place],
                effective_amount=offer.amount * 2,
                reached_version=version,
                doubled=True,
            )
            bids[place] = twice
    for place, offer in enumerate(offers):
        if offer.deleted:
            version += 1
            bids[place] = replace(bids[place], deleted=True, deleted_version=version)
    return bids


def at(bids: list[Bid], version: int) -> list[Bid]:
    """The bids as they were at that version."""
    return [_bid_at(bid, version) for bid in bids if bid.placed_version <= version]


def _bid_at(bid: Bid, version: int) -> Bid:
    if bid.deleted_version and bid.deleted_version > version:
        bid = replace(bid, deleted=False, deleted_version=None)
    if bid.doubled and bid.reached_version > version:
        placed = bid.placed_version
        bid = replace(bid, effective_amount=bid.amount, reached_version=placed, doubled=False)
    return bid


def write(connection: SyncConnection, auction_id: UUID, bids: list[Bid]) -> None:
    connection.execute(OPEN, (auction_id,))
    for bid in bids:
        values = {name: getattr(bid, name) for name in NAMES}
        connection.execute(BID, {"auction": auction_id, **values})


def by_the_domain(promoter: Promoter, among: BidsInDraw) -> list[Drawn]:
    """The leading bids, each with its weight and that of all."""
    weights = {bid.id: weight for bid, weight in promoter.weights(among)}
    ranked = sorted(among.live, key=lambda bid: bid.rank)[:SHOWN]
    return [Drawn(bid, weights.get(bid.id, 0), sum(weights.values())) for bid in ranked]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(OFFERS, LOT, VERSION), min_size=1, max_size=AUCTIONS),
    POLICIES,
    st.sets(st.integers(0, BIDDERS - 1), max_size=2),
    st.sampled_from([1, 3, 7, 1000]),
)
def test_a_draw_in_sql_is_the_domains(
    pool: Pool,
    given: list[tuple[list[Offer], int, int]],
    policy: Policy,
    staff: set[int],
    size: int,
) -> None:
    bidders = [new_id() for _ in range(BIDDERS)]
    insiders = frozenset(bidders[place] for place in staff)
    promoter, expected, lots = Promoter.of(policy), {}, {}
    with (
        pytest.MonkeyPatch.context() as patch,
        pool.connection() as connection,
        connection.transaction(force_rollback=True),
    ):
        patch.setattr(drawing, "BLOCK", size)
        for bidder in bidders:
            connection.execute(SIGN_UP, (bidder, f"u{bidder.hex[-20:]}"))
        for offers, lot, version in given:
            auction_id, bids = new_id(), bids_of(offers, bidders)
            write(connection, auction_id, bids)
            lots[auction_id] = drawing.Lot(lot, version)
            seed = bytes(16) + lot.to_bytes(16)
            weighed = drawing.weigh_leading(connection, policy, auction_id, insiders, SHOWN)
            assert weighed == by_the_domain(promoter, BidsInDraw(tuple(bids), insiders))
            if drawn := promoter.draw(BidsInDraw(tuple(at(bids, version)), insiders), seed):
                expected[auction_id] = drawn
        assert drawing.draw_bids(connection, policy, lots, insiders) == expected


class _Explaining:
    """A connection that also has each statement explained; `most` is the most rows that any step went through."""

    def __init__(self, connection: SyncConnection) -> None:
        self._connection, self.most = connection, 0

    def execute(self, statement: str, parameters: dict[str, object]) -> object:
        explained = self._connection.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters
        ).fetchone()
        assert explained
        self._look(explained["QUERY PLAN"][0]["Plan"])
        return self._connection.execute(statement, parameters)

    def _look(self, step: dict[str, Any]) -> None:
        kept_and_not = step["Actual Rows"] + step.get("Rows Removed by Join Filter", 0)
        self.most = max(self.most, int(kept_and_not * step["Actual Loops"]))
        for below in step.get("Plans", ()):
            self._look(below)


def test_a_draw_by_all_options_goes_through_the_bids_not_bidder_by_bidder(pool: Pool) -> None:
    auction_id, bidders = new_id(), [new_id() for _ in range(MANY_BIDDERS)]
    policy = Policy(
        Decimal("100.00"),
        tuple(WEIGHTS),
        tuple(EXCLUSIONS),
        ("per_auction:999999", "per_bidder:999999"),
    )
    # Each bidder's last bid counts most; one of the first ones was doubled.
    offers = [
        Offer(place % MANY_BIDDERS, Decimal(place + 1), doubled=place == 7, deleted=False, gap=1)
        for place in range(MANY_BIDS)
    ]
    bids = bids_of(offers, bidders)
    with pool.connection() as connection, connection.transaction(force_rollback=True):
        for bidder in bidders:
            connection.execute(SIGN_UP, (bidder, f"u{bidder.hex[-20:]}"))
        write(connection, auction_id, bids)
        connection.execute("ANALYZE auctions, bids")
        explaining = _Explaining(connection)
        lots = {auction_id: drawing.Lot(HALF_VALUES // 2, bids[-1].placed_version)}
        [drawn] = drawing.draw_bids(
            cast(SyncConnection, explaining), policy, lots, frozenset()
        ).values()
    seed = bytes(16) + (HALF_VALUES // 2).to_bytes(16)
    assert drawn == Promoter.of(policy).draw(BidsInDraw(tuple(bids), frozenset()), seed)
    assert explaining.most < 3 * MANY_BIDS


def test_every_option_has_its_sql() -> None:
    assert drawing.WEIGHTS.keys() == WEIGHTS.keys()
    assert drawing.EXCLUSIONS.keys() == EXCLUSIONS.keys()
    assert drawing.LIMITS.keys() == LIMITS.keys()
