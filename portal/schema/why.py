"""Why an auction ended as it did, in the API's form."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum

import strawberry

from portal.schema.bids import Bid
from portal.schema.context import PortalInfo
from portal.schema.cursors import (
    PLACE_IN_LEADS,
    USUAL_PAGE,
    After,
    Connection,
    First,
    connection,
    page_size,
    place,
)
from portal.schema.enums import describe
from portal.schema.fairness import BeaconRound
from portal.schema.fairness_reading import find_tick
from portal.schema.public import PUBLIC
from portal.schema.reading import Names
from projections import why
from projections.documents import Draw, Moment
from projections.mongo.past import PastReader
from projections.mongo.why import changes_of_the_lead
from projections.why_sale import followed


class LeadCause(Enum):
    """The kinds of events that change the lead."""

    PLACED = "BidPlaced"
    DOUBLED = "BidDoubled"
    DELETED = "BidDeleted"
    REMOVED = "BidRemoved"
    REVEALED = "BidRevealed"


describe(
    LeadCause,
    "What changed the lead.",
    {
        LeadCause.PLACED: "A bid was placed, and led.",
        LeadCause.DOUBLED: "A bid was doubled, and led from then on, or still.",
        LeadCause.DELETED: "The leading bid was deleted, and the next one led.",
        LeadCause.REVEALED: "A sealed bid was revealed, and led.",
        LeadCause.REMOVED: "The house removed the leading bid, and the next one led.",
    },
)


@strawberry.type(description="The draw that doubled a bid.")
class BidDraw:
    tick: int = strawberry.field(
        description="The number of the tick; 0 if the bid was drawn before draws were committed to."
    )
    policy_version: int = strawberry.field(
        description=(
            "The version of the policies it was drawn by, see promoterPolicy; -1: by the auction's own options, see Rules."
        )
    )
    weight: str = strawberry.field(description="The bid's weight, a whole number.")
    total_weight: str = strawberry.field(
        description="The weights of all bids of the draw together, a whole number."
    )
    chance: float = strawberry.field(description="The bid's share of the draw, from 0 to 1.")

    @strawberry.field(
        description="The tick's round of the beacon; null of a tick from before there was one.",
        metadata=PUBLIC,
    )
    async def beacon_round(self, info: PortalInfo) -> BeaconRound | None:
        """Read from the tick."""
        found = await find_tick(info.context.runtime, self.tick) if self.tick else None
        return BeaconRound.of(found) if found else None

    @classmethod
    def of(cls, draw: Draw) -> "BidDraw":
        """The draw of a moment. Weights are text: a product of weights may be any number."""
        return cls(
            tick=draw.tick,
            policy_version=draw.policy_version,
            weight=str(draw.weight),
            total_weight=str(draw.total_weight),
            chance=why.chance(draw),
        )


@strawberry.interface(description="Something that decided an auction.")
class DecidingStep:
    version: int = strawberry.field(description="The auction's version with it; see chain.")
    at: datetime = strawberry.field(description="When it was recorded, by the portal's clock.")
    sentence: str = strawberry.field(description="All of it as plain English.")


@strawberry.type(description="A change of the lead, or of what the leading bid counts.")
class LeadChange(DecidingStep):
    cause: LeadCause = strawberry.field(description="What changed it.")
    changed: Bid = strawberry.field(description="The bid that was placed, doubled or deleted.")
    leading: Bid | None = strawberry.field(
        description="The bid that led from then on, as it was then; null if none did."
    )
    before: Bid | None = strawberry.field(
        description="The bid that led until then, as it was then; null if none did."
    )
    draw: BidDraw | None = strawberry.field(description="The draw, if a bid was doubled.")

    @classmethod
    def of(cls, change: why.LeadChange, names: Names) -> "LeadChange":
        """In the API's form."""
        then, leading, before = change.moment, change.leading, change.before
        return cls(
            version=then.version,
            at=then.recorded_at,
            sentence=change.sentence(names),
            cause=LeadCause(then.kind),
            changed=Bid.of(change.changed, names),
            leading=Bid.of(leading, names) if leading else None,
            before=Bid.of(before, names) if before else None,
            draw=_draw(then),
        )


@strawberry.type(description="A deleted bid that would have ranked before the one that won.")
class BidDeletion(DecidingStep):
    bid: Bid = strawberry.field(description="The bid.")


@strawberry.type(description="The doubling of a bid.")
class BidDoubling(DecidingStep):
    bid: Bid = strawberry.field(description="The bid.")
    draw: BidDraw = strawberry.field(description="The draw, and the chance that the bid had in it.")


@strawberry.type(description="A bid's place at the end.")
class RankedBid:
    place: int = strawberry.field(description="From 1, the bid that won.")
    bid: Bid = strawberry.field(description="The bid.")
    sentence: str = strawberry.field(description="All of it as plain English.")


@strawberry.type(description="How the auction was closed.")
class AuctionClosing(DecidingStep):
    ends_at: datetime = strawberry.field(description="A bid counted if it was accepted before.")
    last_bid: Bid | None = strawberry.field(
        description="The bid that was placed last, live or deleted; null if nobody bid."
    )
    seconds_before_end: float | None = strawberry.field(
        description="How long before endsAt the last bid was accepted; null if nobody bid."
    )
    seconds_after_end: float = strawberry.field(
        description="How long after endsAt the auction was closed."
    )


@strawberry.type(description="What decided an auction.")
class WhyWinner:
    explained: strawberry.Private[why.Why]
    sentence: str = strawberry.field(description="The result and what it rests on, in short.")
    ranking: list[RankedBid] = strawberry.field(
        description="The first live bids at the end, at most 5; none if it ended unsold or was cancelled."
    )
    deletions: list[BidDeletion] = strawberry.field(
        description=(
            "The deleted bids that would have ranked before the one that won, or of an unsold auction "
            "all; highest first, at most 5."
        )
    )
    doublings: list[BidDoubling] = strawberry.field(
        description="Those of the bids in `ranking` and `deletions`."
    )
    closing: AuctionClosing = strawberry.field(description="How the auction was closed.")
    sale: list[str] = strawberry.field(
        description=(
            "What followed, as plain English: to whom the lot was offered, and what they answered; "
            "nothing without a second chance."
        )
    )

    @strawberry.field(
        description="Who led when, newest first: the first change made the winner.", metadata=PUBLIC
    )
    async def leads(
        self, info: PortalInfo, first: First = USUAL_PAGE, after: After = None
    ) -> Connection[LeadChange]:
        """A page of the changes of the lead, by an index."""
        size, start = page_size(first), place(after, *PLACE_IN_LEADS)
        past = PastReader(info.context.runtime.documents)
        found = await changes_of_the_lead(
            past, self.explained.auction, size + 1, start[0] if start else None
        )
        names = await info.context.names_of(why.bidders_of(found[:size]))
        return connection(
            found,
            size,
            lambda change: LeadChange.of(change, names),
            lambda change: (change.moment.version,),
        )

    @classmethod
    def of(cls, explained: why.Why, names: Names) -> "WhyWinner":
        """In the API's form."""
        return cls(
            explained=explained,
            sentence=explained.sentence(names),
            ranking=[
                RankedBid(
                    place=number, bid=Bid.of(bid, names), sentence=explained.place(number, names)
                )
                for number, bid in enumerate(explained.ranking, 1)
            ],
            deletions=[
                BidDeletion(
                    version=each.moment.version,
                    at=each.moment.recorded_at,
                    sentence=each.sentence(names),
                    bid=Bid.of(each.bid, names),
                )
                for each in explained.deletions
            ],
            doublings=_doublings(explained.doublings, names),
            closing=_closing(explained, names),
            sale=followed(explained.auction.winner, names),
        )


def _doublings(doublings: Sequence[why.Doubling], names: Names) -> list[BidDoubling]:
    return [
        BidDoubling(
            version=each.moment.version,
            at=each.moment.recorded_at,
            sentence=each.sentence(names),
            bid=Bid.of(each.bid, names),
            draw=draw,
        )
        for each in doublings
        if (draw := _draw(each.moment))
    ]


def _closing(explained: why.Why, names: Names) -> AuctionClosing:
    closed, last, ends_at = explained.closed, explained.last_bid, explained.auction.ends_at
    return AuctionClosing(
        version=closed.version,
        at=closed.recorded_at,
        sentence=explained.closing(names),
        ends_at=ends_at,
        last_bid=Bid.of(last, names) if last else None,
        seconds_before_end=why.seconds(last.placed_at, ends_at) if last else None,
        seconds_after_end=why.seconds(ends_at, closed.recorded_at),
    )


def _draw(moment: Moment) -> BidDraw | None:
    return BidDraw.of(moment.draw) if moment.draw else None
