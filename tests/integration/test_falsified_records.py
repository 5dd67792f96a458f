"""verify_events finds what verify_auction.py finds: each falsification of a record, with rows and documents that fit it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import cast
from uuid import UUID

import pytest
from psycopg.rows import DictRow

from commands.domain.commands import (
    AnnounceWinner,
    AnswerOffer,
    BuyNow,
    CancelAuction,
    CloseAuctionNow,
    DeleteBid,
    ForfeitSale,
    LapseOffer,
    PauseAuction,
    RemoveBid,
    ResumeAuction,
    ReviseAuction,
)
from commands.domain.events import AuctionEvent
from commands.domain.revisions import Revision
from commands.domain.rules.masked import Masked
from commands.domain.rules.own_lot import OwnLot
from commands.domain.rules.second_chance import SecondChance
from commands.domain.sale import Sale
from commands.domain.state import replay
from commands.ids import new_id
from commands.postgres.auctions import read_auction, save_auctions
from commands.postgres.connections import SyncConnection
from commands.postgres.event_store import all_stored_events, content_of
from commands.promoter import rounds
from commands.record.codec import decode_event, decode_rules
from commands.streams import Stream
from projections.mongo.store import MongoDocuments
from projections.projector import project, reproject
from tests.e2e.buying_falsifications import BOUGHT
from tests.e2e.buying_falsifications import STORED as BUYING
from tests.e2e.falsifications import FALSIFICATIONS, NOBODY, UNHASHED, Falsify, changing
from tests.e2e.house_falsifications import CANCELLED, CLOSED_EARLY, REMOVED
from tests.e2e.masked_falsifications import MASKED
from tests.e2e.maxima_falsifications import BY_KEYS, PROXIED
from tests.e2e.maxima_falsifications import STORED as OF_MAXIMA
from tests.e2e.outsider import rechained
from tests.e2e.own_lot_falsifications import OWNED
from tests.e2e.pause_falsifications import PAUSED
from tests.e2e.promoter_falsifications import DRAWN, OFF, UNDRAWN
from tests.e2e.promoter_falsifications import STORED as PROMOTER
from tests.e2e.reserve_falsifications import RESERVED
from tests.e2e.revision_falsifications import REVISED
from tests.e2e.ruled_falsifications import RULED, STORED
from tests.e2e.sealed_falsifications import SEALED
from tests.e2e.sealed_falsifications import STORED as OF_SEALED
from tests.e2e.second_chance_falsifications import CHANCE, INSIDE, SOLD_LATER
from tests.e2e.withdrawal_falsifications import RULES as WITHDRAWAL
from tests.e2e.withdrawal_falsifications import WITHDRAWN
from tests.integration.in_process import InProcessPortal
from tests.integration.test_redeciding import jobs_gone  # noqa: F401  (a fixture)
from tests.integration.test_verification import findings, forget, tampering
from tests.waiting import wait_until

WRITE = """
INSERT INTO events (stream_kind, stream_id, version, type, schema_version, data, causation_id,
                    correlation_id, recorded_at, accepted_at, hash)
VALUES (%(kind)s, %(stream_id)s, %(version)s, %(type)s, %(schema_version)s, %(data)s, %(causation_id)s,
        %(correlation_id)s, %(recorded_at)s, %(accepted_at)s, %(hash)s)
"""
# What a tick's row says of its round, and of the policies.
TICK = """
UPDATE promoter_ticks SET round = %(round)s, public_at = %(public_at)s, value = %(value)s,
    beacon = %(beacon)s, policies = %(policies)s, committed_at = %(committed_at)s, version = %(version)s
WHERE stream_id = %(id)s
"""


@dataclass(frozen=True, slots=True)
class Record:
    """An auction that is over, with the ticks since it began, as the log has them."""

    in_process: InProcessPortal
    documents: MongoDocuments
    auction: Stream
    ticks: tuple[Stream, ...]
    rows: dict[Stream, list[DictRow]]

    def write(self, falsify: Falsify, *, rehash: bool) -> None:
        """Write what the falsification makes of it, and rows and documents that fit."""
        with tampering(self.in_process) as connection, connection.transaction():
            for stream, rows in self.rows.items():
                contents = [
                    json.loads(content_of(row)) | {"hash": bytes(row["hash"]).hex()} for row in rows
                ]
                connection.execute(
                    "DELETE FROM events WHERE stream_id IN (%s, %s)", (stream.id, NOBODY)
                )
                for link in rechained(falsify(contents), rehash=rehash):
                    content = {"accepted_at": None} | json.loads(link["content"])
                    data = json.dumps(content["data"])
                    given = content | {"kind": stream.kind, "data": data}
                    given["hash"] = bytes.fromhex(link["hash"])
                    connection.execute(WRITE, given)
                # Of what can't be replayed there are no rows that fit.
                with suppress(Exception), connection.transaction():
                    self._fit(connection, stream)
        with suppress(Exception):
            reproject(self.auction, self.in_process.pool, self.documents)

    def _fit(self, connection: SyncConnection, stream: Stream) -> None:
        rows = all_stored_events(connection, stream.id)
        if stream.kind == "tick":
            connection.execute(TICK, {"id": stream.id, **_tick_row(rows)})
            return
        events = [decode_event(row["type"], row["schema_version"], row["data"]) for row in rows]
        after = replay(cast(Sequence[AuctionEvent], events))
        connection.execute("DELETE FROM bids WHERE auction_id = %s", (stream.id,))
        connection.execute("DELETE FROM auctions WHERE id = %s", (stream.id,))
        save_auctions(connection, [(after, list(after.bids.values()))])

    def findings(self) -> list[str]:
        """What verify_events says of the auction and the ticks."""
        return [
            what
            for stream in (self.auction, *self.ticks)
            for what in findings(self.in_process, stream, self.documents)
        ]


def _tick_row(rows: Sequence[DictRow]) -> dict[str, object]:
    committed = rows[0]
    made: dict[str, object] = next((row["data"] for row in rows if row["type"] == "TickMade"), {})
    said = {
        name: committed["data"].get(name) for name in ("beacon", "round", "public_at", "policies")
    }
    return said | {
        "value": made.get("value"),
        "committed_at": committed["recorded_at"],
        "version": len(rows),
    }


@pytest.fixture
def record(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Record]:
    """Five bids, one deleted, one doubled, and a winner, as the one that outsiders check."""
    in_process.close_auctions()
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction(seconds=3)
    for bidder, amount in ((alice, "10.00"), (bob, "20.00"), (alice, "12.00"), (alice, "15.00")):
        in_process.bid(auction, bidder, amount)
    in_process.delete(auction, bob, in_process.bid(auction, bob, "90.00"))
    tick: int = in_process.double(auction).payload["tick"]
    in_process.over(auction)
    assert in_process.settled(auction, AnnounceWinner(auction.id)).version == 9
    rounds.reveal_secrets(in_process.pool)
    rounds.commit(in_process.pool)
    project(auction, in_process.pool, documents)
    with in_process.pool.connection() as connection:
        connection.execute("DELETE FROM jobs WHERE stream_id = %s", (auction.id,))
        ids: list[UUID] = [
            row["stream_id"]
            for row in connection.execute(
                "SELECT stream_id FROM promoter_ticks WHERE number >= %s", (tick,)
            )
        ]
        ticks = tuple(Stream("tick", id) for id in ids)
        rows = {stream: all_stored_events(connection, stream.id) for stream in (auction, *ticks)}
    record = Record(in_process, documents, auction, ticks, rows)
    assert record.findings() == []
    yield record
    forget(in_process, auction)
    in_process.give_up_open_tick()


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_from_outside_is_found_by_the_operator(record: Record) -> None:
    missed = []
    for rehash, falsifications in ((True, FALSIFICATIONS), (False, UNHASHED)):
        for what, (falsify, _) in falsifications.items():
            record.write(falsify, rehash=rehash)
            if not record.findings():
                missed.append(what)
    assert missed == []
    record.write(lambda contents: contents, rehash=True)
    assert record.findings() == [], "written as it was, nothing is found"


@pytest.fixture
def ruled(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Record]:
    """An auction with rules beside the plain ones, as the one that outsiders check."""
    alice, bob = in_process.user(), in_process.user()
    auction = in_process.auction(seconds=1, rules=decode_rules(STORED))
    for bidder, amount in ((alice, "10.00"), (bob, "11.00"), (alice, "20.00")):
        in_process.bid(auction, bidder, amount)
    in_process.over(auction)
    assert in_process.settled(auction, AnnounceWinner(auction.id)).version == 7
    yield from recorded(in_process, documents, auction)


@pytest.fixture
def reserved(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Record]:
    """An auction with a hidden reserve, as the one that outsiders check."""
    alice, bob = in_process.user(), in_process.user()
    auction = in_process.auction(seconds=1, reserve=Decimal("15.00"))
    in_process.bid(auction, alice, "10.00")
    met = in_process.bid(auction, bob, "20.00")
    in_process.settled(auction, DeleteBid(auction.id, met, bob))
    in_process.bid(auction, alice, "16.00")
    in_process.over(auction)
    assert in_process.settled(auction, AnnounceWinner(auction.id)).version == 10
    yield from recorded(in_process, documents, auction)


@pytest.fixture
def masked(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Record]:
    """A masked auction that shows who won, as the one that outsiders check."""
    alice, bob = in_process.user(), in_process.user()
    auction = in_process.auction(seconds=1, rules=(Masked(names_winner=True),))
    for bidder, amount in ((alice, "10.00"), (bob, "20.00"), (alice, "30.00")):
        in_process.bid(auction, bidder, amount)
    in_process.over(auction)
    assert in_process.settled(auction, AnnounceWinner(auction.id)).version == 5
    yield from recorded(in_process, documents, auction)


@pytest.fixture
def sold_later(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Record]:
    """An auction with a second chance, as the one that outsiders check."""
    alice, bob, dora = in_process.user(), in_process.user(), in_process.user()
    auction = in_process.auction(seconds=1, rules=(SecondChance(**CHANCE),))
    first = [in_process.bid(auction, alice, "10.00"), in_process.bid(auction, bob, "15.00")]
    first += [in_process.bid(auction, alice, "20.00"), in_process.bid(auction, dora, "5.00")]
    in_process.over(auction)
    in_process.settled(auction, AnnounceWinner(auction.id))
    until = sale_of(in_process, auction).until
    assert until
    wait_until(lambda: in_process.now() > until, 60, "the winner's time to be over")
    in_process.settled(auction, LapseOffer(auction.id, first[2]))
    in_process.settled(auction, AnswerOffer(auction.id, bob, accept=False))
    in_process.settled(auction, AnswerOffer(auction.id, dora, accept=True))
    forfeit = ForfeitSale(auction.id, first[3], "Never paid.", None)
    assert in_process.settled(auction, forfeit).version == 14
    yield from recorded(in_process, documents, auction)


@pytest.fixture
def proxied(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Record]:
    """An auction in which maxima bid, as the one that outsiders check."""
    alice, bob = in_process.user(), in_process.user()
    auction = in_process.auction(rules=decode_rules(OF_MAXIMA))
    in_process.maximum(auction, alice, "30.00")
    in_process.bid(auction, bob, "15.00")
    in_process.maximum(auction, bob, "20.00")
    in_process.maximum(auction, bob, "40.00")
    in_process.settled(auction, CloseAuctionNow(auction.id, "A flood", None))
    assert in_process.settled(auction, AnnounceWinner(auction.id)).version == 15
    yield from recorded(in_process, documents, auction)


def sale_of(in_process: InProcessPortal, auction: Stream) -> Sale:
    """As the row has it."""
    with in_process.pool.connection() as connection:
        found = read_auction(connection, auction.id)
    assert found
    assert found.sale
    return found.sale


@pytest.fixture
def cancelled(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Record]:
    """A cancelled auction, as the one that outsiders check."""
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    assert in_process.settled(auction, CancelAuction(auction.id, "A flood", None)).version == 4
    yield from recorded(in_process, documents, auction)


@pytest.fixture
def closed_early(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Record]:
    """An auction that the house closed early, as the one that outsiders check."""
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    assert in_process.settled(auction, CloseAuctionNow(auction.id, "A flood", None)).version == 4
    assert in_process.settled(auction, AnnounceWinner(auction.id)).version == 5
    yield from recorded(in_process, documents, auction)


@pytest.fixture
def removed(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Record]:
    """An auction of whose bids the house removed the leading one, as the one that outsiders check."""
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction(seconds=1)
    in_process.bid(auction, alice, "10.00")
    bid_id = in_process.bid(auction, bob, "20.00")
    command = RemoveBid(auction.id, bid_id, "A flood", None)
    assert in_process.settled(auction, command).version == 4
    in_process.over(auction)
    assert in_process.settled(auction, AnnounceWinner(auction.id)).version == 5
    yield from recorded(in_process, documents, auction)


@pytest.fixture
def withdrawn(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Record]:
    """An auction whose bids can be deleted for a time, and one was, as the one that outsiders check."""
    alice, bob = in_process.user(), in_process.user()
    auction = in_process.auction(rules=decode_rules(WITHDRAWAL))
    in_process.bid(auction, alice, "10.00")
    in_process.delete(auction, bob, in_process.bid(auction, bob, "20.00"))
    assert in_process.settled(auction, CloseAuctionNow(auction.id, "A flood", None)).version == 5
    yield from recorded(in_process, documents, auction)


@pytest.fixture
def owned(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Record]:
    """An auction whose owner can't bid, as the one that outsiders check; the bid in it is a colleague's."""
    owner, colleague = in_process.user(), in_process.user(is_staff=True)
    auction = in_process.auction(rules=(OwnLot((owner,)),))
    in_process.bid(auction, colleague, "10.00")
    assert in_process.settled(auction, CloseAuctionNow(auction.id, "A flood", None)).version == 3
    yield from recorded(in_process, documents, auction)


@pytest.fixture
def bought(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Record]:
    """An auction that was bought at its buy-now price, as the one that outsiders check."""
    alice, bob = in_process.user(), in_process.user()
    auction = in_process.auction(rules=decode_rules(BUYING))
    in_process.bid(auction, alice, "10.00")
    assert in_process.settled(auction, BuyNow(auction.id, new_id(), bob)).version == 4
    assert in_process.settled(auction, AnnounceWinner(auction.id)).version == 5
    yield from recorded(in_process, documents, auction)


@pytest.fixture
def paused(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Record]:
    """An auction that the house paused and resumed, as the one that outsiders check."""
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    assert in_process.settled(auction, PauseAuction(auction.id, "A flood", None)).version == 3
    assert in_process.settled(auction, ResumeAuction(auction.id, "It is dry", None)).version == 4
    in_process.bid(auction, bob, "20.00")
    assert in_process.settled(auction, CloseAuctionNow(auction.id, "A flood", None)).version == 6
    yield from recorded(in_process, documents, auction)


@pytest.fixture
def drawn_by_its_own(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Record]:
    """An auction in which the promoter doubled a bid by options of its own."""
    in_process.close_auctions()
    auction = in_process.auction(rules=decode_rules(PROMOTER))
    for amount in ("10.00", "20.00"):
        in_process.bid(auction, in_process.user(), amount)
    in_process.give_up_open_tick()
    assert in_process.double(auction).version == 4
    rounds.reveal_secrets(in_process.pool)
    yield from recorded(in_process, documents, auction)
    in_process.give_up_open_tick()


@pytest.fixture
def undrawn(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Record]:
    """An auction whose promoter is off, and which a tick left alone."""
    in_process.close_auctions()
    auction, other = in_process.auction(rules=decode_rules(OFF)), in_process.auction()
    for stream, amount in ((auction, "10.00"), (auction, "20.00"), (other, "5.00")):
        in_process.bid(stream, in_process.user(), amount)
    in_process.give_up_open_tick()
    in_process.double(other)
    rounds.reveal_secrets(in_process.pool)
    yield from recorded(in_process, documents, auction)
    in_process.give_up_open_tick()


@pytest.fixture
def sealed(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Record]:
    """An auction with sealed bids, as the one that outsiders check."""
    auction = in_process.auction(seconds=1, rules=decode_rules(OF_SEALED))
    for amount in ("20.00", "30.00", "25.00"):
        in_process.sealed_bid(auction, in_process.user(), amount)
    in_process.over(auction)
    assert in_process.settled(auction, AnnounceWinner(auction.id)).version == 8
    yield from recorded(in_process, documents, auction)


@pytest.fixture
def revised(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Record]:
    """An auction that the house revised before the first bid and after it, as the one that outsiders check."""
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    later = in_process.now() + timedelta(hours=1)
    first, second = Revision(title="A lantern", ends_at=later), Revision(description="Broken")
    assert in_process.settled(auction, ReviseAuction(auction.id, first, None)).version == 2
    in_process.bid(auction, alice, "10.00")
    assert in_process.settled(auction, ReviseAuction(auction.id, second, None)).version == 4
    in_process.bid(auction, bob, "20.00")
    assert in_process.settled(auction, CloseAuctionNow(auction.id, "A flood", None)).version == 6
    yield from recorded(in_process, documents, auction)


def recorded(
    in_process: InProcessPortal, documents: MongoDocuments, auction: Stream
) -> Iterator[Record]:
    """The auction's record, whose jobs have ended."""
    project(auction, in_process.pool, documents)
    with in_process.pool.connection() as connection:
        connection.execute("DELETE FROM jobs WHERE stream_id = %s", (auction.id,))
        rows = {auction: all_stored_events(connection, auction.id)}
    record = Record(in_process, documents, auction, (), rows)
    assert record.findings() == []
    yield record
    forget(in_process, auction)


def found_all(record: Record, falsifications: Mapping[str, tuple[Falsify, str]]) -> None:
    """Each of the falsifications is found, and the record as it was is in order."""
    missed = []
    for what, (falsify, _) in falsifications.items():
        record.write(falsify, rehash=True)
        if not record.findings():
            missed.append(what)
    assert missed == []
    record.write(lambda contents: contents, rehash=True)
    assert record.findings() == [], "written as it was, nothing is found"


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_of_rules_from_outside_is_found_by_the_operator(ruled: Record) -> None:
    found_all(ruled, RULED)


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_of_a_reserve_is_found_by_the_operator(reserved: Record) -> None:
    found_all(reserved, RESERVED)


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_of_a_masked_auction_is_found_by_the_operator(masked: Record) -> None:
    found_all(masked, MASKED)


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_of_a_second_chance_is_found_by_the_operator(sold_later: Record) -> None:
    found_all(sold_later, SOLD_LATER | INSIDE)


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_of_maxima_is_found_by_the_operator(proxied: Record) -> None:
    found_all(proxied, PROXIED | BY_KEYS)


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_of_maxima_is_found_without_their_keys(proxied: Record) -> None:
    with proxied.in_process.pool.connection() as connection:
        named = "SELECT (data->>'bidder_id')::uuid FROM events WHERE stream_id = %s"
        query = f"DELETE FROM secret_keys WHERE owner_id IN ({named})"
        assert connection.execute(query, (proxied.auction.id,)).rowcount == 2
    found_all(proxied, PROXIED)
    for what, (falsify, _) in BY_KEYS.items():
        proxied.write(falsify, rehash=True)
        assert proxied.findings() == [], f"{what}: nobody can know"


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_of_a_cancelled_auction_is_found_by_the_operator(cancelled: Record) -> None:
    found_all(cancelled, CANCELLED)


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_of_an_early_close_is_found_by_the_operator(closed_early: Record) -> None:
    found_all(closed_early, CLOSED_EARLY)


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_of_a_paused_auction_is_found_by_the_operator(paused: Record) -> None:
    found_all(paused, PAUSED)


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_of_a_revised_auction_is_found_by_the_operator(revised: Record) -> None:
    found_all(revised, REVISED)


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_of_a_removed_bid_is_found_by_the_operator(removed: Record) -> None:
    found_all(removed, REMOVED)


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_of_a_late_deletion_is_found_by_the_operator(withdrawn: Record) -> None:
    found_all(withdrawn, WITHDRAWN)


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_of_an_owners_bid_is_found_by_the_operator(owned: Record) -> None:
    found_all(owned, OWNED)
    # What outsiders can't know: who is of the house, and who exists.
    for own, says in (
        ({"staff": True}, "the house's own people can't bid in this auction"),
        ({"owners": [NOBODY]}, "there is no user"),
    ):
        owned.write(changing(1, rules={"own_lot": own}), rehash=True)
        assert says in str(owned.findings())
    owned.write(lambda contents: contents, rehash=True)


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_of_a_purchase_is_found_by_the_operator(bought: Record) -> None:
    found_all(bought, BOUGHT)


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_of_another_promoter_is_found_by_the_operator(
    drawn_by_its_own: Record,
) -> None:
    found_all(drawn_by_its_own, DRAWN)


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_of_a_promoter_that_is_off_is_found_by_the_operator(
    undrawn: Record,
) -> None:
    found_all(undrawn, UNDRAWN)


@pytest.mark.usefixtures("jobs_gone")
def test_what_is_found_of_sealed_bids_is_found_by_the_operator(sealed: Record) -> None:
    found_all(sealed, SEALED)
