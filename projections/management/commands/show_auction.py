"""`manage.py show_auction AUCTION [--version N | --at TIME]`."""

import asyncio
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from commands.inbox.invalid import InvalidInput
from commands.management.operator_command import REJECTED, moment
from commands.postgres.connections import clock
from commands.streams import Stream
from commands.wiring import pool
from projections.documents import AuctionDocument, BidDocument, status_at
from projections.errors import VersionUnavailable
from projections.management.read_side_command import ReadSideCommand
from projections.mongo.past import PastReader
from projections.mongo.reader import DocumentReader
from projections.mongo.telling import Told, names_for_house, told
from projections.why import Names, called
from projections.wiring import catch_up, names_behind_aliases

BIDS = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """An auction as it stood at its version, with its first bids, and why it ended as it did."""

    auction: AuctionDocument
    as_of: datetime
    bids: list[BidDocument]
    told: Told | None
    names: Names


class Command(ReadSideCommand):
    """Shows an auction as it is, or as it was."""

    help = (
        "Show an auction with its first 20 bids: as it stands, at a version, or at a time. Of one that is "
        "closed, show why it ended as it did, too. Exit status 1 if there is no such auction."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """With a --version that takes the place of Django's, which tells Django's."""
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("auction", type=UUID, help="the auction's id")
        when = parser.add_mutually_exclusive_group()
        when.add_argument("--version", type=int, metavar="N", help="as it stood at that version")
        when.add_argument(
            "--at", metavar="TIME", help="as it stood at that time, e.g. 2030-01-31T18:00:00Z"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        auction_id = options["auction"]
        catch_up(Stream("auction", auction_id))
        with pool().connection() as connection:
            now = clock(connection)
        at = moment(options["at"], now) if options["at"] else None
        if at and at > now:
            raise InvalidInput("at", "that is in the future")
        try:
            shown = asyncio.run(_read(auction_id, options["version"], at, now))
        except VersionUnavailable as error:
            raise CommandError(str(error), returncode=REJECTED) from error
        if shown is None:
            raise CommandError("there is no such auction", returncode=REJECTED)
        self.answer(options, _as_json(shown), _as_text(shown))


async def _read(
    auction_id: UUID, version: int | None, at: datetime | None, now: datetime
) -> Shown | None:
    reader = DocumentReader()
    try:
        found = await reader.auctions_by_id([auction_id])
        return await _shown(reader, found[0], version, at, now) if found else None
    finally:
        await reader.close()


async def _shown(
    reader: DocumentReader,
    auction: AuctionDocument,
    version: int | None,
    at: datetime | None,
    now: datetime,
) -> Shown:
    past = PastReader(reader)
    if at:
        version = await past.version_at(auction, at)
        if not version:
            raise InvalidInput("at", "the auction was created later")
    if version is None:
        bids, as_of = list(auction.top_bids[:BIDS]), now
    else:
        if not 1 <= version <= auction.version:
            raise InvalidInput("version", f"the auction's versions are 1 to {auction.version}")
        auction, then = await past.auction_at(auction, version)
        bids, as_of = await past.first_bids(auction, BIDS), at or then.recorded_at
    names = await names_for_house(reader, bids, names_behind_aliases)
    explained = await told(reader, auction, names_behind_aliases)
    return Shown(auction, as_of, bids, explained, names)


def _as_json(shown: Shown) -> dict[str, Any]:
    auction, winner = shown.auction, shown.auction.winner
    bids = [_bid(bid, shown.names) for bid in shown.bids]
    return {
        "id": auction.id,
        "version": auction.version,
        "title": auction.title,
        "status": status_at(auction, shown.as_of),
        "as_of": shown.as_of.isoformat(),
        "starts_at": auction.starts_at.isoformat(),
        "ends_at": auction.ends_at.isoformat(),
        "bid_count": auction.bid_count,
        "bidder_count": auction.bidder_count,
        "leading_bid": bids[0] if bids else None,
        "winner": _bid(winner.bid, shown.names) if winner else None,
        "bids": bids,
        "why": _why(shown.told) if shown.told else None,
    }


def _why(found: Told) -> dict[str, Any]:
    steps = {"doublings": found.doublings, "deletions": found.deletions, "leads": found.leads}
    return {
        "result": found.result,
        "closing": found.closing,
        "ranking": found.ranking,
        **{
            name: [{"at": at.isoformat(), "sentence": sentence} for at, sentence in told]
            for name, told in steps.items()
        },
    }


def _bid(bid: BidDocument, names: Names) -> Mapping[str, Any]:
    return {
        "id": bid.id,
        "bidder_id": bid.bidder_id,
        "bidder": names.get(bid.bidder_id),
        **({"number": bid.number} if bid.number else {}),
        "amount": None if bid.hidden else bid.amount,
        "effective_amount": None if bid.hidden else bid.effective_amount,
        "doubled": bid.doubled,
        "placed_at": bid.placed_at.isoformat(),
    }


def _as_text(shown: Shown) -> str:
    auction = shown.auction
    lines = [
        f"{auction.title} ({auction.id})",
        f"version {auction.version}, as of {shown.as_of.isoformat()}: "
        f"{status_at(auction, shown.as_of)}",
        f"{auction.bid_count} live bids by {auction.bidder_count} bidders",
    ]
    for number, bid in enumerate(shown.bids, 1):
        once = f" ({bid.amount:,.2f}, doubled)" if bid.doubled else ""
        counts = "sealed" if bid.hidden else f"{bid.effective_amount:,.2f}"
        lines.append(f"{number:>3}. {counts}{once} by {called(bid, shown.names)}")
    return "\n".join([*lines, *(_reasons(shown.told) if shown.told else ())])


def _reasons(found: Told) -> Iterator[str]:
    yield from ("", found.result, found.closing)
    parts = {
        "Doubled:": found.doublings,
        "Deleted:": found.deletions,
        "Who led, newest first:": found.leads,
    }
    for title, steps in parts.items():
        if steps:
            yield title
            yield from (
                f"  {at.isoformat(timespec='seconds')}  {sentence}" for at, sentence in steps
            )
