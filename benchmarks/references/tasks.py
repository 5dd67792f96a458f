"""A Celery task that does nothing, for a worker of its own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from celery import shared_task
from django.conf import settings
from redis import Redis

from portal.celery import app
from tests.waiting import wait_until

QUEUE = "bench"
COUNTER = "bench:noop"
NOOP = "benchmarks.noop"


@shared_task(name=NOOP, ignore_result=True)
def noop(last: bool) -> None:
    """Nothing; the last one says so."""
    if last:
        Redis.from_url(settings.REDIS_URL).set(COUNTER, 1)


@contextmanager
def worker() -> Iterator[None]:
    """A worker process that takes these tasks."""
    command = (
        *(sys.executable, "-m", "celery", "--quiet", "-A", "portal"),
        *("worker", "--without-gossip", "--without-mingle", "--without-heartbeat"),
        *("--queues", QUEUE, "--concurrency", "1", "--include", "benchmarks.references.tasks"),
        *("--hostname", "bench@%h", "--loglevel", "WARNING"),
    )
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        run(1)
        yield
    finally:
        process.terminate()
        process.wait()


def run(count: int) -> float:
    """Queue so many tasks; how many a second the worker did, from the first that was queued."""
    redis = Redis.from_url(settings.REDIS_URL)
    redis.delete(COUNTER)
    with app.producer_or_acquire() as producer:
        started = time.perf_counter()
        for number in range(count):
            app.send_task(NOOP, (number == count - 1,), queue=QUEUE, producer=producer)
    wait_until(lambda: redis.exists(COUNTER), 120, "the worker")
    return count / (time.perf_counter() - started)
