"""A fixed selection of `make faults`: what Postgres' absence means, and a round of kills."""

import os
import subprocess
import sys

from tests.servers import ROOT

# The seed's first round kills MongoDB, Redis and a worker, and restarts a web.
SEED, SELECTION = "46", ("without postgres", "1")
WORLD = ("PORTAL_", "DATABASE_", "REDIS_", "MONGODB_", "SECRET_", "DJANGO_")


def test_faults_lose_and_double_nothing() -> None:
    """In a world of its own: servers are killed here."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(WORLD)}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.faults",
            "--compact",
            "--seed",
            SEED,
            "--round",
            *SELECTION,
        ],
        cwd=ROOT,
        env={**environment, "PORTAL_ENV": "local"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
