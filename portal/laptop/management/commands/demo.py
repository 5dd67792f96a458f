"""`manage.py demo`: a live auction on a portal of its own."""

import asyncio
import contextlib
import signal
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from portal.laptop.child import CannotStart
from portal.laptop.demo.play import Lot, Play, new_password, perform, secrets_of
from portal.laptop.demo.running import RunningPortal, running_portal
from portal.laptop.demo.screen import Screen, amount

AUCTIONEER = "auctioneer"
VERIFY_DRAW = "docs/verify_draw.py"


class Command(BaseCommand):
    """Plays a live auction as outside clients would, and checks who won."""

    help = (
        "Start a fresh portal and play a live auction against it, over HTTP and WebSocket. Then "
        "keep serving until Ctrl-C, or with --exit end: status 0 only if every auction was "
        "announced with the winner that the clients' own books expect."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012 (Django's own declaration)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--exit", action="store_true", help="end after the verdict")
        parser.add_argument("--port", type=int, default=0, help="default: a free one")

    def handle(self, *_: Any, **options: Any) -> None:
        console = Console(highlight=False)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        try:
            console.print("Starting Postgres, Redis, MongoDB, web, workers and beat …")
            with running_portal(Path(settings.BASE_DIR) / ".demo", options["port"]) as running:
                right = _performance(console, running)
                if not options["exit"]:
                    _serve(console)
        except CannotStart as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("stopped before the end") from None
        if not right:
            raise CommandError("the demo did not go as it should")


def _performance(console: Console, running: RunningPortal) -> bool:
    """Play once and print what came of it; whether all went right."""
    play = Play(running, Screen(console))
    password = new_password()
    console.print(f"Portal ready at {running.url}, its log is {_shown(running.log)}\n")
    with play.screen.live():
        asyncio.run(perform(play, AUCTIONEER, password))
    revealed = asyncio.run(secrets_of(play))
    checked = asyncio.run(running.manage("verify_events"))
    fair = [_fair(running, lot) for lot in play.lots]
    right = [_as_expected(lot) for lot in play.lots]
    console.print(_standings(play.lots))
    console.print(_proofs(play, revealed, fair))
    for surprise in play.surprises:
        console.print(f"[red]Surprise:[/] {surprise}")
    console.print(
        f"{sum(right)} of {len(right)} auctions ended as the clients' own books say. "
        f"verify_events: {checked['events']} events, {len(checked['findings'])} findings.\n"
    )
    _signposts(console, running, play.passwords)
    return all(right) and all(fair) and not play.surprises and not checked["findings"]


def _fair(running: RunningPortal, lot: Lot) -> bool:
    """What an outsider's script says of the auction's draws."""
    script = (sys.executable, str(Path(settings.BASE_DIR) / VERIFY_DRAW), running.url, lot.id)
    return subprocess.run(script, check=False, capture_output=True).returncode == 0


def _proofs(play: Play, revealed: Mapping[int, str], fair: Sequence[bool]) -> Table:
    table = Table(title=f"Draws, checked with {VERIFY_DRAW}", title_style="bold")
    for name in ("tick", "auction", "the bid's chance", "counts now", "the secret, revealed"):
        table.add_column(name)
    table.add_column("fair")
    verdicts = dict(zip([lot.id for lot in play.lots], fair, strict=True))
    for draw in sorted(play.draws, key=lambda draw: draw.tick):
        table.add_row(
            str(draw.tick),
            draw.lot.books.title,
            f"{draw.chance:.1%}",
            draw.effective_amount,
            f"{revealed.get(draw.tick, 'kept')[:16]}…",
            "[green]✓[/]" if verdicts[draw.lot.id] else "[red]✗[/]",
        )
    return table


def _as_expected(lot: Lot) -> bool:
    expected = lot.books.leading
    if lot.ended is None or expected is None:
        return lot.ended is not None and lot.ended["__typename"] == "AuctionEndedUnsold"
    bid = lot.ended.get("bid")
    return bool(
        bid
        and bid["id"] == expected.bid_id
        and Decimal(bid["effectiveAmount"]) == expected.effective_amount
    )


def _standings(lots: list[Lot]) -> Table:
    table = Table(title="Final standings", title_style="bold")
    for name in ("auction", "winner", "with", "announced after", "own books say"):
        table.add_column(name)
    for lot in lots:
        expected = lot.books.leading
        bid = (lot.ended or {}).get("bid")
        table.add_row(
            lot.books.title,
            bid["bidder"]["username"] if bid else "-",
            amount(bid) if bid else "-",
            _delay(lot),
            f"{expected.bidder if expected else 'unsold'} "
            + ("[green]✓[/]" if _as_expected(lot) else "[red]✗[/]"),
        )
    return table


def _delay(lot: Lot) -> str:
    if lot.ended is None:
        return "never"
    recorded = datetime.fromisoformat(lot.ended["recordedAt"])
    return f"{(recorded - lot.ends_at).total_seconds():.2f} s"


def _signposts(console: Console, running: RunningPortal, passwords: Mapping[str, str]) -> None:
    manage = f"{_shown(Path(sys.executable))} manage.py"
    data = f"--data {_shown(running.data)}"
    console.print(
        f"Bidders' page   {running.url}/   three lots are open for an hour, two are coming\n"
        f"                sign in as alice, {passwords['alice']}, and in another window as "
        f"bob, {passwords['bob']}\n"
        f"GraphiQL        {running.url}/graphql\n"
        f"Admin           {running.url}/admin/   ({AUCTIONEER}, {passwords[AUCTIONEER]})\n"
        f"Commands        {manage} status {data}\n"
        f"                {manage} create_auction 'A lamp' --ends-at +10m {data}\n"
        f"                {manage} help\n"
        f"Mails           {_shown(running.data / 'mails')}/",
        soft_wrap=True,
        markup=False,
    )


def _shown(path: Path) -> str:
    """Short where it can be: as seen from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _serve(console: Console) -> None:
    console.print("\nServing until Ctrl-C.")
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()
    console.print("Stopping.")
