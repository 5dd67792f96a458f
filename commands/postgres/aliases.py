"""SQL on the table `aliases`: who is behind the aliases of masked auctions.

An alias has its row from its first bid on. Its auction and its number stay, as the record has them, too. The
user behind it goes once they were deleted and no bid of theirs is left to be withdrawn there.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from uuid import UUID

from commands.domain.rules.masked import Alias
from commands.postgres.connections import AsyncPool, SyncConnection
from commands.postgres.rows import as_json

OF_USERS = """
SELECT auction_id, user_id, id, number FROM aliases
JOIN unnest(%s::uuid[], %s::uuid[]) AS asked (auction_id, user_id) USING (auction_id, user_id)
"""
INSERT = """
INSERT INTO aliases (id, auction_id, number, user_id)
SELECT id, auction_id, number, user_id FROM json_populate_recordset(NULL::aliases, %s)
ON CONFLICT (id) DO NOTHING
"""
USERS_BEHIND = """
SELECT aliases.id, user_id FROM aliases JOIN users ON users.id = user_id
WHERE aliases.id = ANY(%s) AND deleted_at IS NULL
"""
NAMES_BEHIND = """
SELECT aliases.id, username FROM aliases JOIN users ON users.id = user_id
WHERE aliases.id = ANY(%s) AND deleted_at IS NULL
"""
KNOWN = "SELECT id, auction_id, number, user_id FROM aliases WHERE id = ANY(%s)"
# Nobody who was deleted bids any more; so what has no live bid left never has one again. Of whoever
# is offered a lot it is kept who they are, so that it is declined with the account.
FORGET = """
UPDATE aliases SET user_id = NULL FROM users, auctions
WHERE user_id = ANY(%s) AND users.id = user_id AND users.deleted_at IS NOT NULL
  AND auctions.id = auction_id
  AND (closed AND (sale_until IS NULL OR sale->>'bidder_id' IS DISTINCT FROM aliases.id::text) OR NOT EXISTS (
    SELECT FROM bids WHERE auction_id = auctions.id AND bidder_id = aliases.id AND NOT deleted
))
"""
EXPORTED = """
SELECT user_id, id FROM aliases WHERE user_id = ANY(%s) ORDER BY user_id, auction_id
"""
BRING_IN = """
UPDATE aliases SET user_id = %(user)s FROM users
WHERE aliases.id = ANY(%(ids)s) AND user_id IS NULL AND users.id = %(user)s AND deleted_at IS NULL
"""
OWN = """
SELECT id, auction_id, number, user_id FROM aliases
WHERE user_id = %(user)s AND (%(before)s::uuid IS NULL OR auction_id < %(before)s)
ORDER BY auction_id DESC LIMIT %(limit)s
"""
OF_AUCTION = """
SELECT id, auction_id, number, user_id FROM aliases
WHERE auction_id = %(auction)s AND number > %(after)s ORDER BY number LIMIT %(limit)s
"""

# An auction and a user.
Pair = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class KnownAlias:
    """An alias that was given, and the user behind it; None once that is forgotten, or was never known here."""

    id: UUID
    auction_id: UUID
    number: int
    user_id: UUID | None


def aliases_of(connection: SyncConnection, pairs: Collection[Pair]) -> Mapping[Pair, Alias]:
    """The aliases that these users have in these auctions; without those who have none yet."""
    auctions, users = [auction for auction, _ in pairs], [user for _, user in pairs]
    rows = connection.execute(OF_USERS, (auctions, users)) if pairs else ()
    return {(row["auction_id"], row["user_id"]): Alias(row["id"], row["number"]) for row in rows}


def insert_aliases(connection: SyncConnection, given: Collection[KnownAlias]) -> None:
    """Write the rows of new aliases."""
    if given:
        connection.execute(INSERT, (as_json([asdict(each) for each in given]),))


def users_behind(connection: SyncConnection, ids: Collection[UUID]) -> Mapping[UUID, UUID]:
    """The users behind these aliases, without those who were deleted."""
    rows = connection.execute(USERS_BEHIND, (list(ids),)) if ids else ()
    return {row["id"]: row["user_id"] for row in rows}


def names_behind(connection: SyncConnection, ids: Collection[UUID]) -> Mapping[UUID, str]:
    """The names of the users behind these aliases, for the house; without those who were deleted."""
    rows = connection.execute(NAMES_BEHIND, (list(ids),)) if ids else ()
    return {row["id"]: row["username"] for row in rows}


def known_aliases(connection: SyncConnection, ids: Collection[UUID]) -> Mapping[UUID, KnownAlias]:
    """Those of these ids that are aliases."""
    rows = connection.execute(KNOWN, (list(ids),)) if ids else ()
    return {row["id"]: KnownAlias(**row) for row in rows}


def forget_deleted_behind(connection: SyncConnection, user_ids: Collection[UUID]) -> None:
    """Forget which aliases those of the users had who were deleted, where nothing is left to withdraw."""
    connection.execute(FORGET, (list(user_ids),))


def aliases_to_export(
    connection: SyncConnection, user_ids: Collection[UUID]
) -> Mapping[UUID, list[UUID]]:
    """By user, the aliases that they have."""
    found: dict[UUID, list[UUID]] = {}
    for row in connection.execute(EXPORTED, (list(user_ids),)):
        found.setdefault(row["user_id"], []).append(row["id"])
    return found


def bring_aliases(connection: SyncConnection, user_id: UUID, ids: Iterable[UUID]) -> None:
    """The user is behind those of these aliases that nobody is known to be behind."""
    connection.execute(BRING_IN, {"user": user_id, "ids": list(ids)})


async def alias_in(pool: AsyncPool, pairs: Collection[Pair]) -> Mapping[Pair, Alias]:
    """As aliases_of, for the web process."""
    auctions, users = [auction for auction, _ in pairs], [user for _, user in pairs]
    async with pool.connection() as connection:
        rows = await (await connection.execute(OF_USERS, (auctions, users))).fetchall()
    return {(row["auction_id"], row["user_id"]): Alias(row["id"], row["number"]) for row in rows}


async def own_aliases(
    pool: AsyncPool, user_id: UUID, limit: int, before: UUID | None
) -> list[KnownAlias]:
    """The user's aliases, those in the auctions created last first, in auctions before that one."""
    wanted = {"user": user_id, "before": before, "limit": limit}
    async with pool.connection() as connection:
        rows = await (await connection.execute(OWN, wanted)).fetchall()
    return [KnownAlias(**row) for row in rows]


async def aliases_in_auction(
    pool: AsyncPool, auction_id: UUID, limit: int, after: int
) -> list[KnownAlias]:
    """The auction's aliases by their numbers, after that one; for the house."""
    wanted = {"auction": auction_id, "after": after, "limit": limit}
    async with pool.connection() as connection:
        rows = await (await connection.execute(OF_AUCTION, wanted)).fetchall()
    return [KnownAlias(**row) for row in rows]
