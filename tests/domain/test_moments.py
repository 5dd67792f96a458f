"""The moments of an auction say how it stood after each event, however they are made."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from commands.domain.events import AuctionEvent
from projections.auctions import project_auctions
from projections.changes import bid_at, documents_of, ranked_at
from projections.documents import BidDocument, VersionedEvent
from projections.moments import Known, Timeline, auction_then, moments_of
from tests.domain.histories import histories
from tests.domain.scenario import AUCTION
from tests.domain.test_documents import RECORDED_AT, Cut, Dying, at


def versioned(events: Sequence[AuctionEvent]) -> list[VersionedEvent]:
    """The events, each with its version."""
    return [at(version, event) for version, event in enumerate(events, 1)]


def revealed_at(bids: Iterable[BidDocument], version: int) -> list[BidDocument]:
    """The bids that rank at that version, leading first: hidden ones rank nowhere."""
    return [bid for bid in ranked_at(bids, version) if not bid.hidden]


HISTORIES = histories(40).map(versioned)


@settings(deadline=None)
@given(HISTORIES)
def test_each_version_is_the_document_that_was_live_then(history: list[VersionedEvent]) -> None:
    now, bids = documents_of(AUCTION, history)
    every = moments_of(AUCTION, history)
    for then in every:
        live, _ = documents_of(AUCTION, history[: then.version])
        leading = bid_at(bids[then.leading], then.version) if then.leading else None
        changed = every[then.details_version - 1].details if then.details_version else None
        first = (live.leading,) if live.leading else ()
        assert auction_then(now, then, leading, changed) == replace(live, top_bids=first)


@settings(deadline=None)
@given(HISTORIES)
def test_the_lead_changes_with_who_leads_or_with_what_they_count(
    history: list[VersionedEvent],
) -> None:
    before: tuple[BidDocument, ...] = ()
    for then in moments_of(AUCTION, history):
        document, _ = documents_of(AUCTION, history[: then.version])
        leading = tuple(replace(bid, version=0) for bid in (document.leading,) if bid)
        assert then.led == (leading != before)
        before = leading


@settings(deadline=None)
@given(HISTORIES, st.integers(0, 3), st.integers(0, 40))
def test_few_known_bids_and_a_look_at_the_others_are_enough(
    history: list[VersionedEvent], few: int, version: int
) -> None:
    """As a projector knows an auction's first bids alone."""
    every = moments_of(AUCTION, history)
    before = every[:version][-1] if version else None
    bids = documents_of(AUCTION, history)[1].values()
    live = Counter(bid.bidder_id for bid in ranked_at(bids, version))
    ranked = revealed_at(bids, version)
    beyond = ranked[few].rank if len(ranked) > few else None
    known = Known({bid.id: bid.rank for bid in ranked[:few]}, beyond)

    def leading_at(version: int) -> BidDocument | None:
        return next(iter(revealed_at(bids, version)), None)

    document = documents_of(AUCTION, history[:version])[0] if version else None
    timeline = Timeline(before, known, live, leading_at, document)
    assert timeline.after(AUCTION, history[version:]) == every[version:]


@settings(deadline=None)
@given(HISTORIES, st.lists(st.integers(1, 4)), st.lists(st.booleans()))
def test_in_whatever_pieces_and_however_often_events_come_the_moments_are_those_of_the_whole(
    history: list[VersionedEvent], pieces: list[int], deaths: list[bool]
) -> None:
    store, documents = Cut([each.event for each in history], pieces), Dying(deaths)
    while project_auctions(store, [AUCTION], documents, 500):
        pass
    # The store has one time of recording for all.
    expected = [replace(each, recorded_at=RECORDED_AT) for each in moments_of(AUCTION, history)]
    assert documents.moments_of(AUCTION, 0, 500) == expected
