"""Given / when / then for auctions, with a fixed cast at fixed times."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from commands.domain.auction import decide
from commands.domain.bidders import Bidder
from commands.domain.commands import (
    AnnounceWinner,
    AuctionCommand,
    BuyNow,
    CancelAuction,
    CloseAuctionNow,
    DeleteBid,
    DoubleBid,
    PauseAuction,
    PlaceBid,
    RemoveBid,
    ResumeAuction,
    ReviseAuction,
    WithdrawBids,
)
from commands.domain.events import (
    AuctionCreated,
    AuctionEvent,
    AuctionPaused,
    AuctionResumed,
    AuctionRevised,
    BidDeleted,
    BidDoubled,
    BidPlaced,
    BidRemoved,
    NoDoubling,
    NothingDrawn,
)
from commands.domain.hidden import NOTHING_OPENED, Opened
from commands.domain.promoter import Draw, Promoter
from commands.domain.rejections import Rejection, RejectionCode
from commands.domain.revisions import Revision
from commands.domain.state import Auction, replay
from commands.jobs import Job, JobStatus
from commands.record.codec import command_name, encode
from commands.streams import Stream

ALICE = UUID("a11ce000-0000-4000-8000-000000000001")
BOB = UUID("b0b00000-0000-4000-8000-000000000002")
CHARLIE = UUID("c4a711e0-0000-4000-8000-000000000003")
AUCTIONEER = UUID("5a1e5000-0000-4000-8000-000000000009")
CAST: Mapping[UUID, Bidder] = {id: Bidder(id) for id in (ALICE, BOB, CHARLIE)}

AUCTION = UUID("ac000000-0000-4000-8000-00000000000a")
FIRST = UUID("b1d00000-0000-4000-8000-000000000001")
SECOND = UUID("b1d00000-0000-4000-8000-000000000002")
THIRD = UUID("b1d00000-0000-4000-8000-000000000003")
FOURTH = UUID("b1d00000-0000-4000-8000-000000000004")

BEFORE = datetime(2025, 3, 1, 11, tzinfo=UTC)
OPENING = datetime(2025, 3, 1, 12, tzinfo=UTC)
DURING = datetime(2025, 3, 1, 12, 30, tzinfo=UTC)
CLOSING = datetime(2025, 3, 1, 13, tzinfo=UTC)
AFTER = datetime(2025, 3, 1, 14, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
# As programs write moments: 2025-03-01T15:33:19.707901+00:00.
MACHINES_TIME = re.compile(r"\dT\d|\+\d\d:\d\d|:\d\d\.\d")

PLAIN = Promoter()
REASON = "The lamp is broken."
CREATED = AuctionCreated(AUCTION, "A lamp", "Brass, works", OPENING, CLOSING, AUCTIONEER)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the auction said to a command."""

    said: list[AuctionEvent] | Rejection

    def then(self, *events: AuctionEvent) -> None:
        """It was accepted, with exactly these events."""
        assert self.said == list(events)

    def refused(self, code: RejectionCode) -> None:
        """It was refused for that reason, in words too; a refusal carries no events."""
        assert isinstance(self.said, Rejection), f"accepted with {self.said}"
        assert self.said.code is code
        assert self.said.message
        assert not MACHINES_TIME.search(self.said.message), self.said.message


@dataclass(frozen=True, slots=True)
class Scenario:
    """An auction, or none yet, with what happened to it so far."""

    events: tuple[AuctionEvent, ...]

    @property
    def auction(self) -> Auction | None:
        """The state after the events."""
        return replay(self.events) if self.events else None

    def when(
        self,
        command: AuctionCommand,
        *,
        at: datetime = DURING,
        bidders: Mapping[UUID, Bidder] = CAST,
        draw: Draw | None = None,
        opened: Opened = NOTHING_OPENED,
    ) -> Answer:
        """Ask for something at that moment; asking alone must leave the auction as it is."""
        auction = self.auction
        said = decide(command, auction, now=at, bidders=bidders, draw=draw, opened=opened)
        assert auction == self.auction
        return Answer(said if isinstance(said, Rejection) else list(said))

    def leads(self, bid_id: UUID | None) -> None:
        """That bid is the leading one."""
        assert self.auction is not None
        leading = self.auction.leading_bid
        assert (leading.id if leading else None) == bid_id


def given(*events: AuctionEvent) -> Scenario:
    """What happened before."""
    return Scenario(events)


def placed(bid_id: UUID, bidder_id: UUID, amount: str, at: datetime = DURING) -> BidPlaced:
    """The event of a bid."""
    return BidPlaced(bid_id, bidder_id, Decimal(amount), at)


def deleted(bid_id: UUID, bidder_id: UUID) -> BidDeleted:
    """The event of a bid's deletion by its bidder."""
    return BidDeleted(bid_id, bidder_id)


def removed(bid_id: UUID, bidder_id: UUID) -> BidRemoved:
    """The event of a bid's deletion by the house."""
    return BidRemoved(bid_id, bidder_id, REASON, AUCTIONEER)


def paused(at: datetime = DURING) -> AuctionPaused:
    """The event of a pause that begins then."""
    return AuctionPaused(at, REASON, AUCTIONEER)


def resumed(at: datetime, ends_at: datetime) -> AuctionResumed:
    """The event of a pause that is over then, and what end that gives."""
    return AuctionResumed(at, ends_at, REASON, AUCTIONEER)


def revised(before: Revision, after: Revision) -> AuctionRevised:
    """The event of a revision."""
    return AuctionRevised(before, after, AUCTIONEER)


def withdrawn(bid_id: UUID, bidder_id: UUID, deleted_at: datetime = DURING) -> BidDeleted:
    """The event of a bid's deletion with its bidder, whose deletion was accepted then."""
    return BidDeleted(bid_id, bidder_id, deleted_at)


def doubled(
    bid_id: UUID, bidder_id: UUID, counts: str, tick: int = 1, *, of: int = 1, draw: int = 1
) -> BidDoubled:
    """The event of a doubling, with the effective amount after it; drawn among that many equals."""
    return BidDoubled(bid_id, bidder_id, Decimal(counts), tick, 0, 1, of, (), draw)


def nothing(reason: NoDoubling, tick: int = 1, *, draw: int = 1) -> NothingDrawn:
    """The event of a draw that doubled no bid."""
    return NothingDrawn(tick, 0, reason, draw)


def place(bid_id: UUID, bidder_id: UUID, amount: str) -> PlaceBid:
    """A bid."""
    return PlaceBid(AUCTION, bid_id, bidder_id, Decimal(amount))


def buy(bid_id: UUID, bidder_id: UUID) -> BuyNow:
    """A purchase."""
    return BuyNow(AUCTION, bid_id, bidder_id)


def delete(bid_id: UUID, bidder_id: UUID) -> DeleteBid:
    """Taking a bid back."""
    return DeleteBid(AUCTION, bid_id, bidder_id)


def double(tick: int = 1) -> DoubleBid:
    """The promoter's turn."""
    return DoubleBid(AUCTION, tick, 0)


def drawn(lot: int = 0, promoter: Promoter = PLAIN, staff: Iterable[UUID] = ()) -> Draw:
    """A draw that is on, with that lot out of HALF_VALUES."""
    return Draw(0, promoter, seed=bytes(16) + lot.to_bytes(16), staff=frozenset(staff))


def announce() -> AnnounceWinner:
    """The closing."""
    return AnnounceWinner(AUCTION)


def cancel() -> CancelAuction:
    """The house's end of it."""
    return CancelAuction(AUCTION, REASON, AUCTIONEER)


def close_now() -> CloseAuctionNow:
    """The house's end of it, with a winner."""
    return CloseAuctionNow(AUCTION, REASON, AUCTIONEER)


def pause() -> PauseAuction:
    """Having time stand still."""
    return PauseAuction(AUCTION, REASON, AUCTIONEER)


def resume() -> ResumeAuction:
    """Having time go on."""
    return ResumeAuction(AUCTION, REASON, AUCTIONEER)


def revise(**changes: Any) -> ReviseAuction:
    """Changing what was said of it."""
    return ReviseAuction(AUCTION, Revision(**changes), AUCTIONEER)


def remove(bid_id: UUID) -> RemoveBid:
    """Deleting a bid in the house's name."""
    return RemoveBid(AUCTION, bid_id, REASON, AUCTIONEER)


def withdraw(bidder_id: UUID, deleted_at: datetime = DURING) -> WithdrawBids:
    """Taking back what a deleted user bid."""
    return WithdrawBids(AUCTION, bidder_id, deleted_at)


def job(
    command: AuctionCommand,
    *,
    number: int = 1,
    at: datetime = DURING,
    expires: datetime | None = None,
) -> Job:
    """The command as an accepted job; its id and its request's id follow from the number."""
    return Job(
        id=UUID(int=number),
        stream=Stream("auction", AUCTION),
        command=command_name(command),
        payload=encode(command),
        submitted_by=None,
        correlation_id=UUID(int=1000 + number),
        accepted_at=at,
        expires_at=expires,
        status=JobStatus.QUEUED,
        settled_at=None,
        rejection=None,
        version=None,
    )
