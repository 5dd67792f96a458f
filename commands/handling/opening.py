"""Opening the sealed bids of a batch: those that are placed, and those that are to be revealed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

import structlog

from commands.domain.bids import Bids
from commands.domain.commands import AuctionCommand, PlaceSealedBid
from commands.domain.hidden import NOTHING_OPENED, Content, Opened
from commands.postgres.connections import SyncConnection
from commands.postgres.sealed_texts import sealed_texts
from commands.postgres.secret_keys import keys_of
from commands.record.sealed_bids import opened_bid

log = structlog.get_logger("commands")


@dataclass(frozen=True, slots=True)
class SealedBid:
    """A bid, whose it is, and what is sealed in it."""

    auction_id: UUID
    bid_id: UUID
    bidder_id: UUID
    sealed: str


def placed(commands: Iterable[AuctionCommand]) -> Iterator[SealedBid]:
    """The bids that the commands place."""
    for command in commands:
        if isinstance(command, PlaceSealedBid):
            yield SealedBid(command.auction_id, command.bid_id, command.bidder_id, command.sealed)


def hidden(connection: SyncConnection, bids: Mapping[UUID, Bids]) -> Iterator[SealedBid]:
    """Those of the auctions' live bids that are hidden."""
    for auction_id, of_auction in bids.items():
        found = {bid.placed_version: bid for bid in of_auction.live() if bid.hidden}
        texts = sealed_texts(connection, auction_id, found) if found else {}
        for version, bid in found.items():
            if version in texts:
                yield SealedBid(auction_id, bid.id, bid.bidder_id, texts[version])


def opened(connection: SyncConnection, bids: Iterable[SealedBid]) -> Opened:
    """What the bids hold, by their ids; without those that can't be opened. It must not be told yet."""
    sealed = list(bids)
    if not sealed:
        return NOTHING_OPENED
    keys = keys_of(connection, {each.bidder_id for each in sealed})
    return {
        each.bid_id: content
        for each in sealed
        if (content := _content(each, keys.get(each.bidder_id)))
    }


def _content(bid: SealedBid, key: bytes | None) -> Content | None:
    content = opened_bid(key, bid.sealed, bid.auction_id, bid.bid_id) if key else None
    if content is None:
        log.error("a sealed bid can't be opened", bid_id=str(bid.bid_id), has_key=key is not None)
    return content
