"""What the projections need of a document store."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from commands.streams import StreamKind
from projections.documents import (
    AuctionDocument,
    BidDocument,
    Lifespan,
    UserDocument,
    WinnerDocument,
)

# The kinds of streams that have documents; the others are read from the log itself, to check them.
WITH_DOCUMENTS: frozenset[StreamKind] = frozenset({"auction", "user"})


class Documents(Protocol):
    """The documents of one generation. Of two writes of a document, the newer version stays."""

    def auction(self, auction_id: UUID) -> AuctionDocument | None:
        """The auction's document."""

    def save_auction(self, auction: AuctionDocument, expected_version: int) -> bool:
        """Replace the document if it still stands at expected_version (0: there is none); whether it did."""

    def bids(self, ids: Collection[UUID]) -> Mapping[UUID, BidDocument]:
        """Those of the bids that are there."""

    def save_bids(self, bids: Sequence[BidDocument]) -> None:
        """Write each bid unless a newer version of it is there."""

    def top_bids(self, auction_id: UUID, version: int, limit: int) -> list[BidDocument]:
        """The auction's first live bids as they were at that version of it, leading first.

        The bids' documents may be ahead of the version, never behind it.
        """

    def lifespans(self, auction_id: UUID, bidders: Collection[UUID]) -> list[Lifespan]:
        """Those of all bids, live and deleted, that these bidders have in the auction."""

    def bids_of(self, auction_id: UUID) -> Mapping[UUID, BidDocument]:
        """Every bid there is of the auction."""

    def winner(self, auction_id: UUID) -> WinnerDocument | None:
        """The auction's winner."""

    def restore_auction(self, auction: AuctionDocument, bids: Sequence[BidDocument]) -> None:
        """Make these the documents of the auction, its winner and its bids, whatever was there."""

    def restore_user(self, user: UserDocument) -> None:
        """Make this the user's document, whatever was there."""

    def save_winner(self, winner: WinnerDocument) -> None:
        """Write the winner; there is only ever one."""

    def user(self, user_id: UUID) -> UserDocument | None:
        """The user's document."""

    def save_user(self, user: UserDocument) -> None:
        """Write the user unless a newer version is there."""

    def ids(self, kind: StreamKind) -> set[UUID]:
        """The streams of which there are documents."""

    def versions(self, kind: StreamKind, ids: Collection[UUID]) -> Mapping[UUID, int]:
        """At which version the documents of those streams stand; absent where there is none."""
