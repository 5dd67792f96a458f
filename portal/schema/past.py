"""Auctions as they stood at an earlier version, or at a time."""

from datetime import datetime
from uuid import UUID

from commands.postgres.connections import clock_async
from portal.errors import bad_input
from portal.schema.context import Context
from portal.schema.reading import auction_at
from portal.schema.types import Auction, named_in
from portal.web.runtime import Runtime
from projections.documents import AuctionDocument
from projections.mongo.past import PastReader


def chosen(
    at_least: int | None, at_version: int | None, at_time: datetime | None
) -> int | datetime | None:
    """The version or the time in the past that is asked for, if any; BAD_USER_INPUT for more than one bound."""
    if sum(each is not None for each in (at_least, at_version, at_time)) > 1:
        field = "atTime" if at_time is not None else "atVersion"
        raise bad_input(field, "atLeastVersion, atVersion and atTime exclude each other")
    return at_version if at_time is None else at_time


async def past_auction(context: Context, auction_id: UUID, when: int | datetime) -> Auction | None:
    """The auction as it stood at that version or time; None if there is no such auction."""
    runtime = context.runtime
    past = PastReader(runtime.documents)
    if isinstance(when, datetime):
        auction, version = await _at_time(runtime, past, auction_id, when)
    else:
        auction, version = await _reaching(runtime, auction_id, when), when
    if auction is None:
        return None
    then, moment = await past.auction_at(auction, version)
    names = await context.names_of(named_in([then]))
    as_of = when if isinstance(when, datetime) else moment.recorded_at
    return Auction.of(then, names, as_of, past=True)


async def _reaching(runtime: Runtime, auction_id: UUID, version: int) -> AuctionDocument | None:
    """The auction, which has reached that version; BAD_USER_INPUT if it has not."""
    if version < 1:
        raise bad_input("atVersion", "versions begin with 1")
    auction = await runtime.auctions_now.ask(auction_id)
    if auction and auction.version >= version:
        return auction
    reached = await runtime.versions.ask(auction_id)
    if reached is None:
        return None
    if reached < version:
        raise bad_input("atVersion", f"the auction has not come further than version {reached}")
    return await auction_at(runtime, auction_id, version)


async def _at_time(
    runtime: Runtime, past: PastReader, auction_id: UUID, time: datetime
) -> tuple[AuctionDocument | None, int]:
    """The auction and its version at that time; BAD_USER_INPUT before its creation, or in the future."""
    if await _in_the_future(runtime, time):
        raise bad_input("atTime", "that is in the future")
    auction = await runtime.auctions_now.ask(auction_id)
    version = await past.version_at(auction, time) if auction else 0
    if auction is None or version == auction.version:
        # The document may lack the last events.
        auction = await auction_at(runtime, auction_id, await runtime.versions.ask(auction_id))
        version = await past.version_at(auction, time) if auction else 0
    if auction and not version:
        raise bad_input("atTime", "the auction was created later")
    return auction, version


async def _in_the_future(runtime: Runtime, time: datetime) -> bool:
    """By the database's clock; this process's own, which may be some milliseconds behind it, says no at once."""
    if time <= runtime.clock.now():
        return False
    async with runtime.pool.connection() as connection:
        return time > await clock_async(connection)
