"""Which policy applies to the auctions of a page: as the domain has it, without reading all others'."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from commands.domain.events import PolicyChanged, PolicyEvent, PolicyWithdrawn
from commands.domain.policies import Policies, evolve
from commands.ids import new_id
from commands.postgres.connections import Pool, SyncConnection
from commands.postgres.policies import policy_versions, read_policies, save_policy

ONE, OTHER = new_id(), new_id()
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
OTHERS = 5_000
FILL = """
INSERT INTO promoter_policies (version, auction_id, withdrawn, changed_at)
SELECT n, gen_random_uuid(), false, now() FROM generate_series(100, 100 + %s) AS n
"""
# Entries of indexes that this transaction has read so far, and rows of scans.
READ = """
SELECT (SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid))
        FROM pg_index WHERE indrelid = 'promoter_policies'::regclass)
       + pg_stat_get_xact_tuples_returned('promoter_policies'::regclass) AS entries
"""


@pytest.fixture
def connection(pool: Pool) -> Iterator[SyncConnection]:
    """A transaction with an empty table of policies of its own, which ends with it.

    Deleting what other tests left would leave their entries in the indexes, and they are counted.
    """
    with pool.connection() as connection, connection.transaction(force_rollback=True):
        connection.execute(
            "CREATE TEMP TABLE promoter_policies (LIKE promoter_policies INCLUDING ALL)"
        )
        yield connection


def changed(auction_id: UUID | None) -> PolicyChanged:
    return PolicyChanged(auction_id, Decimal("50.00"), ("constant",), (), ())


def test_at_each_version_it_is_the_one_that_the_domain_says(connection: SyncConnection) -> None:
    history: list[PolicyEvent] = [
        changed(ONE), changed(None), changed(OTHER), changed(ONE), PolicyWithdrawn(ONE),
        changed(None), PolicyWithdrawn(None), changed(ONE),
    ]  # fmt: skip
    policies, right = Policies(), list[dict[UUID, int]]()
    for version in range(len(history) + 1):
        if version:
            policies = evolve(policies, history[version - 1])
            save_policy(connection, version, history[version - 1], SINCE)
        right.append({id: policies.of(id)[0] for id in (ONE, OTHER)})
    found = [policy_versions(connection, at, [ONE, OTHER]) for at in range(len(history) + 1)]
    assert found == right
    assert read_policies(connection) == policies


def test_those_of_other_auctions_are_not_read(connection: SyncConnection) -> None:
    save_policy(connection, 1, changed(None), SINCE)
    save_policy(connection, 2, changed(ONE), SINCE)
    connection.execute(FILL, (OTHERS,))
    connection.execute("ANALYZE promoter_policies")
    before = connection.execute(READ).fetchone()
    found = policy_versions(connection, 100 + OTHERS, [ONE, OTHER])
    after = connection.execute(READ).fetchone()
    assert found == {ONE: 2, OTHER: 1}
    assert before
    assert after
    assert after["entries"] - before["entries"] < 20
