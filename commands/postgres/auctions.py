"""State rows of auctions and bids: reading what a batch of commands can touch, and saving changes."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from commands.domain.bidders import Bidder
from commands.domain.bids import Bid, Bids
from commands.domain.maximum import Maximum
from commands.domain.pauses import Pause
from commands.domain.rules.table import Rules, promoted
from commands.domain.sale import Sale
from commands.domain.state import Auction
from commands.postgres.bans import bans_of
from commands.postgres.connections import SyncConnection, WebConnection
from commands.postgres.rows import as_json
from commands.record.codec import (
    decode_maximum,
    decode_rules,
    decode_sale,
    encode,
    encode_rules,
    is_known,
    shown_rules,
)
from commands.record.unknown import Unknown

AUCTION_COLUMNS = tuple(each.name for each in fields(Auction) if each.name != "bids")
# A sale's deadline has a column of its own.
COLUMNS = (*AUCTION_COLUMNS, "sale_until")
AUCTION = ", ".join(COLUMNS)
# Columns are named, because a newer release may have added others.
READ = f"SELECT {AUCTION} FROM auctions WHERE id = %s"
# In one order, and without waiting: whoever has one of them will see what waits for it.
LOCK = f"""
WITH locked AS MATERIALIZED (
    SELECT {AUCTION}, needs FROM auctions WHERE id = ANY(%(ids)s) ORDER BY id FOR UPDATE SKIP LOCKED
)
SELECT wanted.id AS wanted, EXISTS (SELECT FROM auctions WHERE id = wanted.id) AS there, locked.*
FROM unnest(%(ids)s::uuid[]) AS wanted (id) LEFT JOIN locked ON locked.id = wanted.id
"""
EXISTS = "SELECT 1 FROM auctions WHERE id = %s"
OWN_PROMOTER = "SELECT 1 FROM auctions WHERE id = %s AND rules ? 'promoter'"
RULES = "SELECT rules FROM auctions WHERE id = %s"
MAXIMA = "SELECT maxima FROM auctions WHERE id = %s"
VERSIONS = "SELECT id, version FROM auctions WHERE id = ANY(%s)"
NO_NEEDS: Mapping[UUID, Sequence[str]] = {}
BID_COLUMNS = tuple(each.name for each in fields(Bid))
BID = ", ".join(BID_COLUMNS)
ALL_BIDS = f"SELECT {BID} FROM bids WHERE auction_id = %s"
STAFF = """
SELECT auction.id AS auction_id, users.id AS bidder_id
FROM unnest(%s::uuid[]) AS auction (id), users WHERE is_staff AND (EXISTS (
    SELECT FROM bids WHERE bidder_id = users.id AND auction_id = auction.id AND NOT deleted
) OR EXISTS (
    SELECT FROM bids WHERE bidder_id = users.id AND auction_id = auction.id AND deleted
))
UNION ALL
SELECT auction.id, aliases.id FROM unnest(%s::uuid[]) AS auction (id), users
JOIN aliases ON aliases.user_id = users.id
WHERE is_staff AND aliases.auction_id = auction.id
"""
# In two parts, because each has an index by auction, and all together have none.
ANY_BID = f"""
SELECT found.* FROM unnest(%s::uuid[]) AS wanted (id) CROSS JOIN LATERAL (
    (SELECT auction_id, {BID} FROM bids WHERE auction_id = wanted.id AND NOT deleted LIMIT 1)
    UNION ALL
    (SELECT auction_id, {BID} FROM bids WHERE auction_id = wanted.id AND deleted LIMIT 1)
    LIMIT 1
) AS found
"""
# Only named bids can be deleted by the batch, so beside them one bid of each bidder, the highest,
# and one of the auction, the leading one, can matter. Bids are withdrawn from the lowest on: so the
# highest bid of the auction changes with the last ones only. Where it matters who leads then, the first of those
# that are not withdrawn with them is the next.
TOUCHED_BIDS = f"""
WITH named AS MATERIALIZED (
    SELECT * FROM unnest(%(named_auctions)s::uuid[], %(named)s::uuid[]) AS _ (auction_id, bid_id)
)
SELECT auction_id, {BID} FROM named JOIN bids USING (auction_id) WHERE bids.id = named.bid_id
UNION
SELECT lowest.* FROM unnest(%(withdrawn_auctions)s::uuid[], %(withdrawn)s::uuid[])
    AS withdrawn (auction_id, bidder_id)
CROSS JOIN LATERAL (
    SELECT auction_id, {BID} FROM bids
    WHERE auction_id = withdrawn.auction_id AND bidder_id = withdrawn.bidder_id AND NOT deleted
    ORDER BY effective_amount LIMIT %(of_each)s
) AS lowest
UNION
SELECT next.* FROM unnest(%(withdrawn_auctions)s::uuid[], %(withdrawn)s::uuid[])
    AS withdrawn (auction_id, bidder_id)
CROSS JOIN LATERAL (
    SELECT auction_id, {BID} FROM bids
    WHERE auction_id = withdrawn.auction_id AND withdrawn.auction_id = ANY(%(led)s::uuid[]) AND NOT deleted
      AND id NOT IN (
          SELECT id FROM bids AS own
          WHERE own.auction_id = withdrawn.auction_id AND own.bidder_id = withdrawn.bidder_id AND NOT deleted
          ORDER BY effective_amount LIMIT %(of_each)s
      )
    ORDER BY effective_amount DESC, reached_version LIMIT 1
) AS next
UNION
SELECT highest.* FROM unnest(%(bidding_auctions)s::uuid[], %(bidders)s::uuid[])
    AS bidding (auction_id, bidder_id)
CROSS JOIN LATERAL (
    SELECT auction_id, {BID} FROM bids
    WHERE auction_id = bidding.auction_id AND bidder_id = bidding.bidder_id AND NOT deleted
      AND id NOT IN (SELECT bid_id FROM named)
    ORDER BY effective_amount DESC LIMIT 1
) AS highest
UNION
SELECT best.* FROM unnest(%(led)s::uuid[]) AS led (auction_id)
CROSS JOIN LATERAL (
    SELECT auction_id, {BID} FROM bids
    WHERE auction_id = led.auction_id AND NOT deleted AND id NOT IN (SELECT bid_id FROM named)
    ORDER BY effective_amount DESC, reached_version LIMIT 1
) AS best
"""
# Of auctions with sealed bids that are to be closed: the next ones to reveal, and the first two.
SEALED_BIDS = f"""
SELECT next.* FROM unnest(%(closing)s::uuid[]) AS closing (auction_id)
CROSS JOIN LATERAL (
    SELECT auction_id, {BID} FROM bids
    WHERE auction_id = closing.auction_id AND hidden AND NOT deleted
    ORDER BY placed_version LIMIT %(of_each)s
) AS next
UNION
SELECT best.* FROM unnest(%(closing)s::uuid[]) AS closing (auction_id)
CROSS JOIN LATERAL (
    SELECT auction_id, {BID} FROM bids
    WHERE auction_id = closing.auction_id AND NOT hidden AND NOT deleted
    ORDER BY effective_amount DESC, reached_version LIMIT 2
) AS best
"""
SAVE_AUCTIONS = f"""
INSERT INTO auctions ({AUCTION}, needs, promoted)
SELECT {AUCTION}, needs, promoted FROM json_populate_recordset(NULL::auctions, %s)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, closed = excluded.closed,
    winning_bid_id = excluded.winning_bid_id, draws = excluded.draws, last_tick = excluded.last_tick,
    ends_at = excluded.ends_at, extensions = excluded.extensions,
    cancelled_because = excluded.cancelled_because, closed_early = excluded.closed_early,
    reserve_met = excluded.reserve_met, reserve = excluded.reserve, aliases = excluded.aliases,
    winning_price = excluded.winning_price,
    paused_at = excluded.paused_at, pauses = excluded.pauses, sale = excluded.sale,
    sale_until = excluded.sale_until, maxima = excluded.maxima,
    needs = CASE WHEN excluded.needs IS NULL THEN auctions.needs ELSE (
        SELECT array_agg(DISTINCT need) FROM unnest(auctions.needs || excluded.needs) AS need
    ) END
"""
# What hardly ever changes, and then by these: descriptions are long.
REVISING = {"event AuctionRevised", "event AuctionResumed"}
SAVE_DETAILS = """
UPDATE auctions SET title = changed.title, description = changed.description,
    starts_at = changed.starts_at, rules = changed.rules, promoted = changed.promoted
FROM json_populate_recordset(NULL::auctions, %s) AS changed WHERE auctions.id = changed.id
"""
SAVE_BIDS = f"""
INSERT INTO bids (auction_id, {BID})
SELECT auction_id, {BID} FROM json_populate_recordset(NULL::bids, %s)
ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, hidden = excluded.hidden,
    effective_amount = excluded.effective_amount,
    reached_version = excluded.reached_version, doubled = excluded.doubled,
    deleted = excluded.deleted, deleted_version = excluded.deleted_version
"""
# FOR SHARE: a user's deletion, ban or limit waits until this batch is committed, and then finds all their bids.
SHARE_BIDDERS = """
SELECT id, is_staff, limited IS NOT NULL AS limited, coalesce(banned_until > %s, false) AS banned FROM users
WHERE id = ANY(%s) AND deleted_at IS NULL ORDER BY id FOR SHARE
"""
# The deletion of a user applies to auctions that end after its acceptance. So closing one of these in which
# the user has a bid, or will have one that was accepted before, waits until it has its job for it; no other
# does. OFFSET 0 has each of these bids looked up by the index: the planner never reads all of them instead.
# Whoever asks again after one that failed waits longer each time, up to five minutes; but not for a moment
# that the clock has stepped back from, nor after one from before a bid moved the end.
DUE = """
WITH deletion AS MATERIALIZED (
    SELECT stream_id AS user_id, accepted_at AS at, NULL::uuid AS done_to, true AS waits
    FROM jobs WHERE status = 'QUEUED' AND command = 'DeleteUser'
    UNION ALL
    SELECT id, withdrawing_at, withdrawn_to, false FROM users WHERE withdrawing_at IS NOT NULL
)
SELECT id, ends_at, asked.before FROM auctions
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE accepted_at >= ends_at) AS times,
           count(*) FILTER (WHERE status = 'QUEUED') > 0 AS waiting,
           max(settled_at) FILTER (WHERE accepted_at >= ends_at) AS last,
           md5(string_agg(id::text, '' ORDER BY id) FILTER (WHERE status <> 'QUEUED')) AS before
    FROM jobs
    WHERE stream_id = auctions.id AND command = 'AnnounceWinner'
) AS asked
WHERE NOT closed AND paused_at IS NULL AND ends_at < %(now)s AND NOT EXISTS (
      SELECT FROM deletion
      WHERE deletion.at < ends_at AND (done_to IS NULL OR done_to < auctions.id) AND (
          EXISTS (
              SELECT FROM bids
              WHERE auction_id = auctions.id AND bidder_id = deletion.user_id AND NOT deleted
              OFFSET 0
          ) OR EXISTS (
              SELECT FROM aliases JOIN bids ON bids.auction_id = auctions.id AND bidder_id = aliases.id
              WHERE aliases.auction_id = auctions.id AND user_id = deletion.user_id AND NOT deleted
              OFFSET 0
          ) OR waits AND EXISTS (
              SELECT FROM jobs WHERE stream_id = auctions.id AND status = 'QUEUED'
                AND command IN ('PlaceBid', 'PlaceSealedBid', 'SetMaximum', 'BuyNow')
                AND payload->>'bidder_id' = deletion.user_id::text
              OFFSET 0
          )
      )
  )
  AND (%(after)s::uuid IS NULL OR (ends_at, id) > (%(after_end)s, %(after)s))
  AND (asked.last IS NULL OR asked.waiting OR asked.last > %(now)s
       OR asked.last < %(now)s - interval '1 s' * least(power(2, least(asked.times, 10)), 300))
ORDER BY ends_at, id LIMIT %(limit)s
"""
# Whether bids could be placed then, by what is decided already: not in a pause.
OPEN_AT = """starts_at <= {moment} AND ends_at > {moment} AND NOT coalesce(paused_at <= {moment}, false)
AND (pauses IS NULL OR NOT EXISTS (
    SELECT FROM jsonb_array_elements(pauses) AS pause
    WHERE (pause->>0)::timestamptz <= {moment} AND (pause->>1)::timestamptz > {moment}
))"""
# Those that were open at a tick's cut-off. In others than the promoted ones the promoter is off.
OPEN = f"NOT closed AND promoted AND {OPEN_AT.format(moment='%(cutoff)s::timestamptz')}"
TO_DOUBLE = "SELECT FROM bids WHERE auction_id = page.id AND NOT deleted AND NOT doubled"
# Those that have a bid to double, and those that may have had one at the cut-off: what was accepted before
# waits still, and may also have had the auction open then, or what was accepted since has deleted or doubled bids.
TO_DRAW_IN = f"""
WITH page AS MATERIALIZED (
    SELECT id, {OPEN} AS open FROM (
        (SELECT id FROM auctions
         WHERE NOT closed AND promoted AND (%(after)s::uuid IS NULL OR id > %(after)s) ORDER BY id LIMIT %(limit)s)
        UNION ALL
        -- A revision that waits may have the promoter on.
        (SELECT id FROM auctions
         WHERE NOT closed AND NOT promoted AND (%(after)s::uuid IS NULL OR id > %(after)s)
           AND id IN (SELECT stream_id FROM jobs WHERE status = 'QUEUED' AND command = 'ReviseAuction'))
        ORDER BY id LIMIT %(limit)s
    ) AS next JOIN auctions USING (id)
)
SELECT id, (open AND (
    EXISTS ({TO_DOUBLE}) OR EXISTS (
        SELECT FROM jobs
        WHERE stream_id = page.id AND accepted_at >= %(cutoff)s AND command NOT IN ('PlaceBid', 'SetMaximum', 'BuyNow')
    )
) OR EXISTS (
    SELECT FROM jobs WHERE stream_id = page.id AND status = 'QUEUED' AND command <> 'AnnounceWinner'
)) AS drawn FROM page ORDER BY id
"""
ANY_TO_DRAW_IN = f"SELECT FROM auctions AS page WHERE {OPEN} AND EXISTS ({TO_DOUBLE}) LIMIT 1"


def lock_auctions(
    connection: SyncConnection, ids: Collection[UUID]
) -> Mapping[UUID, Auction | Unknown | None]:
    """The auctions' own fields, without bids, locked until the transaction ends; None for what is none.

    Those that somebody else has locked are left out. In the place of one that only a newer release can decide is
    what this one does not know.
    """
    rows = connection.execute(LOCK, {"ids": list(ids)}).fetchall()
    return {row["wanted"]: _locked(row) for row in rows if row["id"] or not row["there"]}


def _locked(row: DictRow) -> Auction | Unknown | None:
    if row["id"] is None:
        return None
    if row["needs"] and (unknown := [need for need in row["needs"] if not is_known(need)]):
        return Unknown(unknown[0])
    try:
        return auction_of({name: row[name] for name in COLUMNS}, Bids())
    except Unknown as unknown_rule:
        return unknown_rule


def auction_of(row: DictRow, bids: Bids) -> Auction:
    """The auction in its row."""
    values = {name: value for name, value in row.items() if name != "sale_until"}
    values |= {
        "rules": decode_rules(row["rules"] or {}),
        "pauses": tuple(Pause(*map(datetime.fromisoformat, each)) for each in row["pauses"] or ()),
        "sale": _sale(row),
        "maxima": maxima_in(row["maxima"]),
    }
    return Auction(**values, bids=bids)


def maxima_in(column: list[dict[str, Any]] | None) -> tuple[Maximum, ...]:
    """The maxima as the auction's row has them."""
    return tuple(map(decode_maximum, column)) if column else ()


def _sale(row: DictRow) -> Sale | None:
    return replace(decode_sale(row["sale"]), until=row["sale_until"]) if row["sale"] else None


def with_bids(connection: SyncConnection, ids: Collection[UUID]) -> Mapping[UUID, Bids]:
    """Of those of the auctions in which anybody ever bid, one bid, deleted or not."""
    return _by_auction(connection.execute(ANY_BID, (list(ids),)))


def share_bidders(
    connection: SyncConnection, ids: Collection[UUID], since: datetime
) -> Mapping[UUID, Bidder]:
    """Those of the users who exist, by their ids, with bans that hold at that moment or later.

    They can't be deleted, and nobody can be banned or get a limit, before this transaction ends.
    """
    rows = connection.execute(SHARE_BIDDERS, (since, list(ids))).fetchall()
    bans = bans_of(connection, [row["id"] for row in rows if row["banned"]])
    return {
        row["id"]: Bidder(row["id"], row["is_staff"], bans.get(row["id"], ()), row["limited"])
        for row in rows
    }


@dataclass(slots=True)
class Touched:
    """Which bids a batch of commands can touch, as pairs of an auction's and another id.

    It deletes `named` bids, places bids for `bidding` users, withdraws those of `withdrawn` users, and depends on
    who leads in the `led` auctions. It closes the `closing` ones, whose bids are sealed. What it withdraws from or
    closes so, it does nothing else in, and to at most `of_each` bids.
    """

    named: set[tuple[UUID, UUID]] = field(default_factory=set)
    bidding: set[tuple[UUID, UUID]] = field(default_factory=set)
    withdrawn: set[tuple[UUID, UUID]] = field(default_factory=set)
    of_each: int = 0
    led: set[UUID] = field(default_factory=set)
    closing: set[UUID] = field(default_factory=set)

    @property
    def any(self) -> bool:
        """Whether it can touch one at all."""
        return bool(self.named or self.bidding or self.withdrawn or self.led or self.closing)


def touched_bids(connection: SyncConnection, touched: Touched) -> Mapping[UUID, Bids]:
    """By auction, the bids that the batch can touch."""
    parameters = {
        "named_auctions": [auction for auction, _ in touched.named],
        "named": [bid for _, bid in touched.named],
        "withdrawn_auctions": [auction for auction, _ in touched.withdrawn],
        "withdrawn": [bidder for _, bidder in touched.withdrawn],
        "of_each": touched.of_each,
        "bidding_auctions": [auction for auction, _ in touched.bidding],
        "bidders": [bidder for _, bidder in touched.bidding],
        "led": list(touched.led),
    }
    found = _by_auction(connection.execute(TOUCHED_BIDS, parameters))
    if touched.closing:
        closing = {"closing": list(touched.closing), "of_each": touched.of_each}
        found |= _by_auction(connection.execute(SEALED_BIDS, closing))
    return found


def staff_among(
    connection: SyncConnection, auctions: Collection[UUID]
) -> Mapping[UUID, frozenset[UUID]]:
    """By auction, those who belong to the house and have ever bid in it; in a masked one, their aliases."""
    staff: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for row in connection.execute(STAFF, (list(auctions), list(auctions))):
        staff[row["auction_id"]].add(row["bidder_id"])
    return {auction: frozenset(staff[auction]) for auction in auctions}


def _by_auction(rows: Iterable[DictRow]) -> dict[UUID, Bids]:
    bids: defaultdict[UUID, list[Bid]] = defaultdict(list)
    for row in rows:
        bids[row.pop("auction_id")].append(Bid(**row))
    return {auction: Bids(found) for auction, found in bids.items()}


def read_auction(connection: SyncConnection, auction_id: UUID) -> Auction | None:
    """The auction with all its bids, deleted ones too, from the state rows."""
    row = connection.execute(READ, (auction_id,)).fetchone()
    bids = Bids(Bid(**bid) for bid in connection.execute(ALL_BIDS, (auction_id,)))
    return auction_of(row, bids) if row else None


def auction_exists(connection: SyncConnection, auction_id: UUID) -> bool:
    """Whether there is such an auction, open or closed."""
    row = connection.execute(EXISTS, (auction_id,)).fetchone()
    return row is not None


def has_own_promoter(connection: SyncConnection, auction_id: UUID | None) -> bool:
    """Whether the auction's rules say what its draws follow."""
    row = connection.execute(OWN_PROMOTER, (auction_id,)).fetchone()
    return row is not None


def save_auctions(
    connection: SyncConnection,
    changed: Collection[tuple[Auction, Collection[Bid]]],
    needs: Mapping[UUID, Sequence[str]] = NO_NEEDS,
) -> None:
    """Write the auctions' rows, and of each the bids that changed and what whoever decides it needs to know from now on."""
    auctions = [_row(auction) | {"needs": needs.get(auction.id) or None} for auction, _ in changed]
    connection.execute(SAVE_AUCTIONS, (as_json(auctions),))
    if revised := [row for row in auctions if not REVISING.isdisjoint(row["needs"] or ())]:
        connection.execute(SAVE_DETAILS, (as_json(revised),))
    bids = [
        _values(bid, BID_COLUMNS) | {"auction_id": auction.id}
        for auction, changed_bids in changed
        for bid in changed_bids
    ]
    if bids:
        connection.execute(SAVE_BIDS, (as_json(bids),))


def _row(auction: Auction) -> dict[str, Any]:
    rules = encode_rules(auction.rules) or None
    pauses = [[each.since.isoformat(), each.until.isoformat()] for each in auction.pauses] or None
    return _values(auction, AUCTION_COLUMNS) | {
        "rules": rules,
        "pauses": pauses,
        "promoted": promoted(auction.rules),
        "maxima": [encode(each) for each in auction.maxima] or None,
        **_sale_columns(auction.sale),
    }


def _sale_columns(sale: Sale | None) -> dict[str, Any]:
    if sale is None:
        return {"sale": None, "sale_until": None}
    return {"sale": encode(replace(sale, until=None)), "sale_until": sale.until}


def _values(record: Auction | Bid, columns: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in columns}


@dataclass(frozen=True, slots=True)
class Due:
    """An unclosed auction that ended; `before` names the jobs that did not close it, None if there are none."""

    id: UUID
    ends_at: datetime
    before: str | None


def due_auctions(
    connection: SyncConnection, now: datetime, after: Due | None, limit: int
) -> list[Due]:
    """At most so many auctions that ended before that moment, first ended first, from after that one on."""
    page = {
        "now": now,
        "after": after and after.id,
        "after_end": after and after.ends_at,
        "limit": limit,
    }
    return [Due(**row) for row in connection.execute(DUE, page)]


def auctions_to_draw_in(
    connection: SyncConnection, cutoff: datetime, after: UUID | None, limit: int
) -> Sequence[tuple[UUID, bool]]:
    """The next so many unclosed auctions by id, each with whether a tick with that cut-off may draw in it.

    It may in those that were open then, and may have had live bids that were not doubled. Those whose promoter is
    off are left out.
    """
    page = {"cutoff": cutoff, "after": after, "limit": limit}
    return [(row["id"], row["drawn"]) for row in connection.execute(TO_DRAW_IN, page)]


def any_to_draw_in(connection: SyncConnection, cutoff: datetime) -> bool:
    """Whether a tick with that cut-off would draw in any auction, by what is decided already."""
    return connection.execute(ANY_TO_DRAW_IN, {"cutoff": cutoff}).fetchone() is not None


async def auction_versions_async(
    connection: WebConnection, ids: Collection[UUID]
) -> dict[UUID, int]:
    """The versions of these auctions, without those that there are none of; for the web process."""
    cursor = await connection.execute(VERSIONS, (list(ids),))
    return {row["id"]: row["version"] for row in await cursor.fetchall()}


async def rules_async(connection: WebConnection, auction_id: UUID) -> Rules | None:
    """The rules of the auction beside the plain ones; None if there is no such auction. For the web process.

    Of those that this release does not know, their names.
    """
    row = await (await connection.execute(RULES, (auction_id,))).fetchone()
    return shown_rules(row["rules"] or {}) if row else None


async def maxima_async(connection: WebConnection, auction_id: UUID) -> tuple[Maximum, ...]:
    """The maxima that bid in the auction, sealed; none if there is no such auction. For the web process."""
    row = await (await connection.execute(MAXIMA, (auction_id,))).fetchone()
    return maxima_in(row["maxima"]) if row else ()
