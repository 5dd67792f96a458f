"""Reading why an auction ended as it did, with the names, for admin and operators' commands."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from projections.documents import AuctionDocument, BidDocument
from projections.mongo.past import PastReader
from projections.mongo.reader import DocumentReader
from projections.mongo.why import changes_of_the_lead, why
from projections.why import Names, bids_of

LEADS = 20
# Gives the names of the users behind aliases, by these.
Unmask = Callable[[Collection[UUID]], Mapping[UUID, str]]


@dataclass(frozen=True, slots=True)
class Told:
    """The sentences: the result, the close, the first bids; then what happened, each with its moment.

    `leads` are the last LEADS changes of the lead, newest first.
    """

    result: str
    closing: str
    ranking: Sequence[str]
    doublings: Sequence[tuple[datetime, str]]
    deletions: Sequence[tuple[datetime, str]]
    leads: Sequence[tuple[datetime, str]]


async def names_for_house(
    reader: DocumentReader, bids: Iterable[BidDocument], unmask: Unmask
) -> Names:
    """The names of the bids' bidders, of those who are masked too."""
    bids = list(bids)
    names = await reader.usernames({bid.bidder_id for bid in bids if bid.number is None})
    aliases = {bid.bidder_id for bid in bids if bid.number is not None}
    return {**names, **(await asyncio.to_thread(unmask, aliases) if aliases else {})}


async def told(reader: DocumentReader, auction: AuctionDocument, unmask: Unmask) -> Told | None:
    """What decided the auction, for the house; None until it is closed."""
    if not auction.closed:
        return None
    past = PastReader(reader)
    found, changes = await why(past, auction), await changes_of_the_lead(past, auction, LEADS)
    names = await names_for_house(reader, [*found.bids(), *bids_of(changes)], unmask)
    numbers = range(1, len(found.ranking) + 1)
    return Told(
        result=found.sentence(names),
        closing=found.closing(names),
        ranking=[found.place(number, names) for number in numbers],
        doublings=[(each.moment.recorded_at, each.sentence(names)) for each in found.doublings],
        deletions=[(each.moment.recorded_at, each.sentence(names)) for each in found.deletions],
        leads=[(each.moment.recorded_at, each.sentence(names)) for each in changes],
    )
