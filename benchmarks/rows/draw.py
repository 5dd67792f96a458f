"""A draw of the promoter on an auction with a million bids, and how long a bid behind it waits."""

from datetime import timedelta
from decimal import Decimal
from time import perf_counter

from benchmarks.bids import Bids
from benchmarks.harness import Bench, Curve, Samples
from commands.domain.commands import ChangePolicy
from commands.domain.promoter import EXCLUSIONS, WEIGHTS
from commands.handling.drain import drain_batch
from commands.inbox.requests import POLICIES
from commands.promoter import rounds
from commands.streams import Stream
from commands.wiring import pool

BIDDERS = 1000
# A draw needs the bids' rows, and of the events the last one's hash.
PAST = """
WITH bid AS (
    INSERT INTO bids (id, auction_id, bidder_id, amount, effective_amount, placed_at,
                      placed_version, reached_version, doubled, deleted)
    SELECT gen_random_uuid(), %(auction)s, (%(bidders)s::uuid[])[1 + n %% %(people)s],
           (n / 1000 + 1) / 100.0, (n / 1000 + 1) / 100.0, clock_timestamp(), n + 1, n + 1,
           n %% 1000 = 0, false
    FROM generate_series(1, %(count)s) AS n
), event AS (
    INSERT INTO events (stream_kind, stream_id, version, type, schema_version, data, causation_id,
                        correlation_id, recorded_at, hash)
    SELECT 'auction', %(auction)s, %(count)s + 1, 'BidPlaced', 1, '{}', gen_random_uuid(),
           gen_random_uuid(), clock_timestamp(), sha256('past')
)
UPDATE auctions SET version = %(count)s + 1 WHERE id = %(auction)s
"""
EVERY_OPTION = {
    "each bid the same": ChangePolicy(None, Decimal("100.00"), ("constant",), (), ()),
    "all options": ChangePolicy(
        None, Decimal("100.00"), tuple(WEIGHTS), tuple(EXCLUSIONS),
        ("per_auction:999999", "per_bidder:999999"),
    ),
}  # fmt: skip


def measure(bench: Bench) -> None:
    """Tick after tick, each auction's draw and a bid behind it handled by themselves."""
    bids = Bids(pool(), BIDDERS)
    sizes = [bench.size(1000, 10), bench.size(100_000, 100), bench.size(1_000_000, 1000)]
    auctions = bids.auctions(len(sizes))
    for auction, size in zip(auctions, sizes, strict=True):
        bench.say(f"filling an auction with {size:,} bids")
        _fill(bids, auction, size)
    for name, policy in EVERY_OPTION.items():
        assert bids.in_process.settled(POLICIES, policy).version
        found = _rounds(bench, bids, auctions, sizes, name)
        bench.compare(
            found[-1], found[0], "s", note="under 1 s: so long a bid behind the draw waits for it"
        )
        points = [
            (float(size), each.median * 1000) for size, each in zip(sizes, found, strict=True)
        ]
        bench.curve(Curve("A draw among an auction's bids", name, "bids", "ms", points))


def _rounds(
    bench: Bench, bids: Bids, auctions: list[Stream], sizes: list[int], name: str
) -> list[Samples]:
    values: list[list[float]] = [[] for _ in auctions]
    for repetition in range(bench.repetitions + (not bench.quick)):
        rounds.run_promoter(bids.pool, timedelta(0))
        bids.waiting(auctions, len(auctions))
        for auction, each in zip(auctions, values, strict=True):
            taken = _settle(bids, auction)
            if repetition or bench.quick:
                each.append(taken)
    return [
        Samples(f"a draw among {size:,} bids, {name}", each)
        for size, each in zip(sizes, values, strict=True)
    ]


def _settle(bids: Bids, auction: Stream) -> float:
    """Seconds until the draw and the bid behind it are settled."""
    started = perf_counter()
    draw = drain_batch([auction], bids.pool)
    bid = drain_batch([auction], bids.pool)
    taken = perf_counter() - started
    assert [outcome.job.command for outcome in draw.outcomes] == ["DoubleBid"]
    assert [outcome.job.command for outcome in bid.outcomes] == ["PlaceBid"]
    assert draw.recorded, "all options leave bids to be drawn"
    return taken


def _fill(bids: Bids, auction: Stream, count: int) -> None:
    with bids.pool.connection() as connection, connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0")
        parameters = {
            "auction": auction.id,
            "bidders": bids.bidders,
            "people": len(bids.bidders),
            "count": count,
        }
        connection.execute(PAST, parameters)
        connection.execute("ANALYZE bids, events, auctions, jobs")
