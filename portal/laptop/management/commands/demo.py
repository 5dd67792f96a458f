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
from portal.laptop.demo.draws import Revealed, secrets_of, ticks_on_request
from portal.laptop.demo.play import run_demo
from portal.laptop.demo.reasons import reasons_of
from portal.laptop.demo.running import RunningPortal, running_portal
from portal.laptop.demo.screen import Screen, amount
from portal.laptop.demo.setting_up import new_password
from portal.laptop.demo.state import Demo, DemoAuction

AUCTIONEER = "auctioneer"
VERIFY_AUCTION = "docs/verify_auction.py"
VERIFY_CHECKPOINT = "docs/verify_checkpoint.py"


class Command(BaseCommand):
    """Starts a portal, has clients bid on it, and checks who won."""

    help = (
        "Start a fresh portal and play a live auction against it, over HTTP and WebSocket. Then "
        "keep serving until Ctrl-C, or with --exit end: status 0 only if every auction was "
        "announced with the winner that the clients' own records give."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012 (Django's own declaration)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--exit", action="store_true", help="end after the checks")
        parser.add_argument("--port", type=int, default=0, help="default: a free one")

    def handle(self, *_: Any, **options: Any) -> None:
        console = Console(highlight=False)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        try:
            console.print("Starting Postgres, Redis, MongoDB, web, workers and beat …")
            with running_portal(Path(settings.BASE_DIR) / ".demo", options["port"]) as running:
                demo = Demo(running, Screen(console))
                right = _run(console, demo)
                # Where to go on, only as long as there is a portal to go to.
                if not options["exit"]:
                    _print_next_steps(console, running, demo.passwords)
                    _serve(console)
        except CannotStart as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("stopped before the end") from None
        if not right:
            raise CommandError("the demo did not go as it should")


def _run(console: Console, demo: Demo) -> bool:
    """Run the demo once and print its result; whether everything was as expected."""
    running = demo.portal
    password = new_password()
    console.print(f"Portal ready at {running.url}, its log is {_shown(running.log)}\n")
    with demo.screen.live(), ticks_on_request(running.data):
        asyncio.run(run_demo(demo, AUCTIONEER, password))
    revealed = asyncio.run(secrets_of(demo))
    checked = asyncio.run(running.manage("verify_events"))
    fair = [_fair(running, auction) for auction in demo.auctions]
    complete = _complete(running, demo.auctions)
    right = [_as_expected(auction) for auction in demo.auctions]
    console.print(_results(demo.auctions))
    for title, sentences in asyncio.run(reasons_of(demo)).items():
        console.print(f"{title}: {' '.join(sentences)}", markup=False)
    console.print(_checked_draws(demo, revealed, fair))
    console.print(f"{VERIFY_CHECKPOINT}, which outsiders use to see that nothing was removed:")
    console.print(complete.stdout or complete.stderr, markup=False)
    for surprise in demo.unexpected:
        console.print(f"[red]Surprise:[/] {surprise}")
    console.print(
        f"{sum(right)} of {len(right)} auctions ended as the clients' own books say. "
        f"verify_events: {checked['events']} events, {len(checked['findings'])} findings.\n"
    )
    sound = complete.returncode == 0 and not checked["findings"]
    return all(right) and all(fair) and not demo.unexpected and sound


def _fair(running: RunningPortal, auction: DemoAuction) -> bool:
    """Whether docs/verify_auction.py, which outsiders use, finds the auction's draws fair."""
    return _outsiders(running, VERIFY_AUCTION, auction.id).returncode == 0


def _complete(
    running: RunningPortal, auctions: Sequence[DemoAuction]
) -> subprocess.CompletedProcess[str]:
    """What docs/verify_checkpoint.py says of the auctions, beside the newest checkpoint."""
    return _outsiders(running, VERIFY_CHECKPOINT, *(auction.id for auction in auctions))


def _outsiders(
    running: RunningPortal, program: str, *words: str
) -> subprocess.CompletedProcess[str]:
    """A program of docs/ as outsiders run it."""
    command = (sys.executable, str(Path(settings.BASE_DIR) / program), running.url, *words)
    return subprocess.run(command, check=False, capture_output=True, text=True)


def _checked_draws(demo: Demo, revealed: Mapping[int, Revealed], fair: Sequence[bool]) -> Table:
    beacons = ", ".join(sorted({tick.beacon for tick in revealed.values()}))
    table = Table(
        title=f"Draws, checked with {VERIFY_AUCTION}",
        title_style="bold",
        caption=f"Each seed is made of the secret, the bids with their nonces, and the value of: {beacons}.",
    )
    for name in (
        "tick",
        "auction",
        "the bid's chance",
        "counts now",
        "the secret",
        "the beacon's value",
    ):
        table.add_column(name)
    table.add_column("fair")
    verdicts = dict(zip([auction.id for auction in demo.auctions], fair, strict=True))
    for draw in sorted(demo.draws, key=lambda draw: draw.tick):
        tick = revealed.get(draw.tick)
        table.add_row(
            str(draw.tick),
            draw.auction.ledger.title,
            f"{draw.chance:.1%}",
            draw.effective_amount,
            f"{tick.secret[:12]}…" if tick else "kept",
            f"{tick.value[:12]}…" if tick else "",
            "[green]✓[/]" if verdicts[draw.auction.id] else "[red]✗[/]",
        )
    return table


def _as_expected(auction: DemoAuction) -> bool:
    expected = auction.ledger.leading
    if auction.ended is None or expected is None:
        return auction.ended is not None and auction.ended["__typename"] == "AuctionEndedUnsold"
    bid = auction.ended.get("bid")
    return bool(
        bid
        and bid["id"] == expected.bid_id
        and Decimal(bid["effectiveAmount"]) == expected.effective_amount
    )


def _results(auctions: list[DemoAuction]) -> Table:
    table = Table(title="Final standings", title_style="bold")
    for name in ("auction", "winner", "with", "announced after", "own books say"):
        table.add_column(name)
    for auction in auctions:
        expected = auction.ledger.leading
        bid = (auction.ended or {}).get("bid")
        table.add_row(
            auction.ledger.title,
            bid["bidder"]["username"] if bid else "-",
            amount(bid) if bid else "-",
            _delay(auction),
            f"{expected.bidder if expected else 'unsold'} "
            + ("[green]✓[/]" if _as_expected(auction) else "[red]✗[/]"),
        )
    return table


def _delay(auction: DemoAuction) -> str:
    if auction.ended is None:
        return "never"
    recorded = datetime.fromisoformat(auction.ended["recordedAt"])
    return f"{(recorded - auction.ends_at).total_seconds():.2f} s"


def _print_next_steps(
    console: Console, running: RunningPortal, passwords: Mapping[str, str]
) -> None:
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
    """The path relative to the working directory, if it lies in it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _serve(console: Console) -> None:
    console.print("\nServing until Ctrl-C.")
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()
    console.print("Stopping.")
