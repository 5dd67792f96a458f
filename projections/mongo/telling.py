"""Reading why an auction ended as it did, with the names, for admin and operators' commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from projections.documents import AuctionDocument
from projections.mongo.past import PastReader
from projections.mongo.reader import DocumentReader
from projections.mongo.why import changes_of_the_lead, why
from projections.why import bidders_of

LEADS = 20


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


async def told(reader: DocumentReader, auction: AuctionDocument) -> Told | None:
    """What decided the auction; None until it is closed."""
    if not auction.closed:
        return None
    past = PastReader(reader)
    found, changes = await why(past, auction), await changes_of_the_lead(past, auction, LEADS)
    names = await reader.usernames({*found.bidders(), *bidders_of(changes)})
    numbers = range(1, len(found.ranking) + 1)
    return Told(
        result=found.sentence(names),
        closing=found.closing(names),
        ranking=[found.place(number, names) for number in numbers],
        doublings=[(each.moment.recorded_at, each.sentence(names)) for each in found.doublings],
        deletions=[(each.moment.recorded_at, each.sentence(names)) for each in found.deletions],
        leads=[(each.moment.recorded_at, each.sentence(names)) for each in changes],
    )
