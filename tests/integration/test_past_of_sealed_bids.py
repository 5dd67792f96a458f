"""How an auction with sealed bids stood at each of its versions, before and while they were revealed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest

from commands.domain.events import (
    AuctionCreated,
    AuctionEvent,
    BidDeleted,
    BidNotRevealed,
    BidRevealed,
    SealedBidPlaced,
)
from commands.domain.rules.sealed import Sealed
from commands.ids import new_id
from commands.streams import Stream
from projections.changes import ranked_at
from projections.documents import VersionedEvent
from projections.moments import moments_of
from projections.mongo import past as reading
from projections.mongo.past import PastReader
from projections.mongo.reader import DocumentReader
from projections.mongo.store import MongoDocuments
from tests.integration.in_process import stored_auctions
from tests.integration.test_pages_at_a_version import Life, pages, reader
from tests.integration.test_past import past, ranking

__all__ = ["past", "reader"]


def sealed_life(auction_id: UUID) -> Iterator[AuctionEvent]:
    """Bids of thirty bidders, some deleted; then each is revealed, but one."""
    now, choose = datetime.now(UTC), Random(7)
    ends_at = now + timedelta(hours=1)
    yield AuctionCreated(auction_id, "Sealed", "", now, ends_at, None, (Sealed(),))
    live: list[SealedBidPlaced] = []
    for _ in range(30):
        placed = SealedBidPlaced(new_id(), new_id(), "ab" * 32, "1.", now)
        live.append(placed)
        yield placed
        if choose.random() < 0.3:
            gone = live.pop(choose.randrange(len(live)))
            yield BidDeleted(gone.bid_id, gone.bidder_id)
    for number, bid in enumerate(live):
        if number == 5:
            yield BidNotRevealed(bid.bid_id, bid.bidder_id)
        else:
            yield BidRevealed(bid.bid_id, Decimal(f"{choose.randrange(1, 9)}.00"), "cd" * 16)


@pytest.fixture
def sealed(documents: MongoDocuments) -> Iterator[Life]:
    """The life of such an auction, as its documents alone."""
    stream, now = Stream("auction", new_id()), datetime.now(UTC)
    history = [
        VersionedEvent(event, version, now + timedelta(seconds=version))
        for version, event in enumerate(sealed_life(stream.id), 1)
    ]
    life = Life(stream, [], history)
    auction, bids = life.at(len(history))
    documents.restore_moments(stream.id, moments_of(stream.id, history))
    documents.restore_auction(auction, bids)
    yield life
    documents.restore_moments(stream.id, [])
    documents.restore_auction(auction, [])
    stored_auctions().delete_one({"_id": stream.id})


@pytest.mark.parametrize(("short", "look"), [(0, 1), (0, 6), (1000, 3), (0, 200)])
async def test_every_version_is_as_it_was(
    sealed: Life, past: PastReader, monkeypatch: pytest.MonkeyPatch, short: int, look: int
) -> None:
    monkeypatch.setattr(reading, "SHORT", short)
    for most in ("FIRST_LOOK", "LONGEST_LOOK", "LONGEST_WALK"):
        monkeypatch.setattr(reading, most, look)
    now, _ = sealed.at(len(sealed.history))
    for version in range(1, len(sealed.history) + 1):
        live, bids = sealed.at(version)
        found, _ = await past.auction_at(now, version)
        assert found == replace(live, top_bids=(live.leading,) if live.leading else ())
        assert await ranking(past, found, 4) == ranked_at(bids, version)


async def test_pages_of_a_version_that_bids_are_ahead_of(
    sealed: Life, reader: DocumentReader
) -> None:
    for version in range(1, len(sealed.history) + 1):
        auction, bids = sealed.at(version)
        found = await pages(reader, auction, 7)
        assert [bid for page in found for bid in page] == ranked_at(bids, version)
