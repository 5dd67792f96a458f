"""The functions that make documents: given a document, when an event is applied, then this document."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.domain.events import (
    AuctionCancelled,
    AuctionClosedEarly,
    AuctionEndedUnsold,
    AuctionEvent,
    BoughtNow,
    UserCreated,
    UserDeleted,
    WinnerAnnounced,
)
from commands.streams import NewEvent, RecordedEvent, Stream
from projections.auctions import project_auctions
from projections.changes import (
    auction_after,
    bid_after,
    bid_at,
    documents_of,
    ranked_at,
    touched_bid,
    user_after,
)
from projections.documents import (
    TOP,
    AuctionDocument,
    BidDocument,
    HouseDecision,
    Lifespan,
    Purchase,
    UserDocument,
    VersionedEvent,
    WinnerDocument,
    status_at,
)
from tests.domain.histories import histories
from tests.domain.scenario import (
    AFTER,
    ALICE,
    AUCTION,
    BEFORE,
    BOB,
    CLOSING,
    CREATED,
    DURING,
    FIRST,
    INSTANT,
    OPENING,
    REASON,
    SECOND,
    deleted,
    doubled,
    placed,
    removed,
)
from tests.fakes import MemoryDocuments, MemoryEventStore

RECORDED_AT = CLOSING + timedelta(seconds=1)
TEN, TWENTY = Decimal("10.00"), Decimal("20.00")

ALICES_BID = BidDocument(FIRST, AUCTION, ALICE, TEN, TEN, DURING, 2, 2, version=2)
BOBS_BID = BidDocument(SECOND, AUCTION, BOB, TWENTY, TWENTY, DURING, 3, 3, version=3)
NEW = AuctionDocument(AUCTION, 1, "A lamp", "Brass, works", OPENING, CLOSING)
WITH_ALICE = replace(NEW, version=2, bid_count=1, bidder_count=1, top_bids=(ALICES_BID,))
WITH_BOTH = replace(NEW, version=3, bid_count=2, bidder_count=2, top_bids=(BOBS_BID, ALICES_BID))
SOLD = WinnerAnnounced(SECOND, BOB, TWENTY, TWENTY, False, DURING)


def at(version: int, event: AuctionEvent, recorded_at: datetime = RECORDED_AT) -> VersionedEvent:
    """The event as that version of the auction's stream."""
    return VersionedEvent(event, version, recorded_at)


def auction(
    before: AuctionDocument | None, *history: VersionedEvent, bids: Sequence[BidDocument] = ()
) -> AuctionDocument:
    """The auction's document after the events, with those bids stored, live ones in order of rank."""
    live = [bid for bid in bids if not bid.deleted]
    version = before.version if before else 0
    spans = [
        Lifespan(bid.auction_id, bid.bidder_id, bid.placed_version, bid.deleted_version)
        for bid in bids
    ]
    live_before = Counter(span.bidder_id for span in spans if span.covers(version))
    return auction_after(before, history, top_bids=live, live_before=live_before)


def test_a_placed_bid_gets_its_document() -> None:
    assert bid_after(None, AUCTION, at(2, placed(FIRST, ALICE, "10.00"))) == ALICES_BID


def test_a_deleted_bid_knows_since_when_and_keeps_the_rest() -> None:
    after = bid_after(ALICES_BID, AUCTION, at(5, deleted(FIRST, ALICE)))
    assert after == replace(ALICES_BID, deleted_version=5, version=5)
    assert after.deleted


def test_a_doubled_bid_counts_double_from_then_on_and_keeps_its_amount() -> None:
    after = bid_after(ALICES_BID, AUCTION, at(4, doubled(FIRST, ALICE, "20.00")))
    assert after == replace(
        ALICES_BID, effective_amount=TWENTY, reached_version=4, doubled=True, version=4
    )
    assert after.amount == TEN


@pytest.mark.parametrize(
    "event", [CREATED, SOLD, AuctionEndedUnsold(), AuctionCancelled(REASON, None)]
)
def test_what_happens_to_the_auction_leaves_its_bids_alone(event: AuctionEvent) -> None:
    assert touched_bid(event) is None
    assert bid_after(ALICES_BID, AUCTION, at(4, event)) is ALICES_BID


@pytest.mark.parametrize(
    ("before", "recorded"),
    [
        (None, at(2, placed(FIRST, ALICE, "10.00"))),
        (ALICES_BID, at(4, doubled(FIRST, ALICE, "20.00"))),
        (ALICES_BID, at(5, deleted(FIRST, ALICE))),
    ],
    ids=["placed", "doubled", "deleted"],
)
def test_a_bid_takes_each_event_in_once(
    before: BidDocument | None, recorded: VersionedEvent
) -> None:
    once = bid_after(before, AUCTION, recorded)
    assert bid_after(once, AUCTION, recorded) is once


def test_a_bid_that_is_ahead_ignores_what_came_before() -> None:
    gone = replace(ALICES_BID, deleted_version=5, version=5)
    assert bid_after(gone, AUCTION, at(2, placed(FIRST, ALICE, "10.00"))) is gone
    assert bid_after(gone, AUCTION, at(4, doubled(FIRST, ALICE, "20.00"))) is gone


@pytest.mark.parametrize("event", [deleted(FIRST, ALICE), doubled(FIRST, ALICE, "20.00")])
def test_a_history_that_begins_in_the_middle_is_an_error(event: AuctionEvent) -> None:
    with pytest.raises(AssertionError):
        bid_after(None, AUCTION, at(4, event))
    with pytest.raises(AssertionError):
        auction(None, at(4, event))


def test_a_new_auction_gets_its_document() -> None:
    assert auction(None, at(1, CREATED)) == NEW


def test_a_bid_counts_and_so_does_its_bidder() -> None:
    recorded = at(2, placed(FIRST, ALICE, "10.00"))
    assert auction(NEW, recorded, bids=[ALICES_BID]) == WITH_ALICE


def test_a_bidder_counts_once() -> None:
    second = replace(BOBS_BID, bidder_id=ALICE)
    after = auction(WITH_ALICE, at(3, placed(SECOND, ALICE, "20.00")), bids=[second, ALICES_BID])
    assert (after.bid_count, after.bidder_count) == (2, 1)
    assert after.top_bids == (second, ALICES_BID)


def test_a_bidder_counts_until_their_last_live_bid_is_gone() -> None:
    second = replace(BOBS_BID, bidder_id=ALICE)
    before = replace(WITH_ALICE, version=3, bid_count=2, top_bids=(second, ALICES_BID))
    second_gone = replace(second, deleted_version=4, version=4)
    first_gone = replace(ALICES_BID, deleted_version=5, version=5)

    after_one = auction(before, at(4, deleted(SECOND, ALICE)), bids=[ALICES_BID, second_gone])
    assert after_one == replace(WITH_ALICE, version=4)
    after_both = auction(after_one, at(5, deleted(FIRST, ALICE)), bids=[first_gone, second_gone])
    assert after_both == replace(NEW, version=5)


def test_a_doubled_bid_moves_up_and_no_count_changes() -> None:
    twice = replace(
        ALICES_BID, effective_amount=Decimal("40.00"), reached_version=4, doubled=True, version=4
    )
    after = auction(WITH_BOTH, at(4, doubled(FIRST, ALICE, "40.00")), bids=[twice, BOBS_BID])
    assert after == replace(WITH_BOTH, version=4, top_bids=(twice, BOBS_BID))


def test_the_announced_winner_closes_the_auction() -> None:
    winning = replace(BOBS_BID, placed_version=0, reached_version=0, version=4)
    assert auction(WITH_BOTH, at(4, SOLD), bids=[BOBS_BID, ALICES_BID]) == replace(
        WITH_BOTH,
        version=4,
        closed=True,
        winner=WinnerDocument(AUCTION, "A lamp", winning, RECORDED_AT),
    )


def test_an_auction_that_ends_unsold_is_closed_without_a_winner() -> None:
    assert auction(NEW, at(2, AuctionEndedUnsold())) == replace(NEW, version=2, closed=True)


def test_a_removed_bid_is_deleted_with_the_reason_and_was_not_before() -> None:
    bid = bid_after(BOBS_BID, AUCTION, at(9, removed(SECOND, BOB)))
    assert bid is not None
    because = HouseDecision(REASON, RECORDED_AT, 9)
    assert bid == replace(BOBS_BID, deleted_version=9, removed=because, version=9)
    assert bid.deleted
    assert bid_at(bid, 8) == replace(BOBS_BID, version=BOBS_BID.reached_version)


def test_an_auction_that_is_cancelled_is_closed_with_the_reason_and_the_moment() -> None:
    cancelled = auction(NEW, at(2, AuctionCancelled(REASON, None)))
    because = HouseDecision(REASON, RECORDED_AT, 2)
    assert cancelled == replace(NEW, version=2, closed=True, cancelled=because)
    assert {status_at(cancelled, moment) for moment in (BEFORE, DURING, AFTER)} == {"CANCELLED"}


def test_an_auction_that_is_closed_early_ends_then_and_keeps_the_end_it_was_created_with() -> None:
    early = auction(NEW, at(2, AuctionClosedEarly(DURING, REASON, None)))
    because = HouseDecision(REASON, RECORDED_AT, 2)
    moved = replace(NEW, version=2, ends_at=DURING, first_ends_at=CLOSING)
    assert early == replace(moved, closed_early=because)
    assert (status_at(early, DURING - INSTANT), status_at(early, DURING)) == ("OPEN", "ENDED")


def test_an_auction_that_is_bought_ends_then_and_knows_its_purchase() -> None:
    bought = auction(NEW, at(2, BoughtNow(DURING, FIRST)))
    moved = replace(NEW, version=2, ends_at=DURING, first_ends_at=CLOSING)
    assert bought == replace(moved, bought=Purchase(FIRST, RECORDED_AT, 2))


def test_many_events_at_once_give_the_same_document_as_one_by_one() -> None:
    history = [at(2, placed(FIRST, ALICE, "10.00")), at(3, placed(SECOND, BOB, "20.00"))]
    assert auction(NEW, *history, bids=[BOBS_BID, ALICES_BID]) == WITH_BOTH


def test_a_document_keeps_no_more_than_the_first_page_of_bids() -> None:
    ranked = [replace(BOBS_BID, id=UUID(int=number)) for number in range(TOP + 5)]
    after = auction(WITH_BOTH, at(4, SOLD), bids=ranked)
    assert after.top_bids == tuple(ranked[:TOP])


@pytest.mark.parametrize(
    ("version", "covered"), [(1, False), (2, True), (4, True), (5, False), (6, False)]
)
def test_a_deleted_bid_was_live_from_its_placing_until_its_deletion(
    version: int, covered: bool
) -> None:
    assert (
        Lifespan(UUID(int=1), ALICE, placed_version=2, deleted_version=5).covers(version) is covered
    )


@pytest.mark.parametrize(("version", "covered"), [(1, False), (2, True), (99, True)])
def test_a_bid_that_was_not_deleted_is_live_from_its_placing_on(
    version: int, covered: bool
) -> None:
    assert (
        Lifespan(UUID(int=1), ALICE, placed_version=2, deleted_version=None).covers(version)
        is covered
    )


ALICE_HERE = UserDocument(ALICE, 1, True, "alice")
ALICE_GONE = UserDocument(ALICE, 2, True, None, deleted=True)


def user(
    before: UserDocument | None, event: UserCreated | UserDeleted, version: int
) -> UserDocument:
    """The user's document after the event, with the name still there."""
    return user_after(before, event, version, username="alice")


def test_a_user_is_shown_with_the_name_they_have_now() -> None:
    assert user(None, UserCreated(ALICE, is_staff=True), 1) == ALICE_HERE


def test_a_user_who_is_gone_by_now_is_shown_without_a_name() -> None:
    after = user_after(None, UserCreated(ALICE, is_staff=True), 1, username=None)
    assert after == replace(ALICE_HERE, username=None)


def test_a_deleted_users_name_goes_even_if_it_was_still_read() -> None:
    assert user(ALICE_HERE, UserDeleted(ALICE), 2) == ALICE_GONE


def test_a_user_taking_an_event_in_twice_is_as_after_the_first_time() -> None:
    assert user(ALICE_HERE, UserCreated(ALICE, is_staff=True), 1) == ALICE_HERE
    assert user(ALICE_GONE, UserDeleted(ALICE), 2) == ALICE_GONE


def test_a_user_who_was_never_created_cannot_be_deleted() -> None:
    with pytest.raises(AssertionError):
        user(None, UserDeleted(ALICE), 1)


@settings(deadline=None)
@given(histories(40), st.integers(1, 40))
def test_a_bids_document_tells_how_the_bid_was_at_every_version_before(
    events: list[AuctionEvent], version: int
) -> None:
    history = [at(version, event) for version, event in enumerate(events, 1)]
    _, now = documents_of(AUCTION, history)
    _, then = documents_of(AUCTION, history[:version])
    assert {bid.id: bid for each in now.values() if (bid := bid_at(each, version))} == then
    # However many of the documents are ahead.
    mixed = [*then.values(), *list(now.values())[::2]]
    assert ranked_at(mixed, version) == ranked_at(then.values(), version)


class Cut(MemoryEventStore):
    """An event store that gives out a few events at a time."""

    def __init__(self, events: Sequence[AuctionEvent], pieces: Sequence[int]) -> None:
        super().__init__()
        self.pieces = list(pieces)
        new = [NewEvent(event, UUID(int=1), UUID(int=2)) for event in events]
        self.append(Stream("auction", AUCTION), 0, new, RECORDED_AT)

    def read(
        self, stream_id: UUID, after_version: int = 0, limit: int = 500
    ) -> list[RecordedEvent]:
        """As many events as the next piece has; all of them when no piece is left."""
        size = self.pieces.pop() if self.pieces else limit
        return super().read(stream_id, after_version, size)


class Dying(MemoryDocuments):
    """Documents whose writer dies, some times, just before the auction's own document is written."""

    def __init__(self, deaths: Sequence[bool]) -> None:
        super().__init__()
        self.deaths = list(deaths)

    def save_auctions(self, changed: Sequence[tuple[AuctionDocument, int]]) -> None:
        """Nothing is written when the writer dies."""
        if not (self.deaths and self.deaths.pop()):
            super().save_auctions(changed)


@settings(deadline=None)
@given(histories(40), st.lists(st.integers(1, 4)), st.lists(st.booleans()))
def test_in_whatever_pieces_and_however_often_events_come_the_documents_are_those_of_the_whole(
    events: list[AuctionEvent], pieces: list[int], deaths: list[bool]
) -> None:
    store, documents = Cut(events, pieces), Dying(deaths)

    history = [at(version, event) for version, event in enumerate(events, 1)]
    while project_auctions(store, [AUCTION], documents, 500):
        # Of one version on the way, too, although the bids may be ahead of it.
        if so_far := documents.auction(AUCTION):
            assert so_far == documents_of(AUCTION, history[: so_far.version])[0]

    expected, bids = documents_of(AUCTION, history)
    assert documents.auction(AUCTION) == expected
    assert documents.bids(list(bids)) == bids
    assert documents.winners.get(AUCTION) == expected.winner
    assert expected.bid_count == sum(not bid.deleted for bid in bids.values())
    assert expected.bidder_count == len({b.bidder_id for b in bids.values() if not b.deleted})
