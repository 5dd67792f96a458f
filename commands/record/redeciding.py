"""Deciding again: each event of an auction must be what the rules give for the command that caused it.

The rules are the domain's own `decide`. It is given the state before the event and the command with its
moment of acceptance, which the event itself says. The job must say the same while it is kept. Of
events from before they said it, and whose job has ended, what only the job knew is not checked.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import assert_never, cast
from uuid import UUID

from commands.domain.amounts import LARGEST, SMALLEST
from commands.domain.auction import decide
from commands.domain.bidders import Bidder
from commands.domain.commands import (
    AnnounceWinner,
    AnswerOffer,
    AuctionCommand,
    BuyNow,
    CancelAuction,
    ClearMaximum,
    CloseAuctionNow,
    CreateAuction,
    DeleteBid,
    DoubleBid,
    ForfeitSale,
    LapseOffer,
    PauseAuction,
    PlaceBid,
    PlaceSealedBid,
    RemoveBid,
    ResumeAuction,
    ReviseAuction,
    SetMaximum,
    WithdrawBids,
)
from commands.domain.doubling import nothing_drawn
from commands.domain.events import (
    AuctionCancelled,
    AuctionClosedEarly,
    AuctionCreated,
    AuctionEndedUnsold,
    AuctionEvent,
    AuctionExtended,
    AuctionPaused,
    AuctionResumed,
    AuctionRevised,
    BidDeleted,
    BidDoubled,
    BidNotRevealed,
    BidPlaced,
    BidRemoved,
    BidRevealed,
    BoughtNow,
    Event,
    LotOffered,
    MaximumEnded,
    MaximumSet,
    NoDoubling,
    NothingDrawn,
    OfferAccepted,
    OfferDeclined,
    OfferLapsed,
    ReserveMet,
    ReserveMissed,
    ReserveRevealed,
    SaleFailed,
    SaleForfeited,
    SealedBidPlaced,
    WinnerAnnounced,
)
from commands.domain.hidden import Content, Opened
from commands.domain.maximum import NO_MAXIMA, Maxima
from commands.domain.offering import with_next_offer
from commands.domain.promoter import Drawn, KnownDraw, Promoter
from commands.domain.rejections import Rejection
from commands.domain.rules.reserve import ReservePrice
from commands.domain.rules.second_chance import SecondChance
from commands.domain.rules.table import Rules, chosen, masked, people, promoted, proxy_bids
from commands.domain.state import Auction
from commands.jobs import JobStatus
from commands.record.contests import asked_for, decided_again, is_contest
from commands.record.facts import Cause, Facts
from commands.record.masks import behind_mask, owed_as_told, unmasked, winner_behind
from commands.record.standing import Standing
from commands.streams import RecordedEvent

# A seed by which every draw is on. Whether the tick's own one was, the check of draws finds out.
ON = bytes(32)
# As far the clock may have stepped back between the acceptance and the recording of older events.
STEP_BACK = timedelta(minutes=1)
# Bids are revealed if the reserve is not lost, no matter which it is.
ANY_RESERVE = ReservePrice(SMALLEST, "")
# Events that follow on another one of the same command.
OFFER = LotOffered | SaleFailed
CONSEQUENCES = AuctionExtended | BoughtNow | LotOffered | SaleFailed
# Commands that somebody's maximum may answer.
CONTESTED = PlaceBid | SetMaximum | DoubleBid
# Commands after which a lot may be offered to the next bidder.
OFFERING = AnnounceWinner | AnswerOffer | LapseOffer | ForfeitSale | WithdrawBids


def problem(standing: Standing, recorded: RecordedEvent, position: int, facts: Facts) -> str | None:
    """Why the rules do not give the event at that position of the log; None if they do."""
    event = cast(AuctionEvent, recorded.event)
    cause = facts.causes.get(recorded.causation_id)
    if what := _uncaused(recorded, cause, position, facts) or _too_late(event, position, facts):
        return what
    hidden = standing.auction is not None and masked(standing.auction.rules)
    if hidden and (what := unmasked(standing, recorded, cause, facts)):
        return what
    if standing.owed or isinstance(event, CONSEQUENCES):
        return _followed(standing, recorded, facts)
    if isinstance(event, ReserveMet | ReserveMissed):
        return standing.reserve.turn(standing, event, recorded.causation_id)
    if recorded.causation_id != standing.cause:
        standing.reserve.note(standing)
    if isinstance(event, BidDoubled) and event.tick == 0:
        if not _doubles(standing, event):
            return "it is not twice the amount of a live bid"
        # So did draws only before events said when their command was accepted.
        return "it names no tick" if recorded.accepted_at else None
    together = facts.together.get(recorded.causation_id, [event])
    asked = asked_for(event, together)
    command = cause.command if cause else command_of(asked, recorded.stream.id)
    if _is_failure(event):
        return _failed(standing, command, event)
    if hidden:
        command = behind_mask(command, asked, standing)
    if isinstance(event, MaximumEnded) and recorded.causation_id == standing.cause:
        return "the rules give no such event"
    known = recorded.accepted_at or (cause and cause.accepted_at)
    now = known or _moment_of(standing, event, recorded)
    auction, draw = standing.part(command, event), _draw_of(standing, event, facts)
    reserve = None
    if isinstance(event, ReserveRevealed):
        reserve = ReservePrice(event.amount, event.salt)
        if what := standing.reserve.reveal(standing, reserve):
            return what
    elif isinstance(event, BidRevealed | BidNotRevealed):
        reserve = ANY_RESERVE
    bidders = _bidders(event, auction, command, position, facts)
    contest = is_contest(standing, event)

    def again(maxima: Maxima, reserve: ReservePrice | None) -> Sequence[AuctionEvent] | Rejection:
        return decide(
            command,
            auction,
            now=now,
            bidders=bidders,
            draw=draw,
            reserve=reserve,
            behind=winner_behind(event),
            opened=_opened(event),
            recorded_at=recorded.recorded_at,
            maxima=maxima,
        )

    answer = (
        decided_again(standing, together, facts.maxima, again)
        if contest
        else again(NO_MAXIMA, reserve)
    )
    if isinstance(answer, Rejection):
        return f"the rules refuse it: {answer.message}"
    if answer is None:
        return "the rules give other events, whatever the maxima are"
    if contest:
        standing.owed = list(answer[1:])
        standing.cause, standing.accepted = (
            recorded.causation_id,
            max(standing.accepted or now, now),
        )
        late = now > recorded.recorded_at + STEP_BACK
        return "it was recorded before its command was accepted" if late else None
    if event not in (answer if recorded.accepted_at else map(_without_reason, answer)):
        return f"the rules give {', '.join(map(str, answer)) or 'no event'}"
    standing.owed = _consequences(answer, event)
    if answer and isinstance(answer[-1], OFFER):
        assert auction, "a lot is offered in an auction"
        standing.turn = partial(_whose_turn, auction, answer[:-1], recorded.recorded_at, bidders)
    standing.cause = recorded.causation_id
    if _changes_time(event) and standing.accepted and standing.accepted > now:
        return "what was accepted after it came before it"
    standing.accepted = max(standing.accepted or now, now)
    if now > recorded.recorded_at + STEP_BACK:
        return "it was recorded before its command was accepted"
    return None


def _bidders(
    event: AuctionEvent,
    auction: Auction | None,
    command: AuctionCommand,
    position: int,
    facts: Facts,
) -> Mapping[UUID, Bidder]:
    """Those on whom it depends, as they stood before that position: bids and bans wait for each other.

    Where a lot may be offered these are all but those who had been deleted.
    """
    if auction and proxy_bids(auction.rules) and isinstance(command, CONTESTED):
        # Whoever may be bid for, too.
        named = {getattr(event, "bidder_id", None), *(each.bidder_id for each in auction.maxima)}
        named |= {command.placed_by} if isinstance(command, PlaceBid | SetMaximum) else set()
        return {
            id: facts.users[id].before(position)
            for id in named
            if id in facts.users and not _gone(id, position, facts)
        }
    match event:
        case BidPlaced(bidder_id=id) | SealedBidPlaced(bidder_id=id) if id in facts.users:
            return {id: facts.users[id].before(position)}
    if auction is None or not auction.rules or not isinstance(command, OFFERING):
        return facts.users
    if chosen(auction.rules, SecondChance) is None:
        return facts.users
    return {id: user for id, user in facts.users.items() if not _gone(id, position, facts)}


def _whose_turn(
    auction: Auction,
    before: Sequence[AuctionEvent],
    since: datetime,
    bidders: Mapping[UUID, Bidder],
    gone: Collection[UUID],
) -> AuctionEvent:
    """What must follow on these events if these bidders are gone, too."""
    left = {id: bidder for id, bidder in bidders.items() if id not in gone}
    return with_next_offer(auction, before, since, left)[-1]


def _followed(standing: Standing, recorded: RecordedEvent, facts: Facts) -> str | None:
    """What speaks against the event where another one owes a consequence, or where it is one itself."""
    if not standing.owed:
        return "the rules give no such event"
    owed = owed_as_told(standing.owed.pop(0), recorded, standing)
    if isinstance(owed, OFFER) and isinstance(recorded.event, OFFER) and standing.turn:
        # Of whom it is forgotten who they are, only the event knows whether they had been deleted.
        passed = recorded.event.passed_over
        if forgotten := [id for id in passed if id in facts.users and facts.users[id].forgotten]:
            owed = standing.turn(forgotten)
    if (recorded.event, recorded.causation_id) != (owed, standing.cause):
        return f"the rules give {owed}"
    return None


def _consequences(answer: Sequence[AuctionEvent], event: AuctionEvent) -> list[AuctionEvent]:
    """What must follow on the event, which is one of the answer's."""
    if isinstance(event, ReserveRevealed):
        return [*answer[1:]]
    return [each for each in answer if isinstance(each, CONSEQUENCES)]


def _uncaused(
    recorded: RecordedEvent, cause: Cause | None, position: int, facts: Facts
) -> str | None:
    """What its job, or the lack of one, says against the event."""
    if cause is None and facts.jobs_since and recorded.recorded_at > facts.jobs_since:
        return "there is no job that caused it"
    event = cast(AuctionEvent, recorded.event)
    if cause and not _is_failure(event) and (what := _cannot_cause(cause, event)):
        return what
    if recorded.accepted_at is None:
        if facts.moments_since is not None and position >= facts.moments_since:
            return "it does not say when its command was accepted"
    elif cause and cause.accepted_at != recorded.accepted_at:
        return f"its job was accepted at another moment, {cause.accepted_at}"
    return None


def _cannot_cause(cause: Cause, event: AuctionEvent) -> str | None:
    if cause.status is JobStatus.REJECTED:
        return "the job that is to have caused it was rejected"
    goes_on = isinstance(cause.command, WithdrawBids) or isinstance(
        event, BidRevealed | BidNotRevealed
    )
    if cause.status is JobStatus.QUEUED and not goes_on:
        return "the job that is to have caused it waits still"
    return None


def _is_failure(event: Event) -> bool:
    """Whether a draw left it that failed. Its job may be re-driven, and is rejected then."""
    return isinstance(event, NothingDrawn) and event.reason is NoDoubling.FAILED


def _too_late(event: AuctionEvent, position: int, facts: Facts) -> str | None:
    """What the deletion of the bidder says against the event."""
    match event:
        case (
            BidPlaced(bidder_id=bidder_id)
            | SealedBidPlaced(bidder_id=bidder_id)
            | MaximumSet(bidder_id=bidder_id)
        ):
            return "its bidder had been deleted" if _gone(bidder_id, position, facts) else None
        case AuctionCreated() | AuctionRevised() if any(
            _gone(id, position, facts) for id in people(rules_in(event))
        ):
            return "somebody whom its rules name had been deleted"
        case (
            BidDeleted(bidder_id=bidder_id, withdrawn_at=datetime() as withdrawn_at)
            | OfferDeclined(bidder_id=bidder_id, withdrawn_at=datetime() as withdrawn_at)
        ):
            user = facts.users.get(bidder_id)
            if user is None or user.deleted_position is None:
                forgotten = user is not None and user.forgotten
                return None if forgotten else "its bidder was not deleted"
            if user.deleted_at not in (None, withdrawn_at):
                return f"its bidder's deletion was accepted at {user.deleted_at}"
    return None


def rules_in(event: AuctionCreated | AuctionRevised) -> Rules:
    """The rules that the auction has by that event, if it says any."""
    return event.rules if isinstance(event, AuctionCreated) else event.after.rules or ()


def _gone(user_id: UUID, position: int, facts: Facts) -> bool:
    """Whether the user had been deleted before that position."""
    user = facts.users.get(user_id)
    return bool(user and user.deleted_position and user.deleted_position < position)


def _changes_time(event: AuctionEvent) -> bool:
    """Whether it changes the auction's times, or has time stand still or go on in it, as of when its command was accepted."""
    at_once = isinstance(
        event, AuctionClosedEarly | AuctionPaused | AuctionResumed | AuctionRevised
    )
    return at_once or (isinstance(event, BidPlaced) and event.bought)


def _opened(event: AuctionEvent) -> Opened:
    """What the sealed bid holds that the event is about.

    Whether a rule let it be placed is seen when it is revealed, as it must be what was committed to.
    """
    match event:
        case SealedBidPlaced(bid_id=bid_id):
            return {bid_id: Content(LARGEST, "")}
        case BidRevealed(bid_id=bid_id, amount=amount, salt=salt):
            return {bid_id: Content(amount, salt)}
        case _:
            return {}


def _without_reason(event: AuctionEvent) -> AuctionEvent:
    """As it was recorded before deletions said why."""
    return replace(event, withdrawn_at=None) if isinstance(event, BidDeleted) else event


def _draw_of(standing: Standing, event: AuctionEvent, facts: Facts) -> KnownDraw | None:
    """A draw of which the event comes; None if it is of none, or of one that came too late."""
    match event:
        case BidDoubled():
            hits = [
                bid for bid in standing.named(event.bid_id) if not bid.deleted and not bid.doubled
            ]
            drawn = Drawn(hits[0], event.weight, event.total_weight) if hits else None
            house = facts.staff_as_told(event.staff)
            staff = standing.staff_among(house, all_ever=event.draw > 0)
            return KnownDraw(event.policy_version, Promoter(), ON, staff, drawn)
        case NothingDrawn() if event.reason is not NoDoubling.LATE:
            return _nothing_of(standing, event, facts)
    return None


def _nothing_of(standing: Standing, event: NothingDrawn, facts: Facts) -> KnownDraw:
    """A draw that doubled no bid for that reason."""
    promoter = Promoter(chance=Decimal(0 if event.reason is NoDoubling.CHANCE else 100))
    gone = standing.named(event.bid_id) if event.reason is NoDoubling.GONE and event.bid_id else []
    drawn = Drawn(gone[0], 0, 0) if gone else None
    staff = standing.staff_among(facts.staff_as_told(event.staff), all_ever=True)
    return KnownDraw(event.policy_version, promoter, ON, staff, drawn)


def _failed(standing: Standing, command: AuctionCommand, event: AuctionEvent) -> str | None:
    """What speaks against the event that a draw left when it failed."""
    auction = standing.auction
    if not isinstance(command, DoubleBid) or auction is None or auction.closed:
        return "the rules give no such event"
    if not promoted(auction.rules):
        return "the rules refuse it: the promoter doubles no bid here"
    if command.tick <= auction.last_tick:
        return "the rules refuse it: this tick, or a later one, drew here already"
    given = nothing_drawn(command, auction, NoDoubling.FAILED)
    return None if event == given else f"the rules give {given}"


def _doubles(standing: Standing, event: BidDoubled) -> bool:
    """Whether it is the doubling of a live bid."""
    return any(
        not bid.deleted and not bid.doubled and event.effective_amount == 2 * bid.amount
        for bid in standing.named(event.bid_id)
    )


def command_of(event: AuctionEvent, id: UUID) -> AuctionCommand:
    """The command that gives such an event in the auction of that id."""
    match event:
        case (
            AuctionExtended()
            | BoughtNow()
            | ReserveMet()
            | ReserveMissed()
            | LotOffered()
            | SaleFailed()
        ):
            raise AssertionError("it follows on the event before it, and is not decided by itself")
        case AuctionCreated():
            return CreateAuction(
                id, event.title, event.description, event.starts_at, event.ends_at,
                event.created_by, event.rules,
            )  # fmt: skip
        case BidPlaced(bought=True):
            return BuyNow(id, event.bid_id, event.bidder_id)
        case MaximumSet():
            return SetMaximum(id, event.maximum_id, event.bidder_id, event.sealed)
        case MaximumEnded():
            return ClearMaximum(id, event.bidder_id)
        case BidPlaced():
            return PlaceBid(id, event.bid_id, event.bidder_id, event.amount, event.nonce)
        case SealedBidPlaced():
            return PlaceSealedBid(
                id, event.bid_id, event.bidder_id, event.commitment, event.sealed, event.nonce
            )
        case (
            BidDeleted(withdrawn_at=datetime() as withdrawn_at)
            | OfferDeclined(withdrawn_at=datetime() as withdrawn_at)
        ):
            return WithdrawBids(id, event.bidder_id, withdrawn_at)
        case BidDeleted():
            return DeleteBid(id, event.bid_id, event.bidder_id)
        case BidRemoved():
            return RemoveBid(id, event.bid_id, event.reason, event.removed_by)
        case BidDoubled() | NothingDrawn():
            return DoubleBid(id, event.tick, event.policy_version)
        case (
            WinnerAnnounced()
            | AuctionEndedUnsold()
            | ReserveRevealed()
            | BidRevealed()
            | BidNotRevealed()
        ):
            return AnnounceWinner(id)
        case AuctionCancelled():
            return CancelAuction(id, event.reason, event.cancelled_by)
        case AuctionClosedEarly():
            return CloseAuctionNow(id, event.reason, event.closed_by)
        case AuctionPaused():
            return PauseAuction(id, event.reason, event.paused_by)
        case AuctionResumed():
            return ResumeAuction(id, event.reason, event.resumed_by)
        case AuctionRevised():
            return ReviseAuction(id, event.after, event.revised_by)
        case OfferAccepted() | OfferDeclined():
            return AnswerOffer(id, event.bidder_id, isinstance(event, OfferAccepted))
        case OfferLapsed():
            return LapseOffer(id, event.bid_id)
        case SaleForfeited():
            return ForfeitSale(id, event.bid_id, event.reason, event.forfeited_by)
        case _:
            assert_never(event)


def _moment_of(standing: Standing, event: AuctionEvent, recorded: RecordedEvent) -> datetime:
    """A moment at which the command may have been accepted: that was before the event was recorded."""
    match event:
        case AuctionCreated(starts_at=starts_at):
            return min(starts_at, recorded.recorded_at)
        case BidPlaced(placed_at=placed_at) | SealedBidPlaced(placed_at=placed_at):
            return placed_at
        case BidDeleted() | BidRemoved() | BidDoubled():
            placed: Sequence[datetime] = [bid.placed_at for bid in standing.named(event.bid_id)]
            return placed[0] if placed else recorded.recorded_at
        case _:
            return recorded.recorded_at
