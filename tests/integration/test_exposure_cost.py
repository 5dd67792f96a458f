"""What a bid of a user with a limit costs: it grows neither with what they did in their life nor with what they bid in one auction."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from commands.postgres.connections import Pool
from commands.postgres.exposure import STAKES
from commands.streams import Stream
from tests.integration.in_process import InProcessPortal
from tests.integration.limiting import asked, limit, used

# In how many auctions the user ever bid, of which so many are open; and how many live bids they have in one of these.
LIFE, OPEN, LIVE = 10_000, 20, 5_000
LIVED = """
WITH lived AS (
    INSERT INTO auctions (id, version, title, description, starts_at, ends_at, closed, draws, last_tick)
    SELECT gen_random_uuid(), 1000000, 'Lot', '', now() - interval '1 day', now() + interval '1 day', n > %(open)s,
        0, 0
    FROM generate_series(1, %(life)s) AS n RETURNING id, closed
), first AS (
    SELECT id, closed, row_number() OVER (PARTITION BY closed ORDER BY id) AS place FROM lived
)
INSERT INTO bids (id, auction_id, bidder_id, amount, effective_amount, placed_at, placed_version, reached_version,
                  doubled, deleted)
SELECT gen_random_uuid(), first.id, who.id, n, n, now(), n, n, false, false
FROM first CROSS JOIN generate_series(1, CASE WHEN NOT closed AND place = 1 THEN %(live)s ELSE 1 END) AS n
CROSS JOIN (SELECT %(user)s::uuid AS id UNION ALL SELECT gen_random_uuid() FROM generate_series(1, 3)) AS who
"""


@pytest.fixture
def busy(in_process: InProcessPortal) -> UUID:
    """A user with a limit who has bid much."""
    user_id = in_process.user()
    with in_process.pool.connection() as connection:
        values = {"user": user_id, "life": LIFE, "open": OPEN, "live": LIVE}
        connection.execute(LIVED, values)
        connection.execute("ANALYZE auctions, bids")
    limit(in_process, user_id, str(LIVE + OPEN))
    return user_id


def test_a_bid_looks_at_what_is_open_and_at_one_bid_there(
    in_process: InProcessPortal, busy: UUID, pool: Pool
) -> None:
    assert used(in_process, busy) == LIVE + OPEN - 1
    here: Stream = in_process.auction()
    assert asked(in_process, here, busy, "1.00") is None
    assert asked(in_process, here, busy, "1.01") == "OVER_LIMIT"
    with pool.connection() as connection:
        row = connection.execute(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {STAKES}", ([busy],)
        ).fetchone()
    assert row
    plan = row["QUERY PLAN"][0]["Plan"]
    scans = list(scanned(plan))
    assert not [
        each
        for each in scans
        if each["Relation Name"] in ("auctions", "bids") and each["Node Type"] == "Seq Scan"
    ]
    # The stake, its auction, and twice the highest bid there.
    assert sum(map(looked_at, scans)) <= 4 * (OPEN + 1), json.dumps(plan)
    # Of each of these a few pages of an index and of its table.
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= 15 * (OPEN + 1), json.dumps(
        plan
    )
    assert used(in_process, busy) == Decimal(LIVE + OPEN)


def looked_at(scan: dict[str, Any]) -> float:
    """How many rows it gave or passed over."""
    rows: float = scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)
    loops: float = scan["Actual Loops"]
    return rows * loops


def scanned(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The scans of tables in a plan."""
    if "Relation Name" in plan:
        yield plan
    for each in plan.get("Plans", ()):
        yield from scanned(each)
