"""Checking draws: the house's commitments, its policies, and the chain of events."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import strawberry
from psycopg.rows import DictRow

from commands.domain.policies import FIRST
from commands.postgres.event_store import content_of


@strawberry.type(description="A round of the promoter, and the secret that decides its draws.")
class Tick:
    """Committed to, then made, then revealed."""

    id: UUID = strawberry.field(description="Of its chain, which holds the commitment.")
    number: int
    commitment: str = strawberry.field(
        description="SHA-256 of the secret, in hex; public before the tick."
    )
    committed_at: datetime
    made_at: datetime | None
    draws: int | None = strawberry.field(description="How many auctions had one.")
    secret: str | None = strawberry.field(
        description="In hex, once no draw can be made with it any more."
    )
    revealed_at: datetime | None

    @classmethod
    def of(cls, row: DictRow) -> "Tick":
        """The tick in its row."""
        values = {name: value for name, value in row.items() if name != "stream_id"}
        return cls(id=row["stream_id"], **values)


@strawberry.type(description="What the promoter follows: options by their names.")
class PromoterPolicy:
    """One version; 0 is the one from before the first change."""

    version: int
    auction_id: UUID | None = strawberry.field(
        description="The auction it is for; null: all that have none of their own."
    )
    withdrawn: bool
    chance: Decimal = strawberry.field(description="Of a draw at all, in per cent.")
    weight: list[str] = strawberry.field(description="Multiplied.")
    exclude: list[str]
    limit: list[str] = strawberry.field(description='As "name:number".')
    changed_at: datetime | None

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
    """hash = SHA-256(previous hash, 32 zero bytes before the first, then content in UTF-8)."""

    version: int
    content: str = strawberry.field(description="Canonical JSON.")
    hash: str = strawberry.field(
        description="SHA-256 of the hash before (32 zero bytes at first) and the content, in hex."
    )

    @classmethod
    def of(cls, row: DictRow) -> "ChainLink":
        """The event in its row."""
        return cls(version=row["version"], content=content_of(row).decode(), hash=row["hash"].hex())
