"""The write and the read side in this process, without workers: commands, then what a task would do."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from pymongo.collection import Collection

from commands.domain.commands import (
    Command,
    CreateAuction,
    CreateUser,
    DeleteBid,
    PlaceBid,
    SetMaximum,
)
from commands.domain.rules.table import Rules, in_order
from commands.handling.drain import drain_batch
from commands.ids import new_id
from commands.inbox.hiding import HiddenReserve
from commands.inbox.requests import Caller, place_bid, set_maximum
from commands.jobs import Job, Submission
from commands.postgres.accepting import accept
from commands.postgres.addresses import confirm, take_due_confirmations
from commands.postgres.auctions import read_auction
from commands.postgres.connections import Pool, clock
from commands.postgres.jobs import PostgresJobInbox
from commands.postgres.secret_keys import key_for_auction, key_for_user
from commands.postgres.ticks import give_up, open_tick
from commands.postgres.users import withdrawing_users
from commands.promoter.rounds import run_promoter
from commands.streams import Stream
from projections.mongo.bson import Bson
from projections.mongo.generations import live_generations
from projections.mongo.layout import collection_name
from projections.wiring import database
from tests.waiting import wait_until

ABOVE = (
    "SELECT 1 FROM events WHERE transaction_id >= pg_snapshot_xmin(pg_current_snapshot()) LIMIT 1"
)
# Shortly before an end: however slow the machine, what is accepted then was in time.
SHORTLY = timedelta(milliseconds=1)


class InProcessPortal:
    """Accepts jobs and drains streams, one thing after the other."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def now(self) -> datetime:
        """The clock that decides."""
        with self.pool.connection() as connection:
            return clock(connection)

    def accept(
        self, stream: Stream, command: Command, *, at: datetime | None = None, **more: object
    ) -> Job:
        """A job in the inbox, as if accepted at that moment; nobody is woken."""
        submission = Submission(stream, command, {"id": str(new_id())}, "test", **more)  # type: ignore[arg-type]  # its own fields
        with self.pool.connection() as connection:
            job = accept(connection, submission)
            if at:
                connection.execute("UPDATE jobs SET accepted_at = %s WHERE id = %s", (at, job.id))
        return job

    def drain(self, stream: Stream) -> None:
        """Handle all that waits; raises what kept it from being handled."""
        while True:
            handled = drain_batch([stream], self.pool)
            if not (handled.outcomes or handled.recorded or handled.woken):
                break
        if handled.fault:
            raise handled.fault

    def waiting_streams(self, longer_than: timedelta = timedelta(0)) -> list[Stream]:
        """The streams whose jobs have waited that long, and users whose bids are being withdrawn."""
        with self.pool.connection() as connection:
            waiting = PostgresJobInbox(connection).waiting_streams(longer_than)
            withdrawing = [Stream("user", user_id) for user_id in withdrawing_users(connection)]
        return [*(stream for stream, _ in waiting), *withdrawing]

    def settled(
        self, stream: Stream, command: Command, *, at: datetime | None = None, **more: object
    ) -> Job:
        """Accept, handle, and look at the outcome."""
        job = self.accept(stream, command, at=at, **more)
        self.drain(stream)
        return self.job(job.id)

    def job(self, job_id: UUID) -> Job:
        """The job as it stands."""
        with self.pool.connection() as connection:
            found = PostgresJobInbox(connection).find(job_id)
        assert found
        return found

    def user(self, *, is_staff: bool = False, email: str | None = None) -> UUID:
        """A new user, who has confirmed their address."""
        user_id = new_id()
        command = CreateUser(user_id, f"u{user_id.hex[-20:]}", email, "!", is_staff)
        job = self.settled(Stream("user", user_id), command)
        assert job.rejection is None, job
        if email:
            with self.pool.connection() as connection:
                take_due_confirmations(connection, user_id)
                assert confirm(connection, user_id, email)
        return user_id

    def auction(
        self, seconds: float = 600, rules: Rules = (), reserve: Decimal | None = None
    ) -> Stream:
        """A new auction that is open for that long, with these rules beside the plain ones."""
        stream = Stream("auction", new_id())
        if reserve is not None:
            with self.pool.connection() as connection:
                key = key_for_auction(connection, stream.id)
            rules = in_order([*rules, HiddenReserve(stream.id, reserve, key).rule()])
        now = self.now()
        ends_at = now + timedelta(seconds=seconds)
        command = CreateAuction(stream.id, "A clock", "", None, ends_at, None, rules)
        job = self.settled(stream, command, at=now)
        assert job.rejection is None, job
        return stream

    def wait_for_the_order(self) -> None:
        """Until every event is below the oldest transaction that writes, in whatever test that runs."""
        with self.pool.connection() as connection:
            wait_until(
                lambda: not connection.execute(ABOVE).fetchone(), 120, "others' transactions"
            )

    def over(self, stream: Stream) -> datetime:
        """Wait until the auction is over; when it ended."""
        with self.pool.connection() as connection:
            auction = read_auction(connection, stream.id)
        assert auction
        wait_until(lambda: self.now() > auction.ends_at, 60, "the auction's end")
        return auction.ends_at

    def bid(
        self, stream: Stream, bidder_id: UUID, amount: str, *, at: datetime | None = None
    ) -> UUID:
        """An accepted bid."""
        bid_id = new_id()
        command = PlaceBid(stream.id, bid_id, bidder_id, Decimal(amount))
        job = self.settled(stream, command, at=at)
        assert job.rejection is None, job
        return bid_id

    def sealed_bid(
        self, stream: Stream, bidder_id: UUID, amount: str, *, at: datetime | None = None
    ) -> UUID:
        """An accepted bid whose amount is sealed."""
        job = self.settled(stream, self.sealed(stream, bidder_id, amount), at=at)
        assert job.rejection is None, job
        return UUID(job.payload["bid_id"])

    def sealed(self, stream: Stream, bidder_id: UUID, amount: str) -> Command:
        """The command of one, sealed as the web process does it."""
        with self.pool.connection() as connection:
            key = key_for_user(connection, bidder_id)
        asked = {"bidder_id": bidder_id, "auction_id": stream.id, "amount_text": amount, "key": key}
        return place_bid(Caller.user(bidder_id), **asked).command  # type: ignore[arg-type]  # as named

    def maximum(self, stream: Stream, bidder_id: UUID, amount: str) -> Job:
        """A maximum that somebody set, or may not set."""
        return self.settled(stream, self.set_maximum(stream, bidder_id, amount))

    def set_maximum(self, stream: Stream, bidder_id: UUID, amount: str) -> SetMaximum:
        """The command of one, sealed as the web process does it."""
        with self.pool.connection() as connection:
            key = key_for_user(connection, bidder_id)
        assert key
        asked = {"bidder_id": bidder_id, "auction_id": stream.id, "amount_text": amount, "key": key}
        command = set_maximum(Caller.user(bidder_id), **asked).command  # type: ignore[arg-type]  # as named
        assert isinstance(command, SetMaximum)
        return command

    def double(self, stream: Stream) -> Job:
        """A tick of the promoter with all its draws, and what came of the one in that auction."""
        _, jobs = run_promoter(self.pool, timedelta(0))
        for job in jobs:
            self.drain(job.stream)
        [mine] = [job for job in jobs if job.stream == stream]
        return self.job(mine.id)

    def give_up_open_tick(self) -> None:
        """So that the next one is committed to when it is made, with its cut-off then."""
        with self.pool.connection() as connection:
            if committed := open_tick(connection):
                give_up(connection, *committed)

    def close_auctions(self) -> None:
        """Have no auction open, without an event: a tick would draw in all that other tests left."""
        with self.pool.connection() as connection:
            connection.execute("UPDATE auctions SET closed = true WHERE NOT closed")

    def delete(
        self, stream: Stream, bidder_id: UUID, bid_id: UUID, *, at: datetime | None = None
    ) -> None:
        """A deleted bid."""
        job = self.settled(stream, DeleteBid(stream.id, bid_id, bidder_id), at=at)
        assert job.rejection is None, job


def stored_auctions() -> Collection[Bson]:
    """The live collection of auctions, for tests that spoil what is in it."""
    return database()[collection_name("auctions", live_generations(database())["auctions"])]
