"""Beat without Postgres: it waits, and sends tasks once Postgres is there."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from commands.queues import PROJECTIONS
from commands.wake import redis
from tests.servers import ROOT, as_the_portal, world
from tests.waiting import wait_until


def through(url: str, sockets: Path) -> tuple[str, str]:
    """The URL of the same database in that folder of sockets, and the folder where it really is."""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    really, query["host"] = query["host"], str(sockets)
    return urlunsplit(parts._replace(query=urlencode(query))), really


def test_beat_waits_for_postgres_and_then_sends_tasks(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with world("beat") as whereabouts, log.open("wb") as output:
        url, sockets = through(as_the_portal(whereabouts)["DATABASE_URL"], tmp_path / "sockets")
        environment = {**os.environ, **whereabouts, "DATABASE_URL": url, "LOG_LEVEL": "INFO"}
        command = (sys.executable, "-m", "celery", "-A", "portal", "beat", "--schedule", os.devnull)
        beat = subprocess.Popen(command, stdout=output, stderr=output, env=environment, cwd=ROOT)
        try:
            wait_until(lambda: "beat waits for Postgres" in log.read_text(), 60, "its first try")
            (tmp_path / "sockets").symlink_to(sockets)
            queue = f"{whereabouts['PORTAL_NAMESPACE']}:{PROJECTIONS}"
            wait_until(lambda: redis().llen(queue), 60, "a task")
        finally:
            beat.send_signal(signal.SIGTERM)
            assert beat.wait(60) == 0, log.read_text()
