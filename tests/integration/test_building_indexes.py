"""Migrations that build indexes while the portal goes on can be run again after they were killed."""

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from pytest_django import DjangoDbBlocker

from commands.postgres.connections import Pool
from commands.postgres.indexes import BuildIndex

BUILDING = [
    ("commands", "0012_pruning"),
    ("commands", "0014_waiting_draws"),
    ("commands", "0015_indexes_of_batches"),
    ("notifications", "0007_pruning"),
    ("projections", "0003_pruning"),
]
VALID = """
SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE relname = ANY(%s) AND indisvalid
"""


@pytest.mark.parametrize(("app", "name"), BUILDING)
def test_a_migration_that_was_killed_after_it_built_its_indexes_runs_again(
    app: str, name: str, pool: Pool, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock():
        loader = MigrationLoader(connection)
        migration = loader.get_migration(app, name)
        built = [each.index.name for each in migration.operations if isinstance(each, BuildIndex)]
        assert built
        state = loader.project_state(migration.dependencies)
        with connection.schema_editor(atomic=False) as editor:
            migration.apply(state, editor)
    with pool.connection() as looking:
        found = {row["relname"] for row in looking.execute(VALID, (built,))}
    assert found == set(built)
