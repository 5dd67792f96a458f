"""What the jobs of a batch can touch, which is read before they are decided."""

from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from commands.domain.amounts import SMALLEST
from commands.domain.bids import Bids
from commands.domain.commands import (
    AnnounceWinner,
    AnswerOffer,
    AuctionCommand,
    BuyNow,
    ClearMaximum,
    CreateAuction,
    DeleteBid,
    DoubleBid,
    PlaceBid,
    PlaceSealedBid,
    RemoveBid,
    ReviseAuction,
    SetMaximum,
    WithdrawBids,
)
from commands.domain.promoter import KnownDraw, Policy
from commands.domain.revisions import Revision
from commands.domain.rules.reserve import ReservePrice
from commands.domain.rules.table import (
    Rules,
    follow_leader,
    need_leader,
    own_promoter,
    people,
    promoted,
)
from commands.domain.state import Auction
from commands.handling.exposures import Exposures
from commands.handling.lines import OFFERING, Commands, Line, has_second_chance, reveals
from commands.handling.masking import Masks
from commands.postgres.auctions import Touched, touched_bids, with_bids
from commands.postgres.connections import SyncConnection
from commands.postgres.offers import Offerable

# What may end a maximum: what counts for its bidder's limit then are their bids.
ENDING_MAXIMA = PlaceBid | SetMaximum | ClearMaximum | DoubleBid


def drawing_in(lines: Iterable[Line], commands: Commands) -> Mapping[UUID, DoubleBid]:
    """By auction, its draw. One that is not there has none."""
    return {
        line.id: command
        for line in lines
        if line.before
        and isinstance(command := commands.get(line.jobs[0].id), DoubleBid)
        and promoted(line.before.rules)
    }


def own_policies(lines: Iterable[Line]) -> Mapping[UUID, Policy]:
    """By auction, the policy of those that have one of their own."""
    return {
        line.id: own.policy
        for line in lines
        if line.before and line.before.rules and (own := own_promoter(line.before.rules))
    }


def rules_in(lines: Iterable[Line], commands: Commands) -> Iterable[tuple[UUID, Rules]]:
    """The rules of the auctions, and of those that are created in this batch."""
    yield from ((line.id, line.before.rules) for line in lines if line.before)
    for command in commands.values():
        if isinstance(command, CreateAuction):
            yield command.auction_id, command.rules


def offerable_in(
    lines: Iterable[Line],
    commands: Commands,
    reserves: Mapping[UUID, ReservePrice],
    bids: Mapping[UUID, Bids],
) -> Mapping[UUID, Offerable]:
    """The auctions whose lot the batch may offer to the next bidder; sealed bids are revealed before."""
    found = {}
    for line in lines:
        auction, job = line.before, line.jobs[0]
        if auction is None or job.command not in OFFERING or not has_second_chance(auction):
            continue
        if auction.sale is None and job.command != "AnnounceWinner":
            continue
        match commands.get(job.id):
            case AnswerOffer(accept=True) | None:
                continue
        if any(bid.hidden for bid in bids.get(line.id, Bids()).values()):
            continue
        price = reserves.get(line.id)
        least = auction.reserve or (price.amount if price else SMALLEST)
        found[line.id] = Offerable(auction.sale.asked if auction.sale else (), least)
    return found


def bidders_in(commands: Iterable[AuctionCommand]) -> set[UUID]:
    """Who bids, and whom the rules of new auctions name."""
    found = set[UUID]()
    for command in commands:
        match command:
            case PlaceBid() | PlaceSealedBid() | SetMaximum() | BuyNow():
                found.add(command.bidder_id)
            case CreateAuction(rules=rules) if rules:
                found |= people(rules)
            case ReviseAuction(changes=Revision(rules=rules)) if rules:
                found |= people(rules)
    return found


def asked_with_rules(
    lines: Iterable[Line], commands: Commands
) -> Iterator[tuple[Auction | None, AuctionCommand]]:
    """The commands to auctions with rules, or to such that are created in this batch, each with its auction before."""
    for line in lines:
        if line.before is None or line.before.rules:
            for job in line.jobs:
                if command := commands.get(job.id):
                    yield line.before, command


def bids_to_read(
    connection: SyncConnection,
    lines: Iterable[Line],
    commands: Commands,
    masks: Masks,
    draws: Mapping[UUID, KnownDraw],
    of_each: int,
    exposures: Exposures,
) -> Mapping[UUID, Bids]:
    """By auction, the bids that its jobs can touch; of one whose bids are withdrawn, so many."""
    touched, revised = Touched(of_each=of_each), set[UUID]()
    for line in lines:
        if line.before is None:
            continue
        if follow_leader(line.before.rules):
            touched.led.add(line.id)
        for job in line.jobs:
            command = commands.get(job.id)
            if line.before.maxima and isinstance(command, ENDING_MAXIMA):
                touched.bidding |= exposures.bidding_in(line.id)
            match masks.behind_mask(command, line.before) if command else None:
                case PlaceBid(placed_by=bidder_id) | SetMaximum(placed_by=bidder_id):
                    touched.bidding.add((line.id, bidder_id))
                    if need_leader(line.before.rules):
                        touched.led.add(line.id)
                case PlaceSealedBid(bidder_id=bidder_id):
                    touched.bidding.add((line.id, bidder_id))
                case DeleteBid(bid_id=bid_id) | RemoveBid(bid_id=bid_id):
                    touched.named.add((line.id, bid_id))
                    touched.bidding |= exposures.bidding_in(line.id)
                case WithdrawBids(bidder_id=bidder_id):
                    touched.withdrawn.add((line.id, bidder_id))
                case AnnounceWinner() if reveals(line):
                    touched.closing.add(line.id)
                case AnnounceWinner() | BuyNow():
                    touched.led.add(line.id)
                case DoubleBid() if (draw := draws.get(job.id)) and draw.hit:
                    touched.named.add((line.id, draw.hit.bid.id))
                    if line.before.maxima:
                        touched.led.add(line.id)
                case ReviseAuction():
                    revised.add(line.id)
    found = touched_bids(connection, touched) if touched.any else {}
    return {**with_bids(connection, revised), **found} if revised else found
