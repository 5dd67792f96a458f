"""Tasks that keep failing are shown, by a real worker's doing, until they succeed."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from commands.postgres.connections import Pool
from commands.wake import send
from portal.health import read_health
from portal.web import asgi
from tests.conftest import wait_until
from tests.integration.failing_worker import FAILS, HANGS, QUEUE, SECRET
from tests.servers import ROOT

WORKER = ("-m", "celery", "--quiet", "-A", "tests.integration.failing_worker", "worker")
OPTIONS = ("--queues", QUEUE, "--concurrency", "1", "--without-gossip", "--without-mingle")


@pytest.fixture
def worker(pool: Pool, tmp_path: Path) -> Iterator[Path]:
    """A worker in this process's world; the file that makes its task fail. Nothing failed before."""
    with pool.connection() as connection:
        connection.execute("DELETE FROM failing_tasks")
    fault = tmp_path / "fault"
    fault.touch()
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *WORKER, *OPTIONS], cwd=ROOT, stdout=log, stderr=log
        )
    try:
        yield fault
    finally:
        process.terminate()
        process.wait(timeout=30)
        with pool.connection() as connection:
            connection.execute("DELETE FROM failing_tasks")


def shown() -> list[dict[str, Any]]:
    return read_health().failing_tasks or []


async def readyz() -> httpx.Response:
    async with (
        asgi.lifespan(asgi.site),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=asgi.application), base_url="http://127.0.0.1"
        ) as client,
    ):
        return await client.get("/readyz")


def test_a_task_that_keeps_failing_is_shown_until_it_succeeds(
    worker: Path, pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    send(FAILS, (str(worker),), QUEUE)
    wait_until(lambda: written(pool), 60)
    assert shown() == [], "once is no more than an accident"
    assert asyncio.run(readyz()).json() == {"ready": True, "missing": {}}

    send(FAILS, (str(worker),), QUEUE)
    [row] = wait_until(shown)
    assert (row["task"], row["arguments"], row["failures"]) == (FAILS, str(worker), 2)
    assert row["error"].startswith("RuntimeError (failing_worker.py:")
    assert SECRET not in row["error"]
    answer = asyncio.run(readyz())
    assert answer.json() == {"ready": True, "missing": {}, "failing_tasks": [FAILS]}
    assert answer.status_code == 200, "the web can do its work"
    with pytest.raises(CommandError, match="keeps failing: tests") as refused:
        call_command("status", "--json")
    assert refused.value.returncode == 1
    assert json.loads(capsys.readouterr().out)["failing_tasks"][0]["task"] == FAILS

    worker.unlink()
    send(FAILS, ("another",), QUEUE)
    send(FAILS, (str(worker),), QUEUE)
    wait_until(lambda: not written(pool))
    assert asyncio.run(readyz()).json() == {"ready": True, "missing": {}}


def test_a_task_that_is_killed_for_its_time_has_failed(worker: Path) -> None:
    for _ in range(2):
        send(HANGS, (), QUEUE)
    [row] = wait_until(shown, 60)
    assert (row["task"], row["failures"]) == (HANGS, 2)
    assert row["error"].startswith("TimeLimitExceeded")


def written(pool: Pool) -> list[dict[str, Any]]:
    with pool.connection() as connection:
        return connection.execute("SELECT * FROM failing_tasks").fetchall()
