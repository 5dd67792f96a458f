"""Web processes beside a running portal's own, with settings of their own."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.conftest import RunningPortal
from tests.servers import ROOT


@contextmanager
def web(portal: RunningPortal, code: Path = ROOT, /, **more: str) -> Iterator[RunningPortal]:
    """Another web process of the same portal, with settings of its own, from the code in that folder."""
    assert portal.environment
    environment = {**portal.environment, **more}
    log = portal.data / f"web-{time.monotonic_ns()}.log"
    with socket.create_server(("127.0.0.1", 0)) as listening, log.open("wb") as output:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        fd = listening.fileno()
        process = subprocess.Popen(
            [sys.executable, "-m", "portal.web.serve", "--fd", str(fd)],
            env=environment,
            pass_fds=[fd],
            cwd=code,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        # The kernel queues what comes before it listens.
        assert httpx.get(f"{url}/healthz", timeout=60).text == "ok"
        yield replace(portal, url=url, log=log, process=process, environment=environment)
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def serving_collected_files(portal: RunningPortal) -> Iterator[RunningPortal]:
    """Another web process of the same portal, with its static files collected, as in production."""
    with TemporaryDirectory(prefix="portal-static-") as folder:
        collect(portal, Path(folder))
        with web(portal, STATIC_ROOT=folder) as process:
            yield process
            assert "[error" not in process.logged()
            assert "Traceback" not in process.logged()


def collect(portal: RunningPortal, folder: Path) -> None:
    """Run collectstatic into that folder."""
    assert portal.environment
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        env={**portal.environment, "STATIC_ROOT": str(folder)},
        cwd=ROOT,
        check=True,
    )
