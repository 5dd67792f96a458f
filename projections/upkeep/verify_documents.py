"""The documents of an auction, compared with those that its events give, while these are replayed.

Documents of bids may be ahead of the auction's own: each is compared as it was at that version.
"""

from bisect import insort
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from uuid import UUID

from commands.domain.events import BidPlaced, SealedBidPlaced
from commands.postgres.connections import SyncConnection
from projections.changes import auction_after, bid_after, bid_at, ranked_at, touched_bid
from projections.documents import (
    TOP,
    AuctionDocument,
    BidDocument,
    Moment,
    VersionedEvent,
    WinnerDocument,
)
from projections.moments import Known, Timeline
from projections.ports import Documents
from projections.sales import winner_at
from projections.upkeep.findings import NAMED, compared
from projections.upkeep.moments import moment_problem
from projections.upkeep.one_moment import PAGE
from projections.upkeep.verify_rows import in_batches

# Which of these bids something happened to at these versions.
HAPPENED = """
SELECT version, data->>'bid_id' AS bid_id FROM events WHERE stream_id = %s AND version = ANY(%s)
"""


class AuctionDocuments:
    """What the auction's documents must be after the events so far, up to the version of its own."""

    def __init__(
        self,
        auction_id: UUID,
        documents: Documents,
        shown: AuctionDocument | None,
        winner: WinnerDocument | None,
    ) -> None:
        self.version = shown.version if shown else 0
        # What differs, as far as it was found; of bids only the first ones.
        self.problems: list[str] = []
        self._id, self._stored = auction_id, documents
        self._shown, self._winner = shown, winner
        self._auction: AuctionDocument | None = None
        # The first of those that stay, leading first, and all of those that change.
        self._top: list[BidDocument] = []
        self._changing: dict[UUID, BidDocument] = {}
        self._placed = self._more = 0
        # The last moment, and the first that is stored otherwise.
        self._moment: Moment | None = None
        self._moments: str | None = None

    def take(
        self,
        page: Sequence[VersionedEvent],
        staying: Collection[UUID],
        live_before: Mapping[UUID, int],
    ) -> None:
        """The events happened. `staying` are the bids placed by them that never change.

        `live_before` are how many live bids each bidder had that they are about.
        """
        history = [recorded for recorded in page if recorded.version <= self.version]
        if not history:
            return
        self._look_at_moments(history, live_before)
        staying_bids = dict[UUID, BidDocument]()
        for recorded in history:
            self._apply(recorded, staying, staying_bids)
        self._compare(staying_bids)
        self._auction = auction_after(self._auction, history, top_bids=(), live_before=live_before)

    def _look_at_moments(
        self, history: Sequence[VersionedEvent], live_before: Mapping[UUID, int]
    ) -> None:
        """Of the bids that stay the best one alone can lead, now and later."""
        changing = self._changing.values()
        live = (bid for bid in changing if not bid.deleted and not bid.hidden)
        ranks = {bid.id: bid.rank for bid in (*self._top[:1], *live)}
        timeline = Timeline(self._moment, Known(ranks), live_before, lambda _: None, self._auction)
        expected = timeline.after(self._id, history)
        self._moment = expected[-1]
        if self._moments is None:
            self._moments = moment_problem(self._id, expected, self._stored)

    def _apply(
        self,
        recorded: VersionedEvent,
        staying: Collection[UUID],
        staying_bids: dict[UUID, BidDocument],
    ) -> None:
        id = touched_bid(recorded.event)
        if id is None:
            return
        self._placed += isinstance(recorded.event, BidPlaced | SealedBidPlaced)
        bid = bid_after(self._changing.get(id), self._id, recorded)
        assert bid is not None
        if id in staying:
            staying_bids[id] = bid
            self._rank(bid)
        else:
            self._changing[id] = bid

    def _rank(self, bid: BidDocument) -> None:
        if len(self._top) < TOP or bid.rank < self._top[-1].rank:
            insort(self._top, bid, key=attrgetter("rank"))
            del self._top[TOP:]

    def _compare(self, expected: Mapping[UUID, BidDocument]) -> None:
        stored = self._stored.bids(expected.keys()) if expected else {}
        for id, bid in expected.items():
            found = stored.get(id)
            then = bid_at(found, self.version) if found else None
            if then != bid:
                self._note(compared(f"bid {id}", bid, then))

    def _note(self, problems: Sequence[str]) -> None:
        room = NAMED - len(self.problems)
        self.problems += problems[:room]
        self._more += len(problems[room:])

    def finish(self, events: int) -> list[str]:
        """All that differs, once all of the stream's events have happened."""
        if self._shown is None:
            return []
        if self.version > events:
            return [f"the document stands at version {self.version}, beyond the last event"]
        for ids in in_batches(self._changing):
            self._compare({id: self._changing[id] for id in ids})
        assert self._auction is not None
        top = ranked_at([*self._top, *self._changing.values()], self.version)
        auction = replace(self._auction, top_bids=tuple(top[:TOP]))
        own = compared("auction", auction, self._shown)
        if auction.winner or self.version == events:
            # It is written before the auction's own document, which may be behind.
            shown = winner_at(self._winner, self.version) if self._winner else None
            own += compared("winner", auction.winner, shown)
        moments = [self._moments] if self._moments else []
        return own + moments + self.problems + self._uncounted()

    def _uncounted(self) -> list[str]:
        if self._more:
            return [f"so do those of {self._more} more bids"]
        count = self._stored.count_bids(self._id, self.version)
        if count <= self._placed:
            return []
        return [f"there are documents of {count} bids, and {self._placed} were placed"]


def ahead_of_events(
    connection: SyncConnection, auction_id: UUID, documents: Documents, version: int
) -> list[str]:
    """Documents of bids that stand beyond that version, at one at which nothing happened to them."""
    problems: list[str] = []
    for bids in documents.bids_beyond(auction_id, version, PAGE):
        rows = connection.execute(HAPPENED, (auction_id, [bid.version for bid in bids]))
        happened = {(row["version"], row["bid_id"]) for row in rows}
        problems += [
            f"the document of bid {bid.id} stands at version {bid.version}, "
            "at which nothing happened to it"
            for bid in bids
            if (bid.version, str(bid.id)) not in happened
        ][: NAMED - len(problems)]
    return problems
