"""Mails of won auctions, and their rows, for tests."""

from typing import Any
from uuid import UUID

from commands.domain.commands import AnnounceWinner
from commands.postgres.connections import Pool
from notifications.preferences import NotificationKind
from tests.integration.in_process import SHORTLY, InProcessPortal
from tests.integration.notifying import run_notifier

WON = NotificationKind.AUCTION_WON
ALICE, BOB = "alice@example.org", "bob@example.org"


def won(in_process: InProcessPortal, address: str) -> UUID:
    """Somebody with that address who won an auction, and wants mails."""
    winner = in_process.user(email=address)
    auction = in_process.auction(seconds=0.05)
    in_process.bid(auction, winner, "12.50", at=in_process.over(auction) - SHORTLY)
    in_process.settled(auction, AnnounceWinner(auction.id))
    run_notifier(in_process, auction)
    return winner


def of(pool: Pool, user_id: UUID) -> dict[str, Any]:
    """The row of a user's only mail."""
    with pool.connection() as connection:
        [row] = connection.execute("SELECT * FROM mails WHERE user_id = %s", (user_id,)).fetchall()
    return row


def due_now(pool: Pool, user_id: UUID) -> None:
    """As if the pause, or the lease, were over."""
    with pool.connection() as connection:
        connection.execute(
            "UPDATE mails SET due = clock_timestamp() WHERE user_id = %s AND due IS NOT NULL",
            (user_id,),
        )
