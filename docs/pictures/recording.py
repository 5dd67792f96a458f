"""Makes demo.svg from what the demo printed: COLUMNS=100 manage.py demo --exit | python docs/pictures/recording.py

The lines come one after the other; without animation all of them are there from the start.
"""

import re
import sys
from html import escape
from pathlib import Path

LINE, SIZE, PADDING = 18, 13, 14
# How many lines of what happens are shown before the verdict, and seconds between lines.
HAPPENINGS, PAUSE = 18, 0.25
COLORS = (
    (re.compile(r"doubled|tick \d"), "#e5c07b"),
    (re.compile(r": sold to|✓"), "#98c379"),
    (re.compile(r"(?:BID|AUCTION)_[A-Z_]+|not higher|only its bidder"), "#e06c75"),
)


def chosen(lines: list[str]) -> list[str]:
    """The demo's end, and bids, draws and sales before it; of what people are told, what was won."""
    happened = [line for line in lines if re.match(r" *\d+\.\d s ", line)]
    shown = [line for line in happened if " s  to " not in line or "You won" in line]
    end = lines.index(happened[-1]) + 1
    verdict = next(i for i, line in enumerate(lines) if "auctions ended as" in line)
    return [line[:110] for line in (*shown[-HAPPENINGS:], *lines[end : verdict + 2])]


def color(line: str) -> str:
    """The line's colour."""
    return next((value for pattern, value in COLORS if pattern.search(line)), "#d7dae0")


def text(number: int, line: str) -> str:
    """One line, which comes when it is its turn."""
    y = PADDING + LINE * (number + 1)
    # Browsers fold the spaces that columns are made of.
    kept = escape(line).replace(" ", "\N{NO-BREAK SPACE}")
    begin = f'<animate attributeName="opacity" values="0" dur="{number * PAUSE + 0.01:.2f}s"/>'
    return f'<text x="{PADDING}" y="{y}" fill="{color(line)}">{kept}{begin}</text>'


def picture(lines: list[str]) -> str:
    """The SVG."""
    width = PADDING * 2 + int(max(map(len, lines)) * SIZE * 0.602)
    height = PADDING * 2 + LINE * (len(lines) + 1)
    body = "\n".join(text(number, line) for number, line in enumerate(lines))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace" '
        f'font-size="{SIZE}">\n'
        f'<rect width="100%" height="100%" rx="8" fill="#1e2127"/>\n{body}\n</svg>\n'
    )


if __name__ == "__main__":
    (Path(__file__).parent / "demo.svg").write_text(picture(chosen(sys.stdin.read().splitlines())))
