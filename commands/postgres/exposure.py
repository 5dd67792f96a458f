"""Limits on users' exposure, and what counts for them. All SQL on the tables `exposure_limits` and `stakes`."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import DictRow

from commands.domain.exposure import ExposureLimit
from commands.domain.maximum import Maximum
from commands.domain.user import User
from commands.postgres.connections import AsyncPool, SyncConnection
from commands.postgres.rows import as_json
from commands.record.codec import decode_maximum
from commands.record.maxima import opened_maximum
from commands.record.sealed_bids import opened_bid

LIMIT = "id, amount, since, reason, limited_by"
OF_USERS = f"SELECT user_id, {LIMIT} FROM exposure_limits WHERE user_id = ANY(%s)"
SAVE = f"""
INSERT INTO exposure_limits (user_id, {LIMIT})
SELECT user_id, {LIMIT} FROM json_populate_recordset(NULL::exposure_limits, %s)
ON CONFLICT (user_id) DO UPDATE SET id = excluded.id, amount = excluded.amount, since = excluded.since,
    reason = excluded.reason, limited_by = excluded.limited_by
"""
FORGET = "DELETE FROM exposure_limits WHERE user_id = ANY(%s)"
FORGET_STAKES = "DELETE FROM stakes WHERE user_id = ANY(%s)"
# In one order, and behind all other locks of the batch but those of whoever is offered a lot: the limits of users are
# locked by batches alone. Not the users' rows: these are shared already, and two batches that want more than
# that of the same row would wait for each other.
LOCK = "SELECT user_id, amount FROM exposure_limits WHERE user_id = ANY(%s) ORDER BY user_id FOR NO KEY UPDATE"
# The most that the bidder may have to pay there: the highest amount of their live bids. That is the amount of the bid which
# counts most, or, if that one is doubled, of the one that counts most of those that are not. Both are the first ones down
# the index bids_own_highest. So neither what they did in their life is walked through, nor what they bid in one auction.
STAKES = """
SELECT stakes.user_id, stakes.auction_id, stakes.bidder_id, closed, maxima, plain.bid_id,
    greatest(plain.amount, (
        SELECT amount FROM bids
        WHERE bids.auction_id = stakes.auction_id AND bids.bidder_id = stakes.bidder_id AND NOT deleted
        ORDER BY effective_amount DESC LIMIT 1
    ), 0) AS amount,
    CASE WHEN plain.hidden THEN (
        SELECT data->>'sealed' FROM events
        WHERE stream_id = stakes.auction_id AND version = plain.placed_version
    ) END AS sealed
FROM stakes CROSS JOIN LATERAL (
    SELECT closed, maxima FROM auctions WHERE id = stakes.auction_id OFFSET 0
) AS auction
LEFT JOIN LATERAL (
    SELECT id AS bid_id, amount, hidden, placed_version FROM bids
    WHERE bids.auction_id = stakes.auction_id AND bids.bidder_id = stakes.bidder_id AND NOT deleted AND NOT doubled
      AND NOT closed
    ORDER BY effective_amount DESC LIMIT 1
) AS plain ON true
WHERE stakes.user_id = ANY(%s)
"""
ADD = """
INSERT INTO stakes (user_id, auction_id, bidder_id)
SELECT user_id, auction_id, bidder_id FROM json_populate_recordset(NULL::stakes, %s)
ON CONFLICT (user_id, auction_id) DO NOTHING
"""
REMOVE = """
DELETE FROM stakes USING json_populate_recordset(NULL::stakes, %s) AS gone
WHERE stakes.user_id = gone.user_id AND stakes.auction_id = gone.auction_id
"""
# Once, when a user gets their limit or a record was imported, through all in which they ever bid.
FIND = """
INSERT INTO stakes (user_id, auction_id, bidder_id)
SELECT who.user_id, auctions.id, who.bidder_id FROM (
    SELECT id AS user_id, id AS bidder_id FROM users
    WHERE limited AND (%(users)s::uuid[] IS NULL OR id = ANY(%(users)s))
    UNION ALL
    SELECT user_id, aliases.id FROM users JOIN aliases ON user_id = users.id
    WHERE limited AND (%(users)s::uuid[] IS NULL OR users.id = ANY(%(users)s))
) AS who
CROSS JOIN LATERAL (
    SELECT DISTINCT auction_id FROM bids WHERE bids.bidder_id = who.bidder_id AND NOT deleted OFFSET 0
) AS lived
JOIN auctions ON auctions.id = lived.auction_id AND NOT closed
ON CONFLICT (user_id, auction_id) DO NOTHING
"""


class Stake(NamedTuple):
    """A user has bid in an auction, under that id."""

    user_id: UUID
    auction_id: UUID
    bidder_id: UUID


@dataclass(frozen=True, slots=True)
class Staked:
    """What a user would pay at most in an auction by their open bids; or their bid there, and what is sealed in it.

    `maximum` is one up to which the auction bids for them.
    """

    user_id: UUID
    auction_id: UUID
    bidder_id: UUID
    closed: bool
    amount: Decimal
    bid_id: UUID | None
    sealed: str | None
    maximum: Maximum | None

    @classmethod
    def of(cls, row: DictRow) -> "Staked":
        """What is in the row."""
        held = (decode_maximum(each) for each in row.pop("maxima") or ())
        own = next((each for each in held if each.bidder_id == row["bidder_id"]), None)
        return cls(**row, maximum=own)

    @property
    def hidden(self) -> bool:
        """Whether it depends on what only the bidder's key tells."""
        return bool(self.sealed or self.maximum)

    @property
    def stake(self) -> Stake:
        """Without the amount."""
        return Stake(self.user_id, self.auction_id, self.bidder_id)

    def counted(self, key: bytes | None) -> Decimal:
        """What counts for the limit, given the user's key: the bid, or the maximum if that is higher.

        What can't be opened counts nothing: such a bid can't win, and such a maximum bids no more.
        """
        return max(self._bid(key), self._most(key))

    def _most(self, key: bytes | None) -> Decimal:
        most = self.maximum
        if most is None or key is None:
            return Decimal(0)
        return opened_maximum(key, most.sealed, self.auction_id, most.id) or Decimal(0)

    def _bid(self, key: bytes | None) -> Decimal:
        if not self.sealed or not self.bid_id:
            return self.amount
        content = opened_bid(key, self.sealed, self.auction_id, self.bid_id) if key else None
        return content.amount if content else Decimal(0)


def limits_of(
    connection: SyncConnection, user_ids: Collection[UUID]
) -> Mapping[UUID, ExposureLimit]:
    """The limits of those of the users who have one."""
    rows = connection.execute(OF_USERS, (list(user_ids),)) if user_ids else ()
    return {row.pop("user_id"): ExposureLimit(**row) for row in rows}


def save_limits(connection: SyncConnection, users: Iterable[User]) -> None:
    """Write the users' limits as they are now, and remove those of users who have none."""
    rows, gone = list[dict[str, Any]](), list[UUID]()
    for user in users:
        if user.exposure_limit:
            rows.append({"user_id": user.id, **asdict(user.exposure_limit)})
        else:
            gone.append(user.id)
    if rows:
        connection.execute(SAVE, (as_json(rows),))
    if gone:
        connection.execute(FORGET, (gone,))
        connection.execute(FORGET_STAKES, (gone,))


def find_stakes(connection: SyncConnection, user_ids: Collection[UUID] | None = None) -> None:
    """Note in which auctions that are not closed those of the users have bid who have a limit; None means of all users."""
    connection.execute(FIND, {"users": None if user_ids is None else list(user_ids)})


def lock_limits(connection: SyncConnection, user_ids: Collection[UUID]) -> Mapping[UUID, Decimal]:
    """The limits of these users, locked until the transaction ends.

    Whoever else decides bids of theirs waits for that, and then sees what was decided here.
    """
    rows = connection.execute(LOCK, (list(user_ids),))
    return {row["user_id"]: row["amount"] for row in rows}


def staked(connection: SyncConnection, user_ids: Collection[UUID]) -> list[Staked]:
    """What counts for the limits of these users, auction by auction; closed ones, that count no more, too."""
    return [Staked.of(row) for row in connection.execute(STAKES, (list(user_ids),))]


def save_stakes(
    connection: SyncConnection, new: Collection[Stake], over: Collection[Stake]
) -> None:
    """Note in which auctions users with limits have bid now, and forget those that are closed."""
    if new:
        connection.execute(ADD, (as_json([each._asdict() for each in new]),))
    if over:
        connection.execute(REMOVE, (as_json([each._asdict() for each in over]),))


async def limit_async(pool: AsyncPool, user_id: UUID) -> ExposureLimit | None:
    """The limit of the user, for the web process; None without one."""
    async with pool.connection() as connection:
        row = await (await connection.execute(OF_USERS, ([user_id],))).fetchone()
    return ExposureLimit(**_without_user(row)) if row else None


async def staked_async(pool: AsyncPool, user_id: UUID) -> list[Staked]:
    """As staked, of one user in auctions that are not closed, for the web process."""
    async with pool.connection() as connection:
        rows = await (await connection.execute(STAKES, ([user_id],))).fetchall()
    return [found for row in rows if not (found := Staked.of(row)).closed]


def _without_user(row: DictRow) -> DictRow:
    return {name: value for name, value in row.items() if name != "user_id"}
