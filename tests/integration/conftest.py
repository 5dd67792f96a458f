"""The house without workers."""

import pytest
from psycopg_pool import ConnectionPool

from commands.postgres.pool import SyncConnection
from tests.integration.house import House


@pytest.fixture
def house(pool: ConnectionPool[SyncConnection]) -> House:
    """This process's own."""
    return House(pool)
