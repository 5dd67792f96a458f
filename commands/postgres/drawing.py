"""Drawing bids in Postgres, where an auction may have a million of them.

One statement finds the same bids, with the same weights, as `Promoter.draw` does with all of them at
hand, as they were at a version of their auction; that one says what is right. It sums up the weights of
so many bids at a time in the order they were placed, finds the block in which a lot lies, and then the
bid in that block.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cache
from uuid import UUID

from psycopg.rows import DictRow

from commands.domain.bids import Bid
from commands.domain.promoter import HALF_VALUES, Drawn, Policy
from commands.postgres.connections import SyncConnection

BLOCK = 1000
# Where bids are sealed there are no draws.
SEALED = {"commitment", "hidden"}
COLUMNS = tuple(each.name for each in fields(Bid) if each.name not in SEALED)
BID = ", ".join(f"bids.{name}" for name in COLUMNS)

# The bids as they were at each auction's `cut`, the last version that counts. Few have changed since: those
# are put back to what they were, and the others are read where indexes have them.
THEN = f"""
changed AS MATERIALIZED (
    SELECT auction_id, id, bidder_id, amount, amount AS effective_amount, placed_at, placed_version,
           placed_version AS reached_version, false AS doubled, false AS deleted,
           NULL::int AS deleted_version, number
    FROM lots JOIN bids USING (auction_id)
    WHERE doubled AND reached_version > cut AND placed_version <= cut
    UNION ALL
    SELECT auction_id, id, bidder_id, amount, effective_amount, placed_at, placed_version,
           reached_version, doubled, false, NULL, number
    FROM lots JOIN bids USING (auction_id)
    WHERE deleted AND deleted_version > cut AND placed_version <= cut
      AND NOT (doubled AND reached_version > cut)
), live AS NOT MATERIALIZED (
    SELECT auction_id, {BID} FROM lots JOIN bids USING (auction_id)
    WHERE NOT deleted AND placed_version <= cut AND NOT (doubled AND reached_version > cut)
    UNION ALL SELECT auction_id, {BID} FROM changed AS bids
), to_double AS NOT MATERIALIZED (
    SELECT auction_id, {BID} FROM lots JOIN bids USING (auction_id)
    WHERE NOT deleted AND NOT doubled AND placed_version <= cut
    UNION ALL SELECT auction_id, {BID} FROM changed AS bids WHERE NOT doubled
)"""
# Facts about an auction that some options need, joined to its bids; and facts about its bidders. Those are one
# table, and the join with it is a full one, because Postgres can't make that bid by bidder: however wrong its
# estimates are, it hashes or sorts.
LEADERS = """
leaders AS MATERIALIZED (
    SELECT lots.auction_id, best.* FROM lots CROSS JOIN LATERAL (
        SELECT bidder_id AS leader, effective_amount AS highest FROM (
            (SELECT bidder_id, effective_amount, reached_version FROM bids
             WHERE auction_id = lots.auction_id AND NOT deleted AND placed_version <= lots.cut
               AND NOT (doubled AND reached_version > lots.cut)
             ORDER BY effective_amount DESC, reached_version LIMIT 1)
            UNION ALL
            SELECT bidder_id, effective_amount, reached_version FROM changed
            WHERE auction_id = lots.auction_id
        ) AS first ORDER BY effective_amount DESC, reached_version LIMIT 1
    ) AS best
)"""
# Sorts as a bid's rank does: by what it counts, then by when it reached that.
RANK = "effective_amount * 1000000000000 - reached_version"
BIDDERS = """
bidders AS MATERIALIZED (
    SELECT auction_id, bidder_id, sum(live) AS live, max(best) AS best, sum(doubled) AS of_bidder,
           row_number() OVER (PARTITION BY auction_id ORDER BY min(first)) AS arrival
    FROM ({parts}) AS found GROUP BY auction_id, bidder_id
)"""
LIVE = f"""
SELECT auction_id, bidder_id, 1 AS live, {RANK} AS best, placed_version AS first, 0 AS doubled FROM live
"""
DOUBLED = """
SELECT auction_id, bidder_id, 0 AS live, NULL::numeric AS best, NULL::int AS first, 1 AS doubled
FROM lots JOIN bids USING (auction_id)
WHERE bids.doubled AND reached_version <= cut
"""
ALL_DOUBLED = """
all_doubled AS MATERIALIZED (
    SELECT auction_id, (
        SELECT count(*) FROM bids
        WHERE auction_id = lots.auction_id AND doubled AND reached_version <= lots.cut
    ) AS of_auction FROM lots
)"""
OF_AUCTIONS = {LEADERS: "leaders", ALL_DOUBLED: "all_doubled"}
OF_BIDDERS = (LIVE, DOUBLED)


@dataclass(frozen=True, slots=True)
class Option:
    """An option of the promoter in SQL: its weight or its condition on bids that stay, and what it needs."""

    sql: str
    needs: str = ""


WEIGHTS: Mapping[str, Option] = {
    "constant": Option("1::bigint"),
    "by_amount": Option("(bids.amount * 100)::bigint"),
    "by_bidder_activity": Option("live", LIVE),
    "underdogs": Option("((highest - bids.effective_amount) * 100)::bigint + 1", LEADERS),
    "newcomers": Option("arrival", LIVE),
}
EXCLUSIONS: Mapping[str, Option] = {
    "leader": Option("bidder_id <> leader", LEADERS),
    "staff": Option("bidder_id <> ALL(%(staff)s::uuid[])"),
    "overtaken": Option(f"{RANK} = best", LIVE),
}
LIMITS: Mapping[str, Option] = {
    "per_auction": Option("of_auction < %(per_auction)s", ALL_DOUBLED),
    "per_bidder": Option("coalesce(of_bidder, 0) < %(per_bidder)s", DOUBLED),
}
# OFFSET 0, as MATERIALIZED elsewhere, keeps Postgres from making the full join another one.
DRAW = """
WITH lots AS MATERIALIZED (
    SELECT * FROM unnest(%(auctions)s::uuid[], %(lots)s::numeric[], %(cuts)s::int[])
        AS _ (auction_id, lot, cut)
), {then}{facts}, blocks AS MATERIALIZED (
    SELECT auction_id, placed_version / %(size)s AS block, sum({weight}) AS weight FROM (
        SELECT * FROM to_double AS bids {joins} OFFSET 0
    ) AS bids WHERE {stays} GROUP BY 1, 2
), sums AS (
    SELECT *, sum(weight) OVER (PARTITION BY auction_id) AS total,
           sum(weight) OVER (PARTITION BY auction_id ORDER BY block) - weight AS before
    FROM blocks
), hit AS MATERIALIZED (
    SELECT *, div(lot * total, %(values)s) AS place FROM sums JOIN lots USING (auction_id)
    WHERE div(lot * total, %(values)s) >= before AND div(lot * total, %(values)s) < before + weight
), near AS MATERIALIZED (
    SELECT bids.auction_id, {bid}, total, place, before FROM hit JOIN to_double AS bids USING (auction_id)
    WHERE placed_version BETWEEN block * %(size)s AND block * %(size)s + %(size)s - 1
), shares AS (
    SELECT bids.auction_id, {bid}, {weight} AS weight, total, place,
           before + sum({weight}) OVER (PARTITION BY auction_id ORDER BY placed_version) AS upto
    FROM (SELECT * FROM near AS bids {joins} OFFSET 0) AS bids WHERE {stays}
)
SELECT * FROM shares WHERE place >= upto - weight AND place < upto
"""

# The auction's bids that lead, whether they may be hit or not, and the weights of all.
WEIGH = """
WITH lots AS MATERIALIZED (
    SELECT %(auction)s::uuid AS auction_id, 2147483647 AS cut
), {then}, top AS MATERIALIZED (
    SELECT auction_id, {bid} FROM bids WHERE auction_id = %(auction)s AND NOT deleted
    ORDER BY effective_amount DESC, reached_version LIMIT %(limit)s
){facts}, every AS (
    SELECT sum({weight}) AS total FROM (
        SELECT * FROM to_double AS bids {joins} OFFSET 0
    ) AS bids WHERE {stays}
), weighed AS (
    SELECT id, {weight} AS weight FROM (
        SELECT * FROM top AS bids {joins} OFFSET 0
    ) AS bids WHERE NOT doubled AND {stays}
)
SELECT top.*, coalesce(weight, 0) AS weight, coalesce(total, 0) AS total
FROM top LEFT JOIN weighed USING (id) CROSS JOIN every
ORDER BY effective_amount DESC, reached_version
"""


@dataclass(frozen=True, slots=True)
class Lot:
    """A number below HALF_VALUES, drawn for an auction's bids as they were at that version of it."""

    number: int
    version: int


def draw_bids(
    connection: SyncConnection,
    policy: Policy,
    lots: Mapping[UUID, Lot],
    staff: Collection[UUID],
) -> Mapping[UUID, Drawn]:
    """By auction, the bid that its lot hits, as it was then; without those in which none may be hit.

    `staff` are all bidders in these auctions who are staff.
    """
    limits = _limits(policy)
    parameters = {
        "auctions": list(lots),
        "lots": [Decimal(lot.number) for lot in lots.values()],
        "cuts": [lot.version for lot in lots.values()],
        "staff": list(staff),
        "size": BLOCK,
        "values": Decimal(HALF_VALUES),
        **limits,
    }
    statement = _statement(DRAW, policy.weight, policy.exclude, tuple(limits))
    rows = connection.execute(statement, parameters)
    return {row["auction_id"]: _drawn(row) for row in rows}


def weigh_leading(
    connection: SyncConnection,
    policy: Policy,
    auction_id: UUID,
    staff: Collection[UUID],
    most: int,
) -> list[Drawn]:
    """The auction's leading live bids, at most so many, as if each were hit; weight 0 if it can't be."""
    limits = _limits(policy)
    parameters = {
        "auction": auction_id,
        "limit": most,
        "staff": list(staff),
        **limits,
    }
    statement = _statement(WEIGH, policy.weight, policy.exclude, tuple(limits))
    return [_drawn(row) for row in connection.execute(statement, parameters)]


def _drawn(row: DictRow) -> Drawn:
    bid = Bid(**{name: row[name] for name in COLUMNS})
    return Drawn(bid, int(row["weight"]), int(row["total"]))


def _limits(policy: Policy) -> Mapping[str, int]:
    terms = (term.partition(":") for term in policy.limit)
    return {name: int(most) for name, _, most in terms}


@cache
def _statement(
    form: str, weight: tuple[str, ...], exclude: tuple[str, ...], limit: tuple[str, ...]
) -> str:
    """The statement of that form for these options; KeyError for an unknown one."""
    weights = [WEIGHTS[name] for name in weight]
    conditions = [*(EXCLUSIONS[name] for name in exclude), *(LIMITS[name] for name in limit)]
    kind = "bigint" if len(weights) == 1 else "numeric"
    needs = list(dict.fromkeys(each.needs for each in (*weights, *conditions) if each.needs))
    of_auctions = [fact for fact in needs if fact in OF_AUCTIONS]
    parts = [part for part in OF_BIDDERS if part in needs]
    facts = [*of_auctions, *([BIDDERS.format(parts=" UNION ALL ".join(parts))] if parts else [])]
    joins = [f"JOIN {OF_AUCTIONS[fact]} USING (auction_id)" for fact in of_auctions]
    return form.format(
        then=THEN,
        facts="".join(f", {fact}" for fact in facts),
        joins=" ".join(
            [*joins, *(["FULL JOIN bidders USING (auction_id, bidder_id)"] * bool(parts))]
        ),
        # The product of several can be larger than 64 bits; sums never overflow.
        weight=" * ".join(f"({each.sql})::{kind}" for each in weights),
        stays=" AND ".join(["id IS NOT NULL", *(each.sql for each in conditions)]),
        bid=BID,
    )
