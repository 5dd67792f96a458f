"""The promoter's policies: a state row for each version."""

from collections.abc import Collection
from datetime import datetime
from typing import assert_never
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from commands.domain.events import PolicyChanged, PolicyEvent, PolicyWithdrawn
from commands.domain.policies import FIRST, Policies
from commands.domain.promoter import Policy
from commands.postgres.connections import SyncConnection
from commands.postgres.locks import POLICIES, lock

OPTIONS = "chance, weight, exclude, limits"
LATEST = f"""
SELECT DISTINCT ON (auction_id) version, auction_id, withdrawn, {OPTIONS} FROM promoter_policies
ORDER BY auction_id, version DESC
"""
# As Policies.of has it, of these auctions alone.
APPLYING = """
WITH portal_wide AS MATERIALIZED (
    SELECT version, withdrawn FROM promoter_policies
    WHERE auction_id IS NULL AND version <= %(at)s ORDER BY version DESC LIMIT 1
)
SELECT auction.id AS auction_id, CASE
    WHEN NOT own.withdrawn THEN own.version
    WHEN NOT portal_wide.withdrawn THEN portal_wide.version ELSE 0 END AS version
FROM unnest(%(auctions)s::uuid[]) AS auction (id) LEFT JOIN portal_wide ON true
LEFT JOIN LATERAL (
    SELECT version, withdrawn FROM promoter_policies
    WHERE auction_id = auction.id AND version <= %(at)s ORDER BY version DESC LIMIT 1
) AS own ON true
"""
AT = f"SELECT {OPTIONS} FROM promoter_policies WHERE version = %s"
LAST = "SELECT coalesce(max(version), 0) AS version FROM promoter_policies"
VERSION = f"""
SELECT version, auction_id, withdrawn, {OPTIONS}, changed_at FROM promoter_policies WHERE version = %s
"""
INSERT = f"""
INSERT INTO promoter_policies (version, auction_id, withdrawn, {OPTIONS}, changed_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""


def lock_policies(connection: SyncConnection) -> Policies:
    """The policies, locked until the transaction ends."""
    lock(connection, POLICIES)
    return read_policies(connection)


def last_policies(connection: SyncConnection) -> int:
    """The version of the policies that are in force."""
    row = connection.execute(LAST).fetchone()
    assert row is not None
    version: int = row["version"]
    return version


def read_policies(connection: SyncConnection) -> Policies:
    """The policies that are in force, from their state rows."""
    latest = connection.execute(LATEST).fetchall()
    return Policies(
        max((row["version"] for row in latest), default=0),
        {
            row["auction_id"]: (row["version"], _policy(row))
            for row in latest
            if not row["withdrawn"]
        },
    )


def policy_versions(
    connection: SyncConnection, at: int, auctions: Collection[UUID]
) -> dict[UUID, int]:
    """By auction, the version of the policy that applied to it when the policies had that version."""
    rows = connection.execute(APPLYING, {"at": at, "auctions": list(auctions)})
    return {row["auction_id"]: row["version"] for row in rows}


def policy_at(connection: SyncConnection, version: int) -> Policy:
    """The policy of that version; KeyError if there is none."""
    if version == 0:
        return FIRST
    row = connection.execute(AT, (version,)).fetchone()
    if row is None:
        raise KeyError(f"policy {version}")
    return _policy(row)


async def policy_row(connection: AsyncConnection[DictRow], version: int) -> DictRow | None:
    """The row of that version of the policies, or None."""
    return await (await connection.execute(VERSION, (version,))).fetchone()


def _policy(row: DictRow) -> Policy:
    return Policy(row["chance"], tuple(row["weight"]), tuple(row["exclude"]), tuple(row["limits"]))


def save_policy(
    connection: SyncConnection, version: int, event: PolicyEvent, changed_at: datetime
) -> None:
    """Write the state row of a new version."""
    options: tuple[object, ...]
    match event:
        case PolicyChanged():
            options = (event.chance, list(event.weight), list(event.exclude), list(event.limit))
        case PolicyWithdrawn():
            options = (None, None, None, None)
        case _:
            assert_never(event)
    withdrawn = isinstance(event, PolicyWithdrawn)
    connection.execute(INSERT, (version, event.auction_id, withdrawn, *options, changed_at))
