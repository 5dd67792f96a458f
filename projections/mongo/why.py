"""Reading what decided an auction: a bounded number of documents, however long its history is."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from bson.decimal128 import Decimal128

from projections.changes import bid_at
from projections.documents import AuctionDocument, BidDocument, Moment
from projections.mongo.past import PastReader
from projections.mongo.ranking import ORDER
from projections.why import Deletion, Doubling, LeadChange, Why

# The bids of the ranking at the end, and the deleted ones, that are shown.
SHOWN = 5


async def why(past: PastReader, auction: AuctionDocument) -> Why:
    """What decided the auction, which is closed."""
    end = (await past.moments(auction, [auction.version]))[auction.version]
    assert end.closed_version is not None, "an auction is explained once it is closed"
    ranking, deleted = await _places(past, auction)
    doubled = [bid for bid in (*ranking, *deleted) if bid.doubled]
    moments = await past.moments(
        auction,
        {
            end.closed_version,
            *(bid.reached_version for bid in doubled),
            *(bid.deleted_version for bid in deleted if bid.deleted_version),
        },
    )
    last = await past.bids_by_id(auction, [end.last_bid]) if end.last_bid else {}
    return Why(
        auction=auction,
        closed=moments[end.closed_version],
        last_bid=next(iter(last.values()), None),
        ranking=ranking,
        deletions=[_deletion(bid, moments) for bid in deleted],
        doublings=[Doubling(moments[bid.reached_version], bid) for bid in doubled],
    )


async def changes_of_the_lead(
    past: PastReader, auction: AuctionDocument, limit: int, before: int | None = None
) -> list[LeadChange]:
    """The changes of the lead, newest first, before that version; with the bids as they were then."""
    moments = await past.changes_of_the_lead(auction, limit, before)
    ahead = await past.moments(auction, {each.version - 1 for each in moments})
    named = [*moments, *ahead.values()]
    ids = {bid_id for each in named for bid_id in (each.leading, each.bid_id) if bid_id}
    bids = await past.bids_by_id(auction, ids)
    return [_change(each, ahead[each.version - 1], bids) for each in moments]


def _change(then: Moment, before: Moment, bids: Mapping[UUID, BidDocument]) -> LeadChange:
    assert then.bid_id, "the lead changes with a bid"
    changed = bid_at(bids[then.bid_id], then.version)
    assert changed, "a bid that led was placed"
    return LeadChange(
        moment=then,
        changed=changed,
        leading=bid_at(bids[then.leading], then.version) if then.leading else None,
        before=bid_at(bids[before.leading], before.version) if before.leading else None,
    )


def _deletion(bid: BidDocument, moments: Mapping[int, Moment]) -> Deletion:
    assert bid.deleted_version, "only deleted bids were asked for"
    return Deletion(moments[bid.deleted_version], bid)


async def _places(
    past: PastReader, auction: AuctionDocument
) -> tuple[Sequence[BidDocument], Sequence[BidDocument]]:
    """The first bids at the end, and the deleted ones before the winning one; none where nobody could win."""
    if auction.cancelled:
        return [], []
    ranking = await _ranking(past, auction)
    return ranking, await _deleted(past, auction, ranking[0] if ranking else None)


async def _ranking(past: PastReader, auction: AuctionDocument) -> Sequence[BidDocument]:
    if len(auction.top_bids) >= min(SHOWN, auction.bid_count):
        return auction.top_bids[:SHOWN]
    return await past.bids_of_closed(auction, SHOWN)


async def _deleted(
    past: PastReader, auction: AuctionDocument, winning: BidDocument | None
) -> list[BidDocument]:
    """The first deleted bids that would rank before the winning one."""
    wanted = {"auction_id": auction.id, "live": False}
    if winning:
        wanted["effective_amount"] = {"$gte": Decimal128(winning.effective_amount)}
    found = await past.bids_by(
        auction, [{"$match": wanted}, {"$sort": dict(ORDER)}, {"$limit": SHOWN}]
    )
    return [bid for bid in found if winning is None or bid.rank < winning.rank]
