"""Web processes with static files from the source, and with collected ones."""

from collections.abc import Iterator
from types import ModuleType

import httpx
import pytest

from tests.conftest import RunningPortal
from tests.e2e.outsider import as_module
from tests.webs import serving_collected_files


@pytest.fixture(scope="session")
def collected(portal: RunningPortal) -> Iterator[RunningPortal]:
    """Serves collected files, as production does."""
    with serving_collected_files(portal) as process:
        yield process


@pytest.fixture
def outsider() -> ModuleType:
    """The program with which outsiders check an auction."""
    return as_module()


@pytest.fixture(params=["clone", "collected"])
def site(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """A client of a fresh clone, and of a web process with collected files."""
    name = "portal" if request.param == "clone" else "collected"
    served: RunningPortal = request.getfixturevalue(name)
    with httpx.Client(base_url=served.url, headers={"Accept": "text/html"}, timeout=30) as client:
        yield client
