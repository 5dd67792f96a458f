"""The documents that projecting bids writes, written by PyMongo alone, without any logic."""

from collections.abc import Sequence
from typing import Any

from pymongo import ReplaceOne

from commands.streams import Stream
from projections.mongo.bson import Bson
from projections.mongo.generations import live_generations
from projections.mongo.layout import collection_name
from projections.projector import BATCH
from projections.wiring import database

BASES = ("bids", "bidders", "auctions")


class Written:
    """The documents of one auction, read once, to be written again into empty collections."""

    def __init__(self, auction: Stream) -> None:
        generation = live_generations(database())["auctions"]
        self._stored = {
            base: list(database()[collection_name(base, generation)].find(_of(base, auction)))
            for base in BASES
        }

    def write(self) -> None:
        """As projecting does it, in batches of BATCH events: their bids, their bidders, the auction."""
        for base in BASES:
            database()[f"bench_{base}"].drop()
        written = self._stored["bids"]
        for at in range(0, len(written), BATCH):
            batch = written[at : at + BATCH]
            _replace("bids", batch)
            _replace("bidders", self._stored["bidders"][: len(batch)])
            _replace("auctions", self._stored["auctions"])


def _of(base: str, auction: Stream) -> dict[str, Any]:
    match base:
        case "auctions":
            return {"_id": auction.id}
        case "bids":
            return {"auction_id": auction.id}
        case _:
            return {"_id.auction_id": auction.id}


def _replace(base: str, documents: Sequence[Bson]) -> None:
    writes = [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in documents]
    database()[f"bench_{base}"].bulk_write(writes, ordered=False)
