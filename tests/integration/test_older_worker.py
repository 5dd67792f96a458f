"""A worker of this release beside a database that a newer one has migrated: it goes on, and leaves what is not its own."""

from collections.abc import Iterator, Sequence

import psycopg
import pytest
from django.conf import settings
from django.db.migrations import AddField, DeleteModel, RemoveField, RenameField, RenameModel
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED

from commands.postgres.auctions import read_auction
from notifications.notifier import notify
from projections.wiring import catch_up
from tests.integration.in_process import InProcessPortal

# As a migration of a newer release adds them.
COLUMNS = (
    ("a_flag", "boolean NOT NULL DEFAULT true"),
    ("a_number", "integer NOT NULL DEFAULT 7"),
    ("a_text", "text"),
)
TABLES = (
    "auctions", "bids", "users", "jobs", "events", "notifications", "notification_progress", "mails",
    "stuck_streams", "projection_lagging", "promoter_ticks", "promoter_policies",
)  # fmt: skip
# The migration after which columns may be added while workers of the release before run.
SINCE = {"commands": "0027", "notifications": "0013", "projections": "0005", "portal": "0010"}


def owner() -> psycopg.Connection[tuple[object, ...]]:
    """Who makes and changes tables."""
    return psycopg.connect(settings.DATABASE_URL, autocommit=True)


@pytest.fixture
def newer_tables() -> Iterator[None]:
    """More columns in each table, which are gone again afterwards."""
    yield
    _alter("DROP COLUMN IF EXISTS", [(name, "") for name, _ in COLUMNS])


def _alter(change: str, columns: Sequence[tuple[str, str]]) -> None:
    with owner() as connection:
        for table in TABLES:
            for name, kind in columns:
                statement = f"ALTER TABLE {table} {change} {name} {kind}"
                connection.execute(statement.encode())


def live(portal: InProcessPortal) -> None:
    """What all of a portal's workers do, with new and with known auctions, by statements that are planned already."""
    for _ in range(7):
        alice, bob = portal.user(email="alice@example.org"), portal.user()
        auction = portal.auction()
        portal.bid(auction, alice, "10.00")
        portal.bid(auction, bob, "11.00")
        portal.double(auction)
        assert catch_up(auction) == 4
        notify(auction.id, portal.pool)


def test_it_goes_on_with_statements_that_are_prepared(
    in_process: InProcessPortal, newer_tables: None
) -> None:
    before = in_process.auction()
    alice = in_process.user()
    in_process.bid(before, alice, "10.00")
    live(in_process)
    _alter("ADD COLUMN", COLUMNS)
    with owner() as connection:
        connection.execute(
            "UPDATE auctions SET a_text = 'kept', a_number = 8 WHERE id = %s", (before.id,)
        )
    live(in_process)
    in_process.bid(before, alice, "50.00")
    with in_process.pool.connection() as connection:
        row = connection.execute(
            "SELECT a_flag, a_number, a_text FROM auctions WHERE id = %s", (before.id,)
        ).fetchone()
        found = read_auction(connection, before.id)
    assert row
    assert tuple(row.values()) == (True, 8, "kept")
    assert found
    assert found.leading_bid
    assert found.leading_bid.amount == 50


def later_operations() -> Iterator[tuple[str, Operation]]:
    """What is done by the migrations before which workers need not be stopped."""
    for (app, name), migration in sorted(MigrationLoader(None).graph.nodes.items()):
        if name >= SINCE.get(app, "9999"):
            yield from ((f"{app} {name}", each) for each in migration.operations)


def test_migrations_add_what_an_older_worker_need_not_know_and_take_nothing_from_it() -> None:
    found = list(later_operations())
    assert found
    for where, operation in found:
        assert not isinstance(operation, DeleteModel | RemoveField | RenameField | RenameModel), (
            where
        )
        if isinstance(operation, AddField):
            field = operation.field
            assert field.null or field.db_default is not NOT_PROVIDED, (where, operation.name)
