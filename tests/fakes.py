"""The ports in memory; they pass the same contract tests as the real adapters."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from threading import Lock
from uuid import UUID

from commands.record.chain import GENESIS, chain_hash, hashed_content
from commands.record.codec import encode, event_name
from commands.record.upcasters import CURRENT_SCHEMA
from commands.streams import Conflict, NewEvent, RecordedEvent, Stream, StreamKind
from projections.changes import ranked_at
from projections.documents import (
    AuctionDocument,
    BidderDocument,
    BidDocument,
    Lifespan,
    Moment,
    UserDocument,
    WinnerDocument,
)
from projections.ports import At, Bidder


class MemoryEventStore:
    """The EventStore port over a list for each stream."""

    def __init__(self) -> None:
        self._streams: dict[UUID, list[RecordedEvent]] = {}

    def append(
        self,
        stream: Stream,
        expected_version: int,
        events: Sequence[NewEvent],
        recorded_at: datetime,
    ) -> list[RecordedEvent]:
        """Add events after expected_version; Conflict unless the stream stands exactly there."""
        before = self._streams.get(stream.id, [])
        if len(before) != expected_version:
            raise Conflict(f"{stream} stands at version {len(before)}, not {expected_version}")
        after = list(before)
        for new in events:
            after.append(_recorded(stream, after, new, recorded_at))
        if events:
            self._streams[stream.id] = after
        return after[expected_version:]

    def read(
        self, stream_id: UUID, after_version: int = 0, limit: int = 500
    ) -> list[RecordedEvent]:
        """At most `limit` events after that version, in order, without gaps."""
        return self._streams.get(stream_id, [])[after_version:][:limit]

    def read_several(
        self, after_versions: Mapping[UUID, int], limit: int
    ) -> Mapping[UUID, list[RecordedEvent]]:
        """As `read`, for several streams: at most `limit` events of each; none for one without any."""
        found = {id_: self.read(id_, after, limit) for id_, after in after_versions.items()}
        return {id_: events for id_, events in found.items() if events}

    def streams(self, kind: StreamKind) -> Iterator[UUID]:
        """Every stream of the kind, oldest first."""
        return (id_ for id_, events in self._streams.items() if events[0].stream.kind == kind)


def _recorded(
    stream: Stream, before: Sequence[RecordedEvent], new: NewEvent, recorded_at: datetime
) -> RecordedEvent:
    version, name = len(before) + 1, event_name(new.event)
    chained = chain_hash(
        before[-1].hash if before else GENESIS,
        hashed_content(
            stream_id=stream.id,
            version=version,
            name=name,
            schema_version=CURRENT_SCHEMA.get(name, 1),
            data=encode(new.event),
            causation_id=new.causation_id,
            correlation_id=new.correlation_id,
            recorded_at=recorded_at,
            accepted_at=new.accepted_at,
        ),
    )
    return RecordedEvent(
        stream, version, new.event, new.causation_id, new.correlation_id, recorded_at, chained,
        new.accepted_at,
    )  # fmt: skip


class MemoryDocuments:
    """The Documents port over dictionaries; `winners` is there to be looked at."""

    def __init__(self) -> None:
        self.winners: dict[UUID, WinnerDocument] = {}
        self._auctions: dict[UUID, AuctionDocument] = {}
        self._bids: dict[UUID, BidDocument] = {}
        self._bidders: dict[Bidder, BidderDocument] = {}
        self._moments: dict[At, Moment] = {}
        self._users: dict[UUID, UserDocument] = {}
        self._lock = Lock()

    def auction(self, auction_id: UUID) -> AuctionDocument | None:
        """The auction's document."""
        return self._auctions.get(auction_id)

    def auctions(self, ids: Collection[UUID]) -> Mapping[UUID, AuctionDocument]:
        """The auctions of these ids, without those that have no document."""
        return {id_: self._auctions[id_] for id_ in ids if id_ in self._auctions}

    def save_auctions(self, changed: Sequence[tuple[AuctionDocument, int]]) -> None:
        """Replace each document if it still stands at the version beside it (0: there is none)."""
        with self._lock:
            for auction, expected_version in changed:
                stored = self._auctions.get(auction.id)
                if (stored.version if stored else 0) == expected_version:
                    self._auctions[auction.id] = auction

    def bids(self, ids: Collection[UUID]) -> Mapping[UUID, BidDocument]:
        """Those of the bids that are there."""
        return {id_: self._bids[id_] for id_ in ids if id_ in self._bids}

    def save_bids(self, bids: Sequence[BidDocument]) -> None:
        """Write each bid unless a newer version of it is there."""
        with self._lock:
            for bid in bids:
                stored = self._bids.get(bid.id)
                if stored is None or stored.version < bid.version:
                    self._bids[bid.id] = bid

    def top_bids(self, auction_id: UUID, version: int, limit: int) -> list[BidDocument]:
        """The auction's first live bids as they were at that version of it, leading first."""
        return ranked_at(self._of(auction_id), version)[:limit]

    def lifespans(self, bidders: Collection[Bidder]) -> list[Lifespan]:
        """Those of all bids, live and deleted, of these bidders."""
        return [
            Lifespan(each.auction_id, bid.bidder_id, bid.placed_version, bid.deleted_version)
            for each in bidders
            for bid in self._of(each.auction_id)
            if bid.bidder_id == each.bidder_id
        ]

    def bidders(self, bidders: Collection[Bidder]) -> Mapping[Bidder, BidderDocument]:
        """The documents of these bidders, without those that have none."""
        return {each: self._bidders[each] for each in bidders if each in self._bidders}

    def save_bidders(self, bidders: Sequence[BidderDocument]) -> None:
        """Write each bidder unless a newer version of it is there."""
        with self._lock:
            for bidder in bidders:
                key = Bidder(bidder.auction_id, bidder.bidder_id)
                stored = self._bidders.get(key)
                if stored is None or stored.version < bidder.version:
                    self._bidders[key] = bidder

    def moments(self, wanted: Collection[At]) -> Mapping[At, Moment]:
        """Those of these moments that are there."""
        return {at: self._moments[at] for at in wanted if at in self._moments}

    def save_moments(self, moments: Sequence[Moment]) -> None:
        """Write each moment, unless it is there."""
        with self._lock:
            for each in moments:
                self._moments.setdefault(At(each.auction_id, each.version), each)

    def moments_of(self, auction_id: UUID, after_version: int, limit: int) -> list[Moment]:
        """At most `limit` moments of the auction after that version, in order."""
        found = sorted(at for at in self._moments if at.auction_id == auction_id)
        return [self._moments[at] for at in found if at.version > after_version][:limit]

    def bids_of(self, auction_id: UUID) -> Mapping[UUID, BidDocument]:
        """Every bid there is of the auction."""
        return {bid.id: bid for bid in self._of(auction_id)}

    def bids_beyond(
        self, auction_id: UUID, version: int, at_once: int
    ) -> Iterator[list[BidDocument]]:
        """The auction's bids whose documents stand beyond that version of it, so many at a time."""
        found = iter([bid for bid in self._of(auction_id) if bid.version > version])
        while bids := list(islice(found, at_once)):
            yield bids

    def count_bids(self, auction_id: UUID, version: int) -> int:
        """How many of the auction's bids that were placed up to that version are there."""
        return sum(bid.placed_version <= version for bid in self._of(auction_id))

    def winner(self, auction_id: UUID) -> WinnerDocument | None:
        """The auction's winner."""
        return self.winners.get(auction_id)

    def restore_auction(self, auction: AuctionDocument, bids: Sequence[BidDocument]) -> None:
        """Make these the documents of the auction, its winner and its bids, whatever was there."""
        for bid in self._of(auction.id):
            del self._bids[bid.id]
        self._bids.update({bid.id: bid for bid in bids})
        for key in [key for key in self._bidders if key.auction_id == auction.id]:
            del self._bidders[key]
        self.winners.pop(auction.id, None)
        if auction.winner:
            self.winners[auction.id] = auction.winner
        self._auctions[auction.id] = auction

    def restore_moments(self, auction_id: UUID, moments: Sequence[Moment]) -> None:
        """Make these the moments of the auction, whatever was there."""
        for at in [at for at in self._moments if at.auction_id == auction_id]:
            del self._moments[at]
        self.save_moments(moments)

    def restore_user(self, user: UserDocument) -> None:
        """Make this the user's document, whatever was there."""
        self._users[user.id] = user

    def save_winner(self, winner: WinnerDocument) -> None:
        """Write the winner unless a newer version of it is there."""
        stored = self.winners.get(winner.auction_id)
        if stored is None or stored.version < winner.version:
            self.winners[winner.auction_id] = winner

    def user(self, user_id: UUID) -> UserDocument | None:
        """The user's document."""
        return self._users.get(user_id)

    def users(self, ids: Collection[UUID]) -> Mapping[UUID, UserDocument]:
        """The users of these ids, without those that have no document."""
        return {id_: self._users[id_] for id_ in ids if id_ in self._users}

    def save_users(self, users: Sequence[UserDocument]) -> None:
        """Write each user unless a newer version is there."""
        with self._lock:
            for user in users:
                stored = self._users.get(user.id)
                if stored is None or stored.version < user.version:
                    self._users[user.id] = user

    def ids(self, kind: StreamKind, at_once: int) -> Iterator[list[UUID]]:
        """The streams of which there are documents, so many at a time."""
        found = iter(list(self._auctions if kind == "auction" else self._users))
        while ids := list(islice(found, at_once)):
            yield ids

    def versions(self, kind: StreamKind, ids: Collection[UUID]) -> Mapping[UUID, int]:
        """At which version the documents of those streams stand; absent where there is none."""
        documents: Mapping[UUID, AuctionDocument | UserDocument] = (
            self._auctions if kind == "auction" else self._users
        )
        return {id_: documents[id_].version for id_ in ids if id_ in documents}

    def _of(self, auction_id: UUID) -> list[BidDocument]:
        return [bid for bid in self._bids.values() if bid.auction_id == auction_id]
