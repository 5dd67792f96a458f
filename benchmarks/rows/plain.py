"""A bid without rules: the processor time it takes, beside the last release in which auctions had no rules."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from benchmarks.harness import Bench, Samples, under

ROOT = Path(__file__).resolve().parent.parent.parent
PROBE = Path(__file__).with_name("_plain_bids.py")
# The last commit in which auctions had no rules.
BEFORE = "6dccc551"
PARTS = ("handling", "projecting", "Postgres", "MongoDB", "all of it")


def measure(bench: Bench) -> None:
    """In one auction and over many: the two releases in turn, each in a process with servers of its own."""
    with ExitStack() as stack:
        releases = {"now": stack.enter_context(_Release.running(ROOT, bench.quick))}
        if before := stack.enter_context(_sources(BEFORE)):
            releases["before rules"] = stack.enter_context(_Release.running(before, bench.quick))
        for auctions, place in ((1, "one auction"), (bench.size(200, 5), "many auctions")):
            found = _samples(bench, releases, auctions)
            for part in PARTS:
                now = Samples(f"a plain bid in {place}, {part}", found["now", part])
                if before:
                    then = Samples("before there were rules", found["before rules", part])
                    bound = under(1.03) if part == PARTS[-1] else None
                    bench.compare(now, then, "µs of processor time", bound)
                else:
                    note = f"{BEFORE} is not in this clone"
                    bench.report(now.name, now.median, "µs of processor time", note)


class _Release:
    """A release that drains bids when it is asked to."""

    def __init__(self, questions: IO[str], answers: IO[str]) -> None:
        self._questions, self._answers = questions, answers

    @classmethod
    @contextmanager
    def running(cls, sources: Path, quick: bool) -> "Iterator[_Release]":
        """The one of these sources."""
        words = [sys.executable, "-m", "benchmarks.row", PROBE.stem, os.devnull]
        # Without the servers that are given: each release migrates its own.
        environment = {name: each for name, each in os.environ.items() if not name.endswith("_URL")}
        with subprocess.Popen(
            [*words, *(["--quick"] if quick else [])],
            cwd=sources,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin
            assert process.stdout
            yield cls(process.stdin, process.stdout)
            process.stdin.close()
            process.wait()

    def sample(self, auctions: int, bids: int) -> list[float]:
        """Microseconds of processor time per bid, by parts."""
        self._questions.write(f"{auctions} {bids}\n")
        self._questions.flush()
        for line in self._answers:
            if line.startswith("["):
                spent = json.loads(line)
                return [part / bids * 1e6 for part in (*spent, sum(spent))]
        raise RuntimeError("a release ended before it answered")


def _samples(
    bench: Bench, releases: dict[str, _Release], auctions: int
) -> dict[tuple[str, str], list[float]]:
    bids, times = bench.size(6000, 1000), bench.size(8, 1)
    found: dict[tuple[str, str], list[float]] = {}
    for time in range(times + (not bench.quick)):
        # The one that was second is first, so that what both leave behind costs both as much.
        for name in sorted(releases, reverse=bool(time % 2)):
            sample = releases[name].sample(auctions, bids)
            if not time and not bench.quick:
                continue
            bench.say(f"{name}: {sample[-1]:,.0f} µs a bid over {auctions}")
            for part, value in zip(PARTS, sample, strict=True):
                found.setdefault((name, part), []).append(value)
    return found


@contextmanager
def _sources(commit: str) -> Iterator[Path | None]:
    """The sources of that commit, which can be asked as these can; None if this clone does not have it."""
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        packed = subprocess.run(
            ["git", "archive", commit], cwd=ROOT, capture_output=True, check=False
        )
        if packed.returncode:
            yield None
            return
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as file:
            file.extractall(folder, filter="data")
        sources = Path(folder)
        shutil.copy(PROBE, sources / "benchmarks" / "rows")
        yield sources
