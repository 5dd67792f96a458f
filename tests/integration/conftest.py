"""The house without workers."""

import pytest

from commands.postgres.connections import Pool
from tests.integration.in_process import InProcessPortal


@pytest.fixture
def in_process(pool: Pool) -> InProcessPortal:
    """This process's own."""
    return InProcessPortal(pool)
