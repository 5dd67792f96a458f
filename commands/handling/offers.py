"""To whom the lots of a batch's auctions may be offered next."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from commands.domain.bidders import Bidder
from commands.domain.bids import Bid
from commands.postgres.aliases import known_aliases
from commands.postgres.auctions import share_bidders
from commands.postgres.connections import SyncConnection
from commands.postgres.offers import Offerable, next_bids

# The next bidders of each auction that are looked at together. Nearly always the first is the one.
AT_ONCE = 3


def next_bidders(
    connection: SyncConnection, wanted: Mapping[UUID, Offerable], since: datetime
) -> tuple[Mapping[UUID, list[Bid]], Mapping[UUID, Bidder]]:
    """By auction, the highest bids of the next bidders up to one who can be offered the lot, or all there are.

    And those of the bidders whose accounts exist, with what is known of them since that moment: they can't be deleted before this transaction ends.
    """
    found: defaultdict[UUID, list[Bid]] = defaultdict(list)
    living = dict[UUID, Bidder]()
    while wanted:
        pages = next_bids(connection, wanted, AT_ONCE)
        bidders = {bid.bidder_id for page in pages.values() for bid in page}
        living |= _living(connection, bidders, since) if bidders else {}
        further = {}
        for id, page in pages.items():
            found[id] += page
            each = wanted[id]
            if len(page) == AT_ONCE and not any(
                bid.bidder_id in living and bid.amount >= each.least for bid in page
            ):
                asked = [*each.asked, *(bid.bidder_id for bid in page)]
                further[id] = Offerable(asked, each.least)
        wanted = further
    return found, living


def _living(
    connection: SyncConnection, bidders: Collection[UUID], since: datetime
) -> Mapping[UUID, Bidder]:
    """Those of the bidders whose accounts exist; in masked auctions they are aliases."""
    behind = {alias.id: alias.user_id for alias in known_aliases(connection, bidders).values()}
    users = share_bidders(connection, {behind.get(id, id) or id for id in bidders}, since)
    found = {id: behind.get(id, id) for id in bidders}
    return {id: users[user] for id, user in found.items() if user and user in users}
