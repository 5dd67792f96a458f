"""Checks of notifications: each that is due was written once, and no other."""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from uuid import UUID

from tests.faults.clients import Ledger
from tests.faults.processes import Processes
from tests.faults.rules import is_sealed
from tests.faults.sales import Sale
from tests.faults.story import Story

NOTIFICATIONS = """
SELECT user_id, kind, auction_id, version, amount, read_at FROM notifications
WHERE auction_id = ANY(%s)
"""
ALIASES = "SELECT id, user_id FROM aliases WHERE auction_id = ANY(%s)"
# Of these one is brought up to date while it is unread.
UPDATED_WHILE_UNREAD = ("MAX_BID_CHANGED", "OUTBID")
# Those with live bids when the notifier runs, which may be later, get these.
OF_PAUSES = ("AUCTION_PAUSED", "AUCTION_RESUMED")
# Auction, user, kind, version, amount.
Cause = tuple[str, str, str, int, Decimal | None]


def notified(
    processes: Processes,
    ledger: Ledger,
    stories: Mapping[str, Story],
    sales: Mapping[str, Sale | None],
) -> Iterator[str]:
    """What is wrong with the notifications of the round's auctions."""
    ids = [UUID(auction) for auction in stories]
    rows = processes.sql(NOTIFICATIONS, (ids,))
    # Once an account is deleted it is forgotten who was behind its aliases.
    behind = {
        str(row["id"]): row["user_id"] and str(row["user_id"])
        for row in processes.sql(ALIASES, (ids,))
    }
    got: Counter[Cause] = Counter(
        (str(r["auction_id"]), str(r["user_id"]), r["kind"], r["version"], r["amount"])
        for r in rows
        if r["kind"] not in (*UPDATED_WHILE_UNREAD, *OF_PAUSES)
    )
    due: Counter[Cause] = Counter()
    for auction, story in stories.items():
        for bidder, kind, version, amount in _due(story, sales[auction]):
            if user := behind.get(bidder, bidder):
                due[auction, user, kind, version, amount] += 1
    for cause in got | due:
        if got[cause] != due[cause] and cause[1] not in ledger.deleted_users:
            yield f"{cause} was notified {got[cause]} times instead of {due[cause]}"
    changes: Counter[tuple[str, str]] = Counter()
    of_pauses: Counter[Cause] = Counter()
    for row in rows:
        auction, user = str(row["auction_id"]), str(row["user_id"])
        story = stories[auction]
        if row["kind"] in UPDATED_WHILE_UNREAD:
            changes[auction, user] += row["read_at"] is None
            if story.leads.get(row["version"]) != row["amount"] or is_sealed(story.rules):
                yield f"auction {auction}: {row['amount']} did not lead at version {row['version']}"
        if row["kind"] in OF_PAUSES:
            of_pauses[auction, user, row["kind"], row["version"], row["amount"]] += 1
            if user not in {behind.get(bid.bidder, bid.bidder) for bid in story.bids.values()}:
                yield f"auction {auction}: {user} was told of a pause, and never bid"
    yield from (f"{who} has {n} unread changes" for who, n in changes.items() if n > 1)
    yield from (f"{cause} was notified {n} times" for cause, n in of_pauses.items() if n > 1)


def _due(story: Story, sale: Sale | None) -> Iterator[tuple[str, str, int, Decimal | None]]:
    """To which bidder, of what, at which version, and with what amount."""
    for version, bid in story.doubled.items():
        yield bid.bidder, "BID_DOUBLED", version, bid.amount * 2
    for version, (bid, counted) in story.removed.items():
        yield bid.bidder, "BID_REMOVED", version, counted
    if story.ending:
        version, winner = story.ending["version"], story.winner
        if winner:
            yield winner.bidder, "AUCTION_WON", version, story.price
        cancelled = story.ending["type"] == "AuctionCancelled"
        for loser in story.bidders - ({winner.bidder} if winner else set()):
            yield loser, "AUCTION_CANCELLED" if cancelled else "AUCTION_LOST", version, story.price
    if sale:
        for version, (bidder, amount) in sale.offered.items():
            yield bidder, "LOT_OFFERED", version, amount
        for version, bidder in sale.lost.items():
            yield bidder, "LOT_LOST", version, None
