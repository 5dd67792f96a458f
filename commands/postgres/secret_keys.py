"""The keys that values in events are sealed with, one for each owner. All SQL on the table `secret_keys` is here.

The owner is a user or an auction. A key is never changed. Once it is destroyed, nobody reads what was
sealed with it.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from commands.postgres.connections import SyncConnection, WebConnection
from commands.record.sealing import new_key

READ = "SELECT key FROM secret_keys WHERE owner_id = %s"
READ_ALL = "SELECT owner_id, key FROM secret_keys WHERE owner_id = ANY(%s)"
MAKE = """
INSERT INTO secret_keys (owner_id, key) VALUES (%(owner)s, %(key)s) ON CONFLICT (owner_id) DO NOTHING
"""
# FOR SHARE: the user's deletion waits for this and then finds the key, or this waits for it and makes none.
MAKE_FOR_USER = """
WITH living AS MATERIALIZED (
    SELECT id FROM users WHERE id = %(owner)s AND deleted_at IS NULL FOR SHARE
)
INSERT INTO secret_keys (owner_id, key) SELECT id, %(key)s FROM living ON CONFLICT (owner_id) DO NOTHING
"""
# Of auctions that were never created: the request was refused, or repeated. Ids tell when they were made, so it is enough
# to look at those of one hour.
MADE_AT = "(lpad(to_hex((extract(epoch FROM {}) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid"
FORGET_UNUSED = f"""
DELETE FROM secret_keys WHERE owner_id IN (
    SELECT owner_id FROM secret_keys
    WHERE owner_id < {MADE_AT.format("statement_timestamp() - %(age)s")}
      AND owner_id > {MADE_AT.format("statement_timestamp() - %(age)s - interval '1 hour'")}
      AND NOT EXISTS (SELECT FROM auctions WHERE id = owner_id)
      AND NOT EXISTS (SELECT FROM users WHERE id = owner_id)
      AND NOT EXISTS (SELECT FROM jobs WHERE stream_id = owner_id AND status IN ('QUEUED', 'FAILED'))
    LIMIT %(limit)s
)
"""
DESTROY = "DELETE FROM secret_keys WHERE owner_id = %s"


def keys_of(connection: SyncConnection, owners: Collection[UUID]) -> Mapping[UUID, bytes]:
    """By owner, their keys; without those who have none, or none any more."""
    if not owners:
        return {}
    rows = connection.execute(READ_ALL, (list(owners),))
    return {row["owner_id"]: bytes(row["key"]) for row in rows}


def key_for_auction(connection: SyncConnection, auction_id: UUID) -> bytes:
    """The auction's key, made if it has none. The auction may not be there yet."""
    connection.execute(MAKE, {"owner": auction_id, "key": new_key()})
    row = connection.execute(READ, (auction_id,)).fetchone()
    assert row is not None, "the key of an auction is never destroyed"
    return bytes(row["key"])


def key_for_user(connection: SyncConnection, user_id: UUID) -> bytes | None:
    """The user's key, made if they have none; None if the user does not exist, or not any more."""
    row = connection.execute(READ, (user_id,)).fetchone()
    if row is None:
        connection.execute(MAKE_FOR_USER, {"owner": user_id, "key": new_key()})
        row = connection.execute(READ, (user_id,)).fetchone()
    return bytes(row["key"]) if row else None


def destroy_key(connection: SyncConnection, owner_id: UUID) -> None:
    """Make unreadable what was sealed with the owner's key, for ever."""
    connection.execute(DESTROY, (owner_id,))


async def key_of_async(connection: WebConnection, owner_id: UUID) -> bytes | None:
    """The owner's key, for the web process; None if there is none."""
    row = await (await connection.execute(READ, (owner_id,))).fetchone()
    return bytes(row["key"]) if row else None


async def key_for_auction_async(connection: WebConnection, auction_id: UUID) -> bytes:
    """As key_for_auction, for the web process."""
    await connection.execute(MAKE, {"owner": auction_id, "key": new_key()})
    key = await key_of_async(connection, auction_id)
    assert key is not None, "the key of an auction is never destroyed"
    return key


async def key_for_user_async(connection: WebConnection, user_id: UUID) -> bytes | None:
    """As key_for_user, for the web process."""
    if key := await key_of_async(connection, user_id):
        return key
    await connection.execute(MAKE_FOR_USER, {"owner": user_id, "key": new_key()})
    return await key_of_async(connection, user_id)
