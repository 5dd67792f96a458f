"""Checking draws: the house's commitments, its policies, and the chain of events."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import strawberry
from psycopg.rows import DictRow

from commands.beacon.chosen import url_of
from commands.domain.policies import FIRST
from commands.postgres.event_store import content_of


@strawberry.type(description="A round of the beacon by which a tick is drawn.")
class BeaconRound:
    """Named at the commitment; its value is there once the tick is made."""

    beacon: str = strawberry.field(
        description='The beacon\'s name. A "local stand-in" is not a public beacon, and proves nothing.'
    )
    number: str = strawberry.field(description="The round's number, in decimal.")
    public_at: datetime = strawberry.field(
        description="When the round becomes public: the cut-off, before which a draw's bids were accepted."
    )
    value: str | None = strawberry.field(
        description="The round's value, in hex, which the draws' seeds have in them; null before the tick."
    )
    url: str | None = strawberry.field(
        description="Where a relay of the beacon gives the same value; null if it is published nowhere."
    )

    @classmethod
    def of(cls, row: DictRow) -> "BeaconRound | None":
        """The round in a tick's row; None if it names none."""
        if row["beacon"] is None:
            return None
        return cls(
            beacon=row["beacon"],
            number=str(row["round"]),
            public_at=row["public_at"],
            value=row["value"],
            url=url_of(row["beacon"], row["round"]),
        )


@strawberry.type(description="A round of the promoter, and the secret that decides its draws.")
class Tick:
    """Committed to, then made, then revealed."""

    id: UUID = strawberry.field(description="The id of its chain, which holds the commitment.")
    number: int = strawberry.field(description="From 1, without gaps.")
    commitment: str = strawberry.field(
        description="SHA-256 of the secret, in hex; public before the tick."
    )
    committed_at: datetime = strawberry.field(
        description="When the house committed itself to the secret."
    )
    made_at: datetime | None = strawberry.field(
        description="When it was made, and began to give auctions their draws; null before."
    )
    beacon_round: BeaconRound | None = strawberry.field(
        description="Its round of the beacon; null for ticks from before there was one."
    )
    draws: int | None = strawberry.field(
        description="How many auctions it gave a draw; null before all have theirs."
    )
    secret: str | None = strawberry.field(
        description="32 bytes in hex; null until no draw can be made with it any more."
    )
    revealed_at: datetime | None = strawberry.field(
        description="When the secret was published; null before."
    )
    given_up_at: datetime | None = strawberry.field(
        description="When the house gave it up, its secret being lost with the portal that chose it; else null."
    )

    @classmethod
    def of(cls, row: DictRow) -> "Tick":
        """The tick in its row."""
        others = {"stream_id", "beacon", "round", "public_at", "value"}
        values = {name: value for name, value in row.items() if name not in others}
        return cls(id=row["stream_id"], beacon_round=BeaconRound.of(row), **values)


@strawberry.type(description="What the promoter follows: options by their names.")
class PromoterPolicy:
    version: int = strawberry.field(
        description="Its number; 0 is the policy from before the first change."
    )
    auction_id: UUID | None = strawberry.field(
        description="The auction it is for; null if it is for all that have none of their own."
    )
    withdrawn: bool = strawberry.field(
        description="Whether this version takes the policy back; the options are then empty."
    )
    chance: Decimal = strawberry.field(
        description="The chance that an auction gets a draw in a tick, in per cent."
    )
    weight: list[str] = strawberry.field(
        description="What a bid's weight in the draw is: the product of these options."
    )
    exclude: list[str] = strawberry.field(description="The bids that take no part in the draw.")
    limit: list[str] = strawberry.field(
        description='How many bids may be doubled at most, each as "name:number".'
    )
    changed_at: datetime | None = strawberry.field(
        description="When it was made; null for version 0."
    )

    @classmethod
    def of(cls, row: DictRow) -> "PromoterPolicy":
        """The policy in its row."""
        return cls(
            version=row["version"],
            auction_id=row["auction_id"],
            withdrawn=row["withdrawn"],
            chance=row["chance"] or Decimal(0),
            weight=row["weight"] or [],
            exclude=row["exclude"] or [],
            limit=row["limits"] or [],
            changed_at=row["changed_at"],
        )

    @classmethod
    def first(cls) -> "PromoterPolicy":
        """The one from before the first change."""
        return cls(
            version=0,
            auction_id=None,
            withdrawn=False,
            chance=FIRST.chance,
            weight=list(FIRST.weight),
            exclude=list(FIRST.exclude),
            limit=list(FIRST.limit),
            changed_at=None,
        )


@strawberry.type(description="An event as the chain of hashes covers it.")
class ChainLink:
    version: int = strawberry.field(
        description="Its number among the events of its auction, tick or policies, from 1."
    )
    content: str = strawberry.field(
        description=(
            "Canonical JSON: type, version and data of the event, when it was recorded and, but for "
            "ticks and old events, when the command that caused it was accepted."
        )
    )
    hash: str = strawberry.field(
        description=(
            "SHA-256 of the hash before (32 zero bytes before the first) and of the content in "
            "UTF-8, in hex."
        )
    )

    @classmethod
    def of(cls, row: DictRow) -> "ChainLink":
        """The event in its row."""
        return cls(version=row["version"], content=content_of(row).decode(), hash=row["hash"].hex())
