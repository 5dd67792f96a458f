"""A worker's application with tasks that fail: `celery -A tests.integration.failing_worker worker`."""

import time
from pathlib import Path

from portal.celery import app

QUEUE, FAILS, HANGS = "failing", "tests.fails", "tests.hangs"
SECRET = "alice@example.org"


@app.task(name=FAILS)
def fails(while_there: str) -> None:
    """Fail as long as that file is there."""
    if Path(while_there).exists():
        raise RuntimeError(SECRET)


@app.task(name=HANGS, time_limit=1)
def hangs() -> None:
    """Take longer than the limit, at which the worker kills it."""
    time.sleep(60)
