"""Masked auctions: what auditors may read leads from no alias to its user, and who is behind one is known where it is needed."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from commands.domain.commands import (
    AnnounceWinner,
    ChangePolicy,
    DeleteBid,
    DeleteUser,
    PlaceBid,
    WithdrawPolicy,
)
from commands.domain.events import AuctionEvent, BidDeleted, BidPlaced, WinnerAnnounced
from commands.domain.rules.masked import Masked
from commands.ids import new_id
from commands.inbox.requests import POLICIES
from commands.jobs import Submission
from commands.postgres.accepting import accept_all
from commands.postgres.auctions import read_auction
from commands.promoter.rounds import reveal_secrets
from commands.streams import Stream
from notifications.postgres.notifications import forget_leftovers
from portal.database.granting import relations
from portal.database.rules import readers_rights
from projections.mongo.store import MongoDocuments
from projections.projector import project
from tests.integration.in_process import SHORTLY, InProcessPortal
from tests.integration.notifying import notifications_of, run_notifier
from tests.integration.test_deleting_users import closing_now
from tests.integration.test_redeciding import Planted, jobs_gone  # noqa: F401  (a fixture)
from tests.integration.test_verification import findings, forget

MASKED, SHOWN = (Masked(),), (Masked(names_winner=True),)
OF_AUCTION = "SELECT id, number, user_id FROM aliases WHERE auction_id = %s ORDER BY number"


def aliases(in_process: InProcessPortal, auction: Stream) -> list[tuple[int, UUID | None]]:
    """The numbers that were given, and who is behind them."""
    with in_process.pool.connection() as connection:
        rows = connection.execute(OF_AUCTION, (auction.id,)).fetchall()
    return [(row["number"], row["user_id"]) for row in rows]


def alias_of(in_process: InProcessPortal, auction: Stream, user_id: UUID) -> UUID:
    with in_process.pool.connection() as connection:
        rows = connection.execute(OF_AUCTION, (auction.id,)).fetchall()
    [found] = [row["id"] for row in rows if row["user_id"] == user_id]
    assert isinstance(found, UUID)
    return found


def ids_in(value: object) -> Iterator[UUID]:
    """The ids in a row's value, in JSON too."""
    match value:
        case UUID():
            yield value
        case str():
            try:
                yield UUID(value)
            except ValueError:
                return
        case dict():
            for each in value.values():
                yield from ids_in(each)
        case list():
            for each in value:
                yield from ids_in(each)


def leads_to(in_process: InProcessPortal, start: UUID, stop: set[UUID]) -> set[UUID]:
    """All ids that are found from one, from row to row of what auditors may read; without going on at some."""
    beside: defaultdict[UUID, set[UUID]] = defaultdict(set)
    with in_process.pool.connection() as connection:
        for relation in relations(connection):
            rights = readers_rights(relation.follows)
            columns = [
                name for name in relation.columns if rights & {("SELECT", name), ("SELECT", None)}
            ]
            if relation.is_sequence or not columns:
                continue
            rows = connection.execute(f"SELECT {', '.join(columns)} FROM {relation.name}".encode())
            for row in rows:
                found = {id for value in row.values() for id in ids_in(value)} - stop
                for each in found:
                    beside[each] |= found
    seen, edge = {start}, {start}
    while edge:
        edge = {other for each in edge for other in beside[each]} - seen
        seen |= edge
    return seen


def test_no_row_that_auditors_may_read_leads_from_an_alias_to_its_user(
    in_process: InProcessPortal,
) -> None:
    alice, bob = in_process.user(), in_process.user()
    masked, plain = in_process.auction(rules=MASKED), in_process.auction()
    # All is asked over one connection.
    request = new_id()
    bids = [
        Submission(each, PlaceBid(each.id, new_id(), user, Decimal("5.00")), {}, "test",
                   submitted_by=user, correlation_id=request)
        for each in (masked, plain) for user in (alice, bob)
    ]  # fmt: skip
    with in_process.pool.connection() as connection:
        accept_all(connection, bids)
    for auction in (masked, plain):
        in_process.drain(auction)
    of_alice, of_bob = (alias_of(in_process, masked, user) for user in (alice, bob))
    command = bids[0].command
    assert isinstance(command, PlaceBid)
    delete = DeleteBid(masked.id, command.bid_id, alice)
    assert in_process.settled(masked, delete, correlation_id=request).rejection is None
    assert in_process.settled(Stream("user", bob), DeleteUser(bob)).version
    for auction in (masked, plain):
        in_process.drain(auction)
    hubs = {masked.id, plain.id}
    # It does find who bid where nobody is masked.
    assert alice in leads_to(in_process, bids[2].id, hubs)
    assert leads_to(in_process, of_alice, hubs) & {alice, bob, of_bob, request} == set()
    assert leads_to(in_process, of_bob, hubs) & {alice, bob, of_alice, request} == set()


def test_numbers_count_first_bids_that_are_placed(in_process: InProcessPortal) -> None:
    alice, bob, carol = in_process.user(), in_process.user(), in_process.user()
    auction, other = in_process.auction(rules=MASKED), in_process.auction(rules=MASKED)
    early = in_process.now() - timedelta(hours=1)
    refused = PlaceBid(auction.id, new_id(), carol, Decimal("9.00"))
    assert in_process.settled(auction, refused, at=early).rejection
    assert aliases(in_process, auction) == []
    bid = in_process.bid(auction, bob, "5.00")
    in_process.delete(auction, bob, bid)
    for user in (alice, bob, carol):
        in_process.bid(auction, user, "7.00")
    assert aliases(in_process, auction) == [(1, bob), (2, alice), (3, carol)]
    in_process.bid(other, alice, "7.00")
    assert aliases(in_process, other) == [(1, alice)]
    assert alias_of(in_process, auction, alice) != alias_of(in_process, other, alice)
    with in_process.pool.connection() as connection:
        state = read_auction(connection, auction.id)
    assert state
    assert state.aliases == 3
    assert {alice, bob, carol} & {each.bidder_id for each in state.bids.values()} == set()


def test_a_close_waits_for_the_withdrawal_under_an_alias(in_process: InProcessPortal) -> None:
    alice, bob = in_process.user(), in_process.user()
    auction = in_process.auction(seconds=1, rules=SHOWN)
    in_process.bid(auction, alice, "5.00")
    in_process.bid(auction, bob, "9.00")
    end = in_process.over(auction)
    deletion = in_process.accept(Stream("user", bob), DeleteUser(bob), at=end - SHORTLY)
    assert auction.id not in closing_now(in_process)
    in_process.drain(deletion.stream)
    assert auction.id in closing_now(in_process)
    in_process.drain(auction)
    with in_process.pool.connection() as connection:
        state = read_auction(connection, auction.id)
    assert state
    assert state.leading_bid
    assert (state.closed, state.leading_bid.number) == (True, 1)


def test_it_is_forgotten_who_was_behind_an_alias_once_nothing_is_to_be_withdrawn(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    alice, bob = in_process.user(), in_process.user()
    auction, over = in_process.auction(rules=SHOWN), in_process.auction(seconds=1, rules=SHOWN)
    for each in (auction, over):
        in_process.bid(each, alice, "5.00")
        in_process.bid(each, bob, "9.00")
    in_process.over(over)
    assert in_process.settled(over, AnnounceWinner(over.id)).version
    in_process.settled(Stream("user", bob), DeleteUser(bob))
    with in_process.pool.connection() as connection:
        forget_leftovers(connection)
    assert aliases(in_process, over) == [(1, alice), (2, None)]
    assert aliases(in_process, auction) == [(1, alice), (2, bob)], "a bid is to be withdrawn"
    in_process.drain(auction)
    with in_process.pool.connection() as connection:
        forget_leftovers(connection)
    assert aliases(in_process, auction) == [(1, alice), (2, None)]
    for each in (auction, over):
        project(each, in_process.pool, documents)
        assert findings(in_process, each, documents) == []


def test_a_winner_who_was_deleted_is_not_shown(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    alice = in_process.user()
    auction = in_process.auction(seconds=1, rules=SHOWN)
    in_process.bid(auction, alice, "5.00")
    in_process.over(auction)
    assert in_process.settled(Stream("user", alice), DeleteUser(alice)).version
    assert in_process.settled(auction, AnnounceWinner(auction.id)).version == 3
    project(auction, in_process.pool, documents)
    shown = documents.winner(auction.id)
    assert shown
    assert (shown.bid.number, shown.user_id) == (1, None)
    assert findings(in_process, auction, documents) == []


@pytest.mark.parametrize("kept", [True, False], ids=["jobs are kept", "jobs have ended"])
def test_draws_hidden_reserves_and_staff_are_verified_under_aliases(
    in_process: InProcessPortal, documents: MongoDocuments, kept: bool,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    in_process.close_auctions()
    alice, carol = in_process.user(), in_process.user(is_staff=True)
    auction = in_process.auction(seconds=3, rules=SHOWN, reserve=Decimal("8.00"))
    policy = ChangePolicy(auction.id, Decimal("100.00"), ("by_amount",), ("staff",), ())
    in_process.settled(POLICIES, policy)
    in_process.bid(auction, carol, "5.00")
    in_process.bid(auction, alice, "9.00")
    drawn = in_process.double(auction)
    in_process.settled(POLICIES, WithdrawPolicy(auction.id))
    in_process.over(auction)
    assert in_process.settled(auction, AnnounceWinner(auction.id)).version
    reveal_secrets(in_process.pool)
    project(auction, in_process.pool, documents)
    shown = documents.winner(auction.id)
    assert shown
    assert (shown.bid.number, shown.user_id, shown.bid.doubled) == (2, alice, True), drawn
    if not kept:
        request.getfixturevalue("jobs_gone")
        with in_process.pool.connection() as connection:
            connection.execute("DELETE FROM jobs WHERE stream_id = %s", (auction.id,))
    assert findings(in_process, auction, documents) == []
    # Once it is forgotten who is on the staff, the events are believed.
    assert in_process.settled(Stream("user", carol), DeleteUser(carol)).version
    with in_process.pool.connection() as connection:
        forget_leftovers(connection)
    assert aliases(in_process, auction) == [(1, None), (2, alice)]
    assert findings(in_process, auction, documents) == []


def test_masked_bidders_are_notified_as_others_are(in_process: InProcessPortal) -> None:
    alice, bob = in_process.user(), in_process.user()
    auction = in_process.auction(rules=MASKED)
    in_process.bid(auction, alice, "5.00")
    run_notifier(in_process, auction)
    in_process.bid(auction, bob, "9.00")
    assert run_notifier(in_process, auction).users == {alice}
    assert notifications_of(in_process, alice) == [("OUTBID", 3, "9.00", False)]
    in_process.bid(auction, alice, "20.00")
    run_notifier(in_process, auction)
    assert notifications_of(in_process, alice) == [("OUTBID", 3, "9.00", True)]
    assert notifications_of(in_process, bob) == [("OUTBID", 4, "20.00", False)]
    in_process.settled(Stream("user", bob), DeleteUser(bob))
    in_process.drain(auction)
    run_notifier(in_process, auction)


class MaskedAuction(Planted):
    """The same in a masked auction that shows who won, with the aliases of both."""

    def __init__(self, in_process: InProcessPortal, documents: MongoDocuments) -> None:
        super().__init__(in_process, documents)
        self.stream = in_process.auction(1, SHOWN)
        self.low = in_process.bid(self.stream, self.alice, "1.00")
        self.high = in_process.bid(self.stream, self.bob, "2.00")
        self.first = alias_of(in_process, self.stream, self.alice)
        self.second = alias_of(in_process, self.stream, self.bob)

    def placed(self, bidder_id: UUID, number: int | None) -> BidPlaced:
        """A bid by whatever that is, just before the end."""
        with self.in_process.pool.connection() as connection:
            state = read_auction(connection, self.stream.id)
        assert state
        at = state.ends_at - timedelta(milliseconds=1)
        return BidPlaced(new_id(), bidder_id, Decimal("9.00"), at, number=number)

    def won(self, user_id: UUID | None) -> WinnerAnnounced:
        """The leading bid's, told so."""
        with self.in_process.pool.connection() as connection:
            state = read_auction(connection, self.stream.id)
        assert state
        bid = state.bids[self.high]
        return WinnerAnnounced(
            bid.id, bid.bidder_id, bid.amount, bid.amount, False, bid.placed_at, bid.number, user_id
        )

    def elsewhere(self) -> UUID:
        """An alias in another auction."""
        other = self.in_process.auction(rules=MASKED)
        self.in_process.bid(other, self.alice, "1.00")
        return alias_of(self.in_process, other, self.alice)


Forgery = Callable[[MaskedAuction], AuctionEvent]
FORGERIES: dict[str, tuple[Forgery, str]] = {
    "a masked bid under a user's id": (
        lambda p: p.placed(p.alice, 1), "its bidder is no alias in this auction",
    ),
    "a masked bid under an alias of another auction": (
        lambda p: p.placed(p.elsewhere(), 3), "its bidder is no alias in this auction",
    ),
    "a masked bid under an alias that nobody was given": (
        lambda p: p.placed(new_id(), 3), "its bidder is no alias in this auction",
    ),
    "a masked bid with a number that its alias has not": (
        lambda p: p.placed(p.first, 2), "its bidder has number 1",
    ),
    "a masked bid withdrawn, whose bidder was not deleted": (
        lambda p: BidDeleted(p.low, p.first, p.placed(p.first, 1).placed_at),
        "its bidder was not deleted",
    ),
    "another user shown as the masked winner": (
        lambda p: p.won(p.alice), "it does not tell who is behind the winning bid",
    ),
    "a masked winner who is not shown": (
        lambda p: p.won(None), "it does not tell who is behind the winning bid",
    ),
}  # fmt: skip


@pytest.fixture
def masked(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[MaskedAuction]:
    planted = MaskedAuction(in_process, documents)
    assert planted.findings() == []
    yield planted
    forget(in_process, planted.stream)


@pytest.mark.usefixtures("jobs_gone")
@pytest.mark.parametrize("what", FORGERIES)
def test_what_does_not_fit_the_aliases_is_found(masked: MaskedAuction, what: str) -> None:
    forgery, expected = FORGERIES[what]
    event = forgery(masked)
    if isinstance(event, WinnerAnnounced):
        masked.in_process.over(masked.stream)
    masked.forge(event)
    found = masked.findings()
    assert found, what
    assert expected in found[0]


def test_a_job_of_somebody_else_is_found(masked: MaskedAuction) -> None:
    """While jobs are kept they say who asked."""
    with masked.in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE jobs SET payload = jsonb_set(payload, '{bidder_id}', to_jsonb(%s::text))"
            " WHERE stream_id = %s AND payload->>'bid_id' = %s::text",
            (str(masked.bob), masked.stream.id, str(masked.low)),
        )
    [found] = masked.findings()
    assert "somebody else is behind its bidder" in found


def test_the_right_winner_is_not_found(masked: MaskedAuction) -> None:
    masked.in_process.over(masked.stream)
    job = masked.in_process.settled(masked.stream, AnnounceWinner(masked.stream.id))
    assert job.version
    assert masked.findings() == []
