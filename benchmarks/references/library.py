"""The same auction written with the `eventsourcing` library, on the same Postgres."""

import os
from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from psycopg.conninfo import conninfo_to_dict


class Auction(Aggregate):
    """An auction that takes a bid if it is higher than the bidder's own highest one."""

    @event("Created")
    def __init__(self, title: str) -> None:
        self.title = title
        self.highest: dict[str, Decimal] = {}

    def bid(self, bid_id: UUID, bidder_id: UUID, amount: Decimal) -> None:
        """ValueError for a bid that is not higher."""
        if amount <= self.highest.get(str(bidder_id), Decimal(0)):
            raise ValueError("not higher")
        self._placed(bid_id, bidder_id, amount)

    @event("BidPlaced")
    def _placed(self, bid_id: UUID, bidder_id: UUID, amount: Decimal) -> None:
        self.highest[str(bidder_id)] = amount


class Auctions(Application[UUID]):
    """As its documentation advises for speed: aggregates are cached, and snapshots taken now and then."""

    snapshotting_intervals: ClassVar[dict[type, int]] = {Auction: 1000}

    def create(self) -> UUID:
        """A new auction."""
        auction = Auction("A clock")
        self.save(auction)
        return auction.id

    def bid(self, auction_id: UUID, bidder_id: UUID, amount: Decimal) -> None:
        """One bid, in a transaction of its own."""
        auction: Auction = self.repository.get(auction_id)
        auction.bid(uuid4(), bidder_id, amount)
        self.save(auction)


def on_this_database() -> Auctions:
    """The application on the database of DATABASE_URL, with tables of its own in it."""
    where = conninfo_to_dict(os.environ["DATABASE_URL"])
    return Auctions(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(where["dbname"]),
            "POSTGRES_HOST": str(where["host"]),
            "POSTGRES_PORT": str(where.get("port", "5432")),
            "POSTGRES_USER": str(where["user"]),
            "POSTGRES_PASSWORD": str(where.get("password", "")),
            "AGGREGATE_CACHE_MAXSIZE": "1000",
            "IS_SNAPSHOTTING_ENABLED": "y",
        }
    )


def bid(application: Auctions, bidders: Sequence[UUID], count: int) -> None:
    """So many bids in one new auction."""
    auction = application.create()
    for number in range(count):
        application.bid(auction, bidders[number % len(bidders)], Decimal(number + 1))
