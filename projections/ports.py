"""The port to the document store."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

from commands.streams import StreamKind
from projections.documents import (
    AuctionDocument,
    BidderDocument,
    BidDocument,
    Lifespan,
    Moment,
    UserDocument,
    WinnerDocument,
)

# The kinds of streams that have documents. Others are read from the log, to verify draws.
WITH_DOCUMENTS: frozenset[StreamKind] = frozenset({"auction", "user"})


class Bidder(NamedTuple):
    """A bidder in an auction."""

    auction_id: UUID
    bidder_id: UUID


class At(NamedTuple):
    """An auction at one of its versions."""

    auction_id: UUID
    version: int


class Documents(Protocol):
    """The documents of one generation. Of two writes of a document, the newer version stays."""

    def auction(self, auction_id: UUID) -> AuctionDocument | None:
        """The auction's document."""

    def auctions(self, ids: Collection[UUID]) -> Mapping[UUID, AuctionDocument]:
        """The auctions of these ids, without those that have no document."""

    def save_auctions(self, changed: Sequence[tuple[AuctionDocument, int]]) -> None:
        """Replace each document if it still stands at the version beside it (0: there is none)."""

    def bids(self, ids: Collection[UUID]) -> Mapping[UUID, BidDocument]:
        """The bids of these ids, without those that have no document."""

    def save_bids(self, bids: Sequence[BidDocument]) -> None:
        """Write each bid unless a newer version of it is stored."""

    def top_bids(self, auction_id: UUID, version: int, limit: int) -> list[BidDocument]:
        """The auction's first live bids as they were at that version of it, leading first.

        The bids' documents may be ahead of the version, never behind it.
        """

    def lifespans(self, bidders: Collection[Bidder]) -> list[Lifespan]:
        """The lifespans of all bids, live and deleted, of these bidders."""

    def bidders(self, bidders: Collection[Bidder]) -> Mapping[Bidder, BidderDocument]:
        """The documents of these bidders, without those that have none."""

    def save_bidders(self, bidders: Sequence[BidderDocument]) -> None:
        """Write each bidder unless a newer version of it is there."""

    def moments(self, wanted: Collection[At]) -> Mapping[At, Moment]:
        """Those of these moments that have a document."""

    def save_moments(self, moments: Sequence[Moment]) -> None:
        """Write each moment, unless it is there: it never changes."""

    def moments_of(self, auction_id: UUID, after_version: int, limit: int) -> list[Moment]:
        """At most `limit` moments of the auction after that version, in order."""

    def bids_of(self, auction_id: UUID) -> Mapping[UUID, BidDocument]:
        """All bids of the auction that have a document."""

    def bids_beyond(
        self, auction_id: UUID, version: int, at_once: int
    ) -> Iterator[list[BidDocument]]:
        """The auction's bids whose documents stand beyond that version of it, so many at a time."""

    def count_bids(self, auction_id: UUID, version: int) -> int:
        """How many of the auction's bids that were placed up to that version have a document."""

    def winner(self, auction_id: UUID) -> WinnerDocument | None:
        """The auction's winner."""

    def restore_auction(self, auction: AuctionDocument, bids: Sequence[BidDocument]) -> None:
        """Replace the documents of the auction, its winner and its bids, without comparing versions."""

    def restore_moments(self, auction_id: UUID, moments: Sequence[Moment]) -> None:
        """Make these the moments of the auction, whatever was there."""

    def restore_user(self, user: UserDocument) -> None:
        """Replace the user's document, without comparing versions."""

    def save_winner(self, winner: WinnerDocument) -> None:
        """Write the winner unless a newer version of it is there."""

    def user(self, user_id: UUID) -> UserDocument | None:
        """The user's document."""

    def users(self, ids: Collection[UUID]) -> Mapping[UUID, UserDocument]:
        """The users of these ids, without those that have no document."""

    def save_users(self, users: Sequence[UserDocument]) -> None:
        """Write each user unless a newer version is there; deleted ones in every generation."""

    def ids(self, kind: StreamKind, at_once: int) -> Iterator[list[UUID]]:
        """The ids of the streams that have documents, so many at a time."""

    def versions(self, kind: StreamKind, ids: Collection[UUID]) -> Mapping[UUID, int]:
        """The versions of those streams' documents; without streams that have none."""
