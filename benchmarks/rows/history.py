"""What a bid costs on an auction that holds very many, beside what it costs on an empty one."""

from uuid import UUID

from benchmarks.bids import Bids
from benchmarks.harness import Bench, Curve, at_least, rate
from benchmarks.history import fill
from commands.streams import Stream
from commands.wiring import pool
from notifications.notifier import notify_together

BIDDERS = 1000
TOLD = "INSERT INTO notification_progress (auction_id, version) VALUES (%s, %s)"


def measure(bench: Bench) -> None:
    """Drained, projected and notified of, on an auction with a million bids and on a new one, in alternation."""
    bids = Bids(pool(), BIDDERS)
    count, held = bench.size(4000, 100), bench.size(1_000_000, 2000)
    [full] = bids.auctions(1)
    bench.say(f"filling an auction with {held:,} bids")
    fill(bids, full, held)
    tell_no_more(full, held + 1)

    def drained(auction: Stream) -> float:
        bids.waiting([auction], count)
        return rate(count, lambda: bids.drain([auction]))

    def projected(auction: Stream) -> float:
        return rate(count, lambda: bids.project([auction]))

    empty: list[Stream] = []

    def drained_empty() -> float:
        empty[:] = bids.auctions(1)
        return drained(empty[0])

    def notified(auction: Stream) -> float:
        return rate(count, lambda: notify_all(auction))

    # Few bids, and an unread notification of each bidder, as the one that holds very many has.
    [young] = bids.auctions(1)
    drained(young)
    notify_all(young)

    def notified_again() -> float:
        drained(young)
        return notified(young)

    many, few, shown_many, shown_few, told_many, told_few, told_young = bench.samples(
        {
            f"drained, on {held:,} bids": lambda: drained(full),
            "drained, on an empty auction": drained_empty,
            f"projected, on {held:,} bids": lambda: projected(full),
            "projected, on an empty auction": lambda: projected(empty[0]),
            f"notified of, on {held:,} bids": lambda: notified(full),
            "notified of, on an empty auction": lambda: notified(empty[0]),
            f"notified of, on {count:,} bids": notified_again,
        }
    )
    bench.compare(many, few, "bids/s", at_least(0.9))
    bench.compare(shown_many, shown_few, "events/s", at_least(0.9))
    note = "on the empty one each notification is a new row, here an unread one is rewritten"
    bench.compare(told_many, told_few, "events/s", at_least(0.9), note)
    bench.compare(told_many, told_young, "events/s", at_least(0.9), "both rewrite unread ones")
    for line, small, large in (
        ("drained", few, many),
        ("projected", shown_few, shown_many),
        ("notified of", told_few, told_many),
    ):
        points = [(0.0, small.median), (float(held), large.median)]
        bench.curve(Curve("Bids a second on an auction's history", line, "bids", "bids/s", points))


def tell_no_more(auction: Stream, version: int) -> None:
    """As if everybody had been notified up to that version."""
    with pool().connection() as connection:
        connection.execute(TOLD, (auction.id, version))


def notify_all(auction: Stream) -> None:
    """Notify all bidders of what is new; the last run was long ago."""
    with pool().connection() as connection:
        connection.execute(
            "UPDATE notification_progress SET ran_at = NULL WHERE auction_id = %s", (auction.id,)
        )
    told, unfinished = set[UUID](), [auction.id]
    while unfinished:
        done = notify_together(unfinished, pool())
        told |= done.users.get(auction.id, set())
        unfinished = done.unfinished
    assert told
