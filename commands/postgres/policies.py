"""The promoter's policies: a state row for each version."""

from datetime import datetime
from typing import assert_never

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
WHERE version <= %s ORDER BY auction_id, version DESC
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


def read_policies(connection: SyncConnection, version: int | None = None) -> Policies:
    """The policies from their state rows, as they are or as they were at that version."""
    version = last_policies(connection) if version is None else version
    latest = connection.execute(LATEST, (version,)).fetchall()
    return Policies(
        version,
        {
            row["auction_id"]: (row["version"], _policy(row))
            for row in latest
            if not row["withdrawn"]
        },
    )


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
