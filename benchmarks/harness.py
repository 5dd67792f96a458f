"""What a row of `make bench` is, and how it is measured.

A row is a file in benchmarks/rows with a docstring (its first line is the row's title) and a function

    def measure(bench: Bench) -> None

It runs in a process of its own, beside durable servers with migrated, empty databases, with Django
set up. It calls `bench.compare` for each figure that has a reference, `bench.report` for one that has
none, and `bench.curve` for a chart. Sizes come from `bench.size(full, quick)`: the quick ones are for the
test that runs every row once.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

REPETITIONS = 3
# Has the URL with which the portal's processes sign in to Postgres.
WRITERS_VARIABLE = "PORTAL_BENCH_DATABASE_URL"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A bound on measured/reference: at least (or, if not `least`, under) that."""

    ratio: float
    least: bool

    def met(self, ratio: float) -> bool:
        """Whether the ratio keeps the bound."""
        return ratio >= self.ratio if self.least else ratio < self.ratio

    def __str__(self) -> str:
        return f"{'at least' if self.least else 'under'} {self.ratio:g}x"


def at_least(ratio: float) -> Wanted:
    """The bound on a rate."""
    return Wanted(ratio, least=True)


def under(ratio: float) -> Wanted:
    """The bound on a time or a size."""
    return Wanted(ratio, least=False)


@dataclass(frozen=True, slots=True)
class Samples:
    """What repetitions of one thing gave."""

    name: str
    values: Sequence[float]

    @property
    def median(self) -> float:
        """The figure that is shown."""
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """Half of the way from the least to the most, as a part of the median."""
        if not self.median:
            return 0.0
        return (max(self.values) - min(self.values)) / 2 / abs(self.median)


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure, with its reference from the same run if it has one."""

    row: str
    measured: Samples
    unit: str
    reference: Samples | None = None
    wanted: Wanted | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Measured over reference."""
        if self.reference is None or not self.reference.median:
            return None
        return self.measured.median / self.reference.median

    @property
    def met(self) -> bool | None:
        """Whether the bound is kept; None without one."""
        if self.wanted is None or self.ratio is None:
            return None
        return self.wanted.met(self.ratio)


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart: how a figure changes with something that grows."""

    chart: str
    line: str
    x: str
    y: str
    points: Sequence[tuple[float, float]]


@dataclass(slots=True)
class Bench:
    """Collects the figures of one row."""

    row: str
    quick: bool
    say: Callable[[str], None]
    figures: list[Figure] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)

    @property
    def repetitions(self) -> int:
        """How often each thing is measured."""
        return 1 if self.quick else REPETITIONS

    def size(self, full: int, quick: int) -> int:
        """How much of something there is in this run."""
        return quick if self.quick else full

    def samples(self, measurements: Mapping[str, Callable[[], float]]) -> list[Samples]:
        """Each measured `repetitions` times in alternation, after one warm-up each."""
        values: dict[str, list[float]] = {name: [] for name in measurements}
        for repetition in range(self.repetitions + (not self.quick)):
            for name, measure in measurements.items():
                value = measure()
                if repetition or self.quick:
                    self.say(f"{name}: {value:,.4g}")
                    values[name].append(value)
        return [Samples(name, each) for name, each in values.items()]

    def compare(
        self,
        measured: Samples,
        reference: Samples,
        unit: str,
        wanted: Wanted | None = None,
        note: str = "",
    ) -> None:
        """Add a figure with its reference."""
        self.figures.append(Figure(self.row, measured, unit, reference, wanted, note))

    def report(self, name: str, value: float, unit: str, note: str = "") -> None:
        """Add a figure that stands alone."""
        self.say(f"{name}: {value:,.4g} {unit}")
        self.figures.append(Figure(self.row, Samples(name, [value]), unit, note=note))

    def curve(self, curve: Curve) -> None:
        """Add a line to a chart."""
        self.curves.append(curve)


def rate(count: int, work: Callable[[], object]) -> float:
    """How many a second, if the work does that many."""
    return count / seconds(work)


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def as_json(bench: Bench, took: float) -> dict[str, Any]:
    """A row's result as a file keeps it."""
    return {
        "row": bench.row,
        "seconds": round(took, 1),
        "figures": [asdict(figure) for figure in bench.figures],
        "curves": [asdict(curve) for curve in bench.curves],
    }


def figure_of(content: Mapping[str, Any]) -> Figure:
    """A figure as it was written."""
    samples = {
        name: Samples(**content[name]) for name in ("measured", "reference") if content[name]
    }
    wanted = Wanted(**content["wanted"]) if content["wanted"] else None
    return Figure(
        content["row"],
        samples["measured"],
        content["unit"],
        samples.get("reference"),
        wanted,
        content["note"],
    )


def curve_of(content: Mapping[str, Any]) -> Curve:
    """A curve as it was written."""
    points = [(x, y) for x, y in content["points"]]
    return Curve(content["chart"], content["line"], content["x"], content["y"], points)
