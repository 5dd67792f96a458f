"""What the demo shows: live tables in a terminal, plain lines anywhere else."""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, JustifyMethod
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

LINES = 16
# Rows for titles, heads and borders.
FRAME = 8
# Titles are cut to so many characters, so that all columns fit into 80.
TITLE = 26
STYLES = {
    "bid": "cyan",
    "no": "yellow",
    "gone": "magenta",
    "luck": "green",
    "notification": "blue",
    "won": "bold green",
}


@dataclass(slots=True)
class Screen:
    """The auctions' latest states from subscriptions, and the last LINES lines of the log."""

    console: Console
    auctions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _lines: deque[Text] = field(default_factory=lambda: deque(maxlen=LINES))
    _started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def say(self, kind: str, line: str) -> None:
        """Add a line of that kind (a key of STYLES) to the log."""
        seconds = (datetime.now(UTC) - self._started).total_seconds()
        text = Text(f"{seconds:5.1f} s  ", style="dim", no_wrap=True, overflow="ellipsis")
        text.append(line, style=STYLES.get(kind, ""))
        self._lines.append(text)
        if not self.console.is_terminal:
            self.console.print(text, soft_wrap=True)

    @contextmanager
    def live(self) -> Iterator[None]:
        """Redraw the tables on the screen while the block runs."""
        if not self.console.is_terminal:
            yield
            return
        with Live(get_renderable=self._view, console=self.console, refresh_per_second=8):
            yield

    def _view(self) -> Group:
        table = Table(
            expand=True,
            box=SIMPLE_HEAD,
            title="Auctions, live over WebSocket",
            title_style="bold",
        )
        for name in ("auction", "state", "leading bid", "by", "bids", "bidders"):
            numbers = name in {"bids", "bidders"}
            widest = TITLE if name == "auction" else None
            justify: JustifyMethod = "right" if numbers else "left"
            table.add_column(name, justify=justify, no_wrap=True, max_width=widest)
        for auction in self.auctions.values():
            table.add_row(*_row(auction))
        # If the terminal has too few rows for all lines, the newest are shown.
        room = max(1, self.console.height - len(self.auctions) - FRAME)
        newest = list(self._lines)[-room:]
        return Group(table, Panel(Group(*newest), title="What happens", border_style="dim"))


def _row(auction: Mapping[str, Any]) -> tuple[str, ...]:
    leading = auction["leadingBid"]
    return (
        auction["title"],
        _state(auction),
        _counts(leading) if leading else "-",
        leading["bidder"]["username"] if leading else "-",
        str(auction["bidCount"]),
        str(auction["bidderCount"]),
    )


def _state(auction: Mapping[str, Any]) -> str:
    if auction["winner"]:
        return "sold"
    left = (datetime.fromisoformat(auction["endsAt"]) - datetime.now(UTC)).total_seconds()
    return f"{left:.0f} s left" if left > 0 else "ended"


def _counts(bid: Mapping[str, Any]) -> str:
    return f"{bid['effectiveAmount']} (x 2)" if bid["doubled"] else str(bid["amount"])


def amount(bid: Mapping[str, Any]) -> str:
    """The bid's effective amount, with what its bidder pays if that differs."""
    if not bid["doubled"]:
        return str(bid["amount"])
    return f"{bid['effectiveAmount']} (pays {bid['amount']})"
