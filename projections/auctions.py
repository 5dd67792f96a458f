"""Projecting auctions: the next events of many at once.

Documents may be ahead of their auction's own document, which is written last and says how far the
projection got: whoever dies before that has the same events to project again, and what is there
already does no harm.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import cast
from uuid import UUID

from commands.domain.events import AuctionEvent, BidPlaced, SealedBidPlaced
from commands.streams import EventStore, RecordedEvent
from projections.changes import (
    auction_after,
    bidders_of,
    bids_after,
    live_after,
    top_after,
    touched_bid,
)
from projections.documents import (
    TOP,
    AuctionDocument,
    BidderDocument,
    BidDocument,
    Moment,
    VersionedEvent,
)
from projections.moments import Known, Timeline, brief
from projections.ports import At, Bidder, Documents

Histories = Mapping[UUID, Sequence[VersionedEvent]]
Auctions = Mapping[UUID, AuctionDocument]


def project_auctions(
    store: EventStore, ids: Collection[UUID], documents: Documents, limit: int
) -> list[RecordedEvent]:
    """Project the next events of the auctions, of each at most so many; which they were."""
    before = documents.auctions(ids)
    versions = {id: before[id].version if id in before else 0 for id in ids}
    recorded = store.read_several(versions, limit)
    histories = {id: history_of(events) for id, events in recorded.items() if events}
    if not histories:
        return []
    bids = _bids_after(histories, documents)
    live_before = _live_before(histories, before, documents)
    documents.save_bids([bid for changed in bids.values() for bid in changed.values()])
    documents.save_bidders(
        [
            BidderDocument(id, bidder_id, live, history[-1].version)
            for id, history in histories.items()
            for bidder_id, live in live_after(history, live_before[id]).items()
        ]
    )
    documents.save_moments(_moments(histories, before, live_before, documents))
    after = [
        auction_after(
            before.get(id),
            history,
            top_bids=_top(id, before, bids[id], history[-1].version, documents),
            live_before=live_before[id],
        )
        for id, history in histories.items()
    ]
    for auction in after:
        if auction.winner:
            documents.save_winner(auction.winner)
    documents.save_auctions([(auction, versions[auction.id]) for auction in after])
    return [event for events in recorded.values() for event in events]


def history_of(recorded: Sequence[RecordedEvent]) -> list[VersionedEvent]:
    """An auction's events as the documents take them."""
    return [
        VersionedEvent(cast(AuctionEvent, item.event), item.version, item.recorded_at)
        for item in recorded
    ]


def _bids_after(
    histories: Histories, documents: Documents
) -> Mapping[UUID, Mapping[UUID, BidDocument]]:
    """By auction, the documents of the bids that its events change."""
    placed = {
        recorded.event.bid_id
        for history in histories.values()
        for recorded in history
        if isinstance(recorded.event, BidPlaced | SealedBidPlaced)
    }
    earlier = {
        bid_id
        for history in histories.values()
        for recorded in history
        if (bid_id := touched_bid(recorded.event)) and bid_id not in placed
    }
    stored = documents.bids(earlier) if earlier else {}
    return {id: bids_after(id, history, stored) for id, history in histories.items()}


def _live_before(
    histories: Histories, before: Auctions, documents: Documents
) -> Mapping[UUID, Mapping[UUID, int]]:
    """By auction, how many live bids each bidder had whom its events are about."""
    asked = [
        Bidder(id, bidder_id)
        for id, history in histories.items()
        if id in before
        for bidder_id in bidders_of(history)
    ]
    live: defaultdict[UUID, dict[UUID, int]] = defaultdict(dict)
    unknown: list[Bidder] = []
    stored = documents.bidders(asked) if asked else {}
    for bidder in asked:
        found = stored.get(bidder)
        if found and found.version <= before[bidder.auction_id].version:
            live[bidder.auction_id][bidder.bidder_id] = found.live
        else:
            # None yet, or one that was written ahead: the bids themselves know.
            unknown.append(bidder)
    for span in documents.lifespans(unknown):
        counted = live[span.auction_id].setdefault(span.bidder_id, 0)
        covers = span.covers(before[span.auction_id].version)
        live[span.auction_id][span.bidder_id] = counted + covers
    return live


def _moments(
    histories: Histories,
    before: Auctions,
    live_before: Mapping[UUID, Mapping[UUID, int]],
    documents: Documents,
) -> list[Moment]:
    """How the auctions stood after each of the events; the bids' documents are written already."""
    # A bid that is placed is the last one, and the auction is not closed, whatever was before.
    asked = [
        At(id, before[id].version)
        for id, history in histories.items()
        if id in before and not isinstance(history[0].event, BidPlaced | SealedBidPlaced)
    ]
    stored = documents.moments(asked)
    moments = []
    for id, history in histories.items():
        auction = before.get(id)
        last = brief(auction, stored.get(At(id, auction.version))) if auction else None
        known = Known.top_of(auction)
        timeline = Timeline(last, known, live_before[id], partial(_leading, id, documents), auction)
        moments += timeline.after(id, history)
    return moments


def _leading(auction_id: UUID, documents: Documents, version: int) -> BidDocument | None:
    first = next(iter(documents.top_bids(auction_id, version, 1)), None)
    return None if first and first.hidden else first


def _top(
    id: UUID,
    before: Auctions,
    changed: Mapping[UUID, BidDocument],
    version: int,
    documents: Documents,
) -> Sequence[BidDocument]:
    top = top_after(before.get(id), changed.values(), version)
    return documents.top_bids(id, version, TOP) if top is None else top
