"""Auctions' documents in the API's form."""

import time
from collections.abc import Sequence
from datetime import timedelta

from portal.schema.context import Context
from portal.schema.types import Auction, named_in, next_status
from portal.web.fresh import Seen
from projections.documents import AuctionDocument


async def auctions_from(context: Context, found: Sequence[AuctionDocument]) -> list[Auction]:
    """The documents in the API's form, as of now."""
    names = await context.names_of(named_in(found))
    now = context.runtime.clock.now()
    return [Auction.of(document, names, now) for document in found]


async def auctions_seen(context: Context, found: Sequence[Seen[AuctionDocument]]) -> list[Auction]:
    """The documents in the API's form, each as of when it was read."""
    names = await context.names_of(named_in(each.value for each in found))
    clock, here = context.runtime.clock.now(), time.monotonic()
    shown = []
    for document, at in found:
        as_of = clock - timedelta(seconds=here - at)
        if changes := next_status(document, as_of):
            context.noting.end(at + (changes - as_of).total_seconds())
        shown.append(Auction.of(document, names, as_of))
    return shown
