"""`make bench`: the time to handle bids, and to write an auction's notifications."""

import time
from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import django

from tests import servers

django.setup()

from commands.domain.commands import PlaceBid  # noqa: E402 (needs the settings)
from commands.ids import new_id  # noqa: E402
from commands.postgres.connections import SyncConnection  # noqa: E402
from commands.streams import Stream  # noqa: E402
from commands.wiring import pool  # noqa: E402
from notifications.notifier import notify  # noqa: E402
from tests.integration.in_process import InProcessPortal  # noqa: E402

BIDS = 1000
PARTICIPANTS = (100, 1_000, 10_000)
# They come with a live bid each, written as rows: what counts here is how many they are.
JOIN = """
WITH people AS (
    INSERT INTO users (id, username, password, is_staff, version, created_at)
    SELECT gen_random_uuid(), left(%(prefix)s || n, 30), '', false, 1, clock_timestamp()
    FROM generate_series(1, %(count)s) AS n RETURNING id
)
INSERT INTO bids (id, auction_id, bidder_id, amount, effective_amount, placed_at, placed_version,
                  reached_version, doubled, deleted)
SELECT gen_random_uuid(), %(auction)s, id, 1, 1, clock_timestamp(), 1, 1, false, false FROM people
"""


def main() -> None:
    """Print what was measured, each round beside the handling of the bids that it tells of."""
    in_process = InProcessPortal(pool())
    print(f"{BIDS} bids by one bidder, handled in batches; then everybody is notified, in one run")
    print(
        f"{'participants':>12}  {'handling':>10}  {'bids/s':>8}  {'notifying':>10}  {'again':>10}  notified"
    )
    for count in PARTICIPANTS:
        auction, bidder = in_process.auction(), in_process.user()
        with pool().connection() as connection:
            _join(connection, auction, count)
        notify(auction.id, pool())
        handling = _bid(in_process, auction, bidder, 100)
        notifying, users = _notified(in_process, auction)
        again_handling = _bid(in_process, auction, bidder, 100 + BIDS)
        again, users_again = _notified(in_process, auction)
        assert users == users_again == count, "everybody but who bid"
        each = (handling + again_handling) / 2
        print(
            f"{count:>12,}  {each:>8.2f} s  {BIDS / each:>8,.0f}  {notifying:>8.2f} s  {again:>8.2f} s  {users:,}"
        )
    print(
        "An auction's people are notified at most once a second: 'notifying' is the first notification of "
        "all, 'again' brings it up to date."
    )


def _join(connection: SyncConnection, auction: Stream, count: int) -> None:
    parameters = {"prefix": new_id().hex[-12:], "count": count, "auction": auction.id}
    connection.execute(JOIN, parameters)
    connection.execute("ANALYZE")


def _bid(in_process: InProcessPortal, auction: Stream, bidder: UUID, start: int) -> float:
    """Accept the bids; the seconds that handling them took."""
    for amount in range(start, start + BIDS):
        in_process.accept(auction, PlaceBid(auction.id, new_id(), bidder, Decimal(f"{amount}.00")))
    return _seconds(lambda: in_process.drain(auction))


def _notified(in_process: InProcessPortal, auction: Stream) -> tuple[float, int]:
    """The seconds of one run of the notifier without its pause, and how many users it notified."""
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE notification_progress SET ran_at = NULL WHERE auction_id = %s", (auction.id,)
        )
    users = set[object]()
    seconds = _seconds(lambda: users.update(notify(auction.id, in_process.pool).users))
    return seconds, len(users)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


try:
    main()
finally:
    servers.pytest_unconfigure()
