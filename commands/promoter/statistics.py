"""Statistics of past draws, as numbers and as bars of a chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from commands.postgres.connections import SyncConnection
from commands.postgres.draws import draws_by_bidder, draws_by_chance, draws_by_hour, draws_by_policy

HOURS = 24
TENTHS = 10
# The chart's own units; the page scales it.
WIDTH, HEIGHT, GAP = 480, 120, 2


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its position in the chart, label and value."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: int


@dataclass(frozen=True, slots=True)
class Effect:
    """Statistics of the draws by one version of the policies."""

    version: int
    draws: int
    added: Decimal
    last: datetime


def bars(values: Sequence[tuple[str, int]]) -> list[Bar]:
    """Bars for the labelled values; the highest bar is as high as the chart."""
    step = WIDTH / len(values)
    highest = max(value for _, value in values) or 1
    return [
        Bar(
            x=place * step,
            y=HEIGHT - HEIGHT * value / highest,
            width=step - GAP,
            height=HEIGHT * value / highest,
            label=label,
            value=value,
        )
        for place, (label, value) in enumerate(values)
    ]


def hourly(connection: SyncConnection, now: datetime) -> list[Bar]:
    """Draws in each of the last 24 hours."""
    counts = {row["hour"]: row["draws"] for row in draws_by_hour(connection)}
    this = now.replace(minute=0, second=0, microsecond=0)
    hours = [this - timedelta(hours=back) for back in reversed(range(HOURS))]
    return bars([(f"{hour:%H:00}", counts.get(hour, 0)) for hour in hours])


def by_chance(connection: SyncConnection) -> list[Bar]:
    """Draws by the drawn bid's chance, in steps of 10 per cent; each bar begins at its label."""
    counts = {row["tenth"]: row["draws"] for row in draws_by_chance(connection)}
    return bars([(f"{tenth * 10} %", counts.get(tenth, 0)) for tenth in range(TENTHS)])


def by_policy(connection: SyncConnection) -> list[Effect]:
    """Statistics of the draws by version of the policies, newest first."""
    return [Effect(**row) for row in draws_by_policy(connection)]


def luckiest(connection: SyncConnection) -> list[tuple[UUID, int]]:
    """The bidders with the most doubled bids."""
    return [(row["bidder_id"], row["draws"]) for row in draws_by_bidder(connection)]
