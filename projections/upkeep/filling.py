"""Filling a new generation with the documents of auctions, each from its whole history.

Nobody reads the generation yet. So nothing that is stored is looked up, but for the bids that are
deleted or doubled; an auction's own document is made once, at its end; and no write waits for the
journal: the move of the pointer does, and with it all that was written before.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from uuid import UUID

from commands.domain.events import BidPlaced
from commands.streams import EventStore, RecordedEvent
from projections.auctions import history_of
from projections.changes import auction_after, bidders_of, bids_after, live_after, touched_bid
from projections.documents import (
    TOP,
    AuctionDocument,
    BidderDocument,
    BidDocument,
    Moment,
    VersionedEvent,
)
from projections.moments import Known, Leading, Timeline
from projections.mongo.store import MongoDocuments

# Events read at once, over all auctions that are filled together.
PAGE = 5_000
# Bids of an auction that are remembered as its highest ones; twice as many for a moment.
HIGHEST = 1_000


@dataclass(slots=True)
class Highest:
    """The highest live bids of an auction so far; without the lower ones, once there are many.

    `forgotten` is the best rank of those.
    """

    bids: dict[UUID, BidDocument] = field(default_factory=dict)
    forgotten: tuple[Decimal, int] | None = None

    def change(self, changed: Collection[BidDocument]) -> None:
        """Take in bids as they are now."""
        for bid in changed:
            if bid.deleted:
                self.bids.pop(bid.id, None)
            else:
                self.bids[bid.id] = bid
        if len(self.bids) > 2 * HIGHEST:
            ranked = self._ranked()
            best = ranked[HIGHEST].rank
            self.forgotten = min(best, self.forgotten or best)
            self.bids = {bid.id: bid for bid in ranked[:HIGHEST]}

    def known(self) -> Known:
        """These bids, as they are now."""
        return Known({bid.id: bid.rank for bid in self.bids.values()}, self.forgotten)

    def _ranked(self) -> list[BidDocument]:
        return sorted(self.bids.values(), key=lambda bid: bid.rank)

    def top(self) -> list[BidDocument] | None:
        """The first TOP; None if a forgotten one may be among them."""
        top = self._ranked()[:TOP]
        if self.forgotten is None or (len(top) == TOP and top[-1].rank < self.forgotten):
            return top
        return None


@dataclass(slots=True)
class Growing:
    """An auction's document, without its bids, as its history is read; and what belongs to it."""

    auction: AuctionDocument | None = None
    live: dict[UUID, int] = field(default_factory=dict)
    highest: Highest = field(default_factory=Highest)
    last: Moment | None = None

    @property
    def version(self) -> int:
        """Up to which its history is read."""
        return self.auction.version if self.auction else 0

    def grow(
        self,
        auction_id: UUID,
        history: Sequence[VersionedEvent],
        stored: Mapping[UUID, BidDocument],
        leading_at: Leading,
    ) -> tuple[Collection[BidDocument], Timeline]:
        """Take in the next events; the bids that they change, and what makes their moments.

        Only their bidders are looked at: there may be very many others.
        """
        before = {bidder: self.live.get(bidder, 0) for bidder in bidders_of(history)}
        timeline = Timeline(self.last, self.highest.known(), before, leading_at, self.auction)
        bids = bids_after(auction_id, history, stored).values()
        self.highest.change(bids)
        self.auction = auction_after(self.auction, history, top_bids=(), live_before=before)
        self.live.update(live_after(history, before))
        return bids, timeline


def fill(store: EventStore, ids: Collection[UUID], documents: MongoDocuments) -> None:
    """Write the documents of these auctions, of which there are none yet, up to the ends of their streams."""
    growing = {id: Growing() for id in ids}
    while growing:
        limit = max(PAGE // len(growing), 50)
        versions = {id: each.version for id, each in growing.items()}
        recorded = store.read_several(versions, limit)
        _grow(growing, recorded, documents)
        ended = {id for id in growing if len(recorded.get(id, ())) < limit}
        _end({id: growing.pop(id) for id in ended}, documents)


def _grow(
    growing: Mapping[UUID, Growing],
    recorded: Mapping[UUID, Sequence[RecordedEvent]],
    documents: MongoDocuments,
) -> None:
    histories = {id: history_of(events) for id, events in recorded.items() if events}
    before = {id: growing[id].version for id in histories}
    stored = _stored(histories, documents)
    changed: list[tuple[BidDocument, bool]] = []
    timelines: dict[UUID, Timeline] = {}
    for id, history in histories.items():
        bids, timelines[id] = growing[id].grow(
            id, history, stored, partial(_leading, id, documents)
        )
        changed += [(bid, bid.placed_version > before[id]) for bid in bids]
    documents.fill_bids([bid for bid, new in changed if new])
    documents.save_bids([bid for bid, new in changed if not new])
    _fill_moments(growing, histories, timelines, documents)


def _fill_moments(
    growing: Mapping[UUID, Growing],
    histories: Mapping[UUID, Sequence[VersionedEvent]],
    timelines: Mapping[UUID, Timeline],
    documents: MongoDocuments,
) -> None:
    """Write the moments of these events; their bids are written already."""
    moments: list[Moment] = []
    for id, history in histories.items():
        moments += timelines[id].after(id, history)
        growing[id].last = moments[-1]
    documents.fill_moments(moments)


def _leading(auction_id: UUID, documents: MongoDocuments, version: int) -> BidDocument | None:
    """The leading bid at that version, which none of the highest ones is."""
    documents.create_indexes()
    return next(iter(documents.top_bids(auction_id, version, 1)), None)


def _stored(
    histories: Mapping[UUID, Sequence[VersionedEvent]], documents: MongoDocuments
) -> Mapping[UUID, BidDocument]:
    """The bids placed earlier that these events change."""
    named, placed = set[UUID](), set[UUID]()
    for history in histories.values():
        for recorded in history:
            if bid_id := touched_bid(recorded.event):
                (placed if isinstance(recorded.event, BidPlaced) else named).add(bid_id)
    earlier = named - placed
    return documents.bids(earlier) if earlier else {}


def _end(ended: Mapping[UUID, Growing], documents: MongoDocuments) -> None:
    """Write the auctions' own documents, and those of their bidders and winners."""
    auctions = []
    bidders = []
    for id, each in ended.items():
        if each.auction is None:
            continue
        top = each.highest.top()
        if top is None:
            documents.create_indexes()
            top = documents.top_bids(id, each.version, TOP)
        auctions.append(replace(each.auction, top_bids=tuple(top)))
        bidders += [
            BidderDocument(id, bidder, live, each.version) for bidder, live in each.live.items()
        ]
    documents.fill_auctions(auctions, bidders)
