"""Fuzzing a running portal: no input makes a request crash, and none is logged as a crash."""

import json
import os
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest
from hypothesis import HealthCheck, settings

from portal.laptop.demo.client import LOGIN
from tests.conftest import PASSWORD, RunningPortal

# `make fuzz` sets it; in `make test` a few examples keep the fuzzing itself in order.
EXAMPLES = int(os.environ.get("EXAMPLES", "15"))
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def quiet(portal: RunningPortal) -> Iterator[None]:
    """Fails if the portal logged a crash meanwhile."""
    before = len(portal.logged())
    yield
    logged = portal.logged()[before:]
    assert "Traceback" not in logged, logged
    assert "[error" not in logged, logged


@pytest.fixture(scope="session")
def staff_token(portal: RunningPortal) -> str:
    """The access token of an auctioneer, who may do nearly everything."""
    made = portal.manage("create_user", "fuzzer", "--staff", stdin=f"{PASSWORD}\n")
    assert made.returncode == 0, made.stderr
    body = {"query": LOGIN, "variables": {"username": "fuzzer", "password": PASSWORD}}
    request = Request(
        f"{portal.url}/graphql", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urlopen(request) as answer:
        token: str = json.load(answer)["data"]["session"]["accessToken"]
    return token
