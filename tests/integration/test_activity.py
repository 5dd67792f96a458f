"""The reader's own auctions: what each is to them, page by page, at a cost that what they did before doesn't raise."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, cast
from uuid import UUID

import pytest
import pytest_asyncio

from commands.domain.commands import AnnounceWinner, CancelAuction
from commands.ids import new_id
from commands.postgres.activity import NEWEST, STANDINGS, standings
from commands.postgres.connections import AsyncPool, Pool, new_async_pool
from notifications.postgres.watches import watch
from portal.schema.activity import own_auctions
from portal.schema.enums import Standing
from portal.web.runtime import Runtime
from tests.integration.in_process import SHORTLY, InProcessPortal

MANY = 10_000
# Two bids in each of them, the other bidder's the higher one in every tenth.
FILL = """
WITH made AS (
    INSERT INTO auctions (id, version, title, description, starts_at, ends_at, closed)
    SELECT uuidv7(), 2, 'mine', '', now(), now() + interval '1 hour', false
    FROM generate_series(1, %(many)s) RETURNING id
), numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM made)
INSERT INTO bids (id, auction_id, bidder_id, amount, effective_amount, placed_at, placed_version,
                  reached_version, doubled, deleted)
SELECT gen_random_uuid(), id, bidder, amount, amount, now(), 2, 2, false, false
FROM numbered CROSS JOIN LATERAL (
    VALUES (%(user)s, 5), (%(other)s, CASE WHEN n %% 10 = 0 THEN 6 ELSE 4 END)
) AS bid (bidder, amount)
"""


class OnlyPool:
    """What of a web process's runtime is needed here."""

    def __init__(self, pool: AsyncPool) -> None:
        self.pool = pool


@pytest_asyncio.fixture
async def web() -> AsyncIterator[AsyncPool]:
    """A web process's connections."""
    pool = new_async_pool()
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
def busy(pool: Pool) -> Iterator[UUID]:
    """A user with bids in ten thousand open auctions."""
    user, other = new_id(), new_id()
    with pool.connection() as connection:
        for each in (user, other):
            connection.execute(
                "INSERT INTO users (id, username, password, is_staff, version, created_at) "
                "VALUES (%s, %s, '!', false, 1, now())",
                (each, f"u{each.hex[-20:]}"),
            )
        connection.execute(FILL, {"many": MANY, "user": user, "other": other})
        connection.execute("ANALYZE auctions, bids")
    yield user
    with pool.connection() as connection:
        connection.execute("DELETE FROM bids WHERE bidder_id IN (%s, %s)", (user, other))
        connection.execute("DELETE FROM auctions WHERE title = 'mine'")


async def listed(web: AsyncPool, user: UUID, standing: Standing, limit: int = 100) -> list[UUID]:
    """All of the user's auctions that stand so, page by page."""
    runtime = cast(Runtime, OnlyPool(web))
    ids: list[UUID] = []
    before = None
    while True:
        page = await own_auctions(runtime, user, standing, limit, before)
        ids += page.ids
        if page.rest is None and len(page.ids) < limit:
            return ids
        before = page.rest or page.ids[-1]


async def test_each_auction_is_where_it_belongs(
    in_process: InProcessPortal, web: AsyncPool
) -> None:
    alice, bob = in_process.user(), in_process.user()
    leading, outbid, left, watched, gone = (in_process.auction() for _ in range(5))
    won, lost = in_process.auction(0.05), in_process.auction(0.05)
    # In these two what is bid was accepted in time, however late it is handled.
    at = {auction: in_process.over(auction) - SHORTLY for auction in (won, lost)}
    for auction, bidders in (
        (leading, (bob, alice)),
        (outbid, (alice, bob)),
        (won, (bob, alice)),
        (lost, (alice, bob)),
    ):
        for amount, bidder in enumerate(bidders, 1):
            in_process.bid(auction, bidder, f"{amount}.00", at=at.get(auction))
    in_process.bid(gone, alice, "1.00")
    in_process.settled(gone, CancelAuction(gone.id, "Stolen from its owner", None))
    in_process.delete(left, alice, in_process.bid(left, alice, "1.00"))
    assert await watch(web, alice, watched.id)
    assert await watch(web, alice, leading.id)
    assert await listed(web, alice, Standing.LEADING) == [won.id, leading.id]
    for auction in (won, lost):
        in_process.settled(auction, AnnounceWinner(auction.id))
    expected = {
        Standing.LEADING: [leading.id],
        Standing.OUTBID: [outbid.id],
        Standing.WON: [won.id],
        Standing.LOST: [lost.id],
        Standing.CANCELLED: [gone.id],
        Standing.WATCHING: [watched.id, leading.id],
    }
    for standing, ids in expected.items():
        assert await listed(web, alice, standing) == ids, standing
        assert await listed(web, alice, standing, limit=1) == ids, standing
    assert await listed(web, new_id(), Standing.WON) == []


async def test_pages_lead_on_to_the_last_of_ten_thousand(busy: UUID, web: AsyncPool) -> None:
    outbid = await listed(web, busy, Standing.OUTBID)
    leading = await listed(web, busy, Standing.LEADING, limit=21)
    assert (len(outbid), len(leading)) == (MANY // 10, MANY - MANY // 10)
    assert outbid == sorted(outbid, reverse=True)
    assert not set(outbid) & set(leading)
    runtime = cast(Runtime, OnlyPool(web))
    page = await own_auctions(runtime, busy, Standing.WON, 20, None)
    assert (page.ids, page.rest is not None) == ([], True), "it gave up, and says where it goes on"


async def test_a_look_reads_no_more_than_it_looks_at(
    busy: UUID, pool: Pool, web: AsyncPool
) -> None:
    assert len(await standings(web, busy, None, 50)) == 50
    wanted = {"user": busy, "before": NEWEST, "look": 50}
    with pool.connection() as connection:
        row = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {STANDINGS}", wanted).fetchone()
    assert row
    scans = list(scanned(row["QUERY PLAN"][0]["Plan"]))
    assert "Seq Scan" not in {kind for kind, _ in scans}
    # One step to the auction, its row, and its first bid.
    assert sum(rows for _, rows in scans) <= 4 * 50 + 10, scans


def scanned(plan: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """The scans of tables in a plan, with how many rows each gave."""
    if "Relation Name" in plan:
        yield plan["Node Type"], plan["Actual Rows"] * plan["Actual Loops"]
    for each in plan.get("Plans", ()):
        yield from scanned(each)
