"""One batch of the jobs of many auctions, in the caller's transaction.

Each auction's jobs are decided by themselves, one after the other; what they read and write is read
and written for all auctions at once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import cast
from uuid import UUID

from commands.domain.amounts import SMALLEST
from commands.domain.auction import NOBODY, decide
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
from commands.domain.events import (
    AuctionEvent,
    BidDeleted,
    BidNotRevealed,
    BidRevealed,
    Event,
    NoDoubling,
)
from commands.domain.promoter import KnownDraw, Policy
from commands.domain.rejections import Rejection
from commands.domain.revisions import Revision
from commands.domain.rules.reserve import ReservePrice
from commands.domain.rules.second_chance import SecondChance
from commands.domain.rules.table import (
    Rules,
    chosen,
    follow_leader,
    hide_amounts,
    need_leader,
    own_promoter,
    people,
    promoted,
    shows_winner,
)
from commands.domain.state import Auction, replay
from commands.handling.batch import Decided, Handled, decide_jobs
from commands.handling.draws import draws_of, left_by, secrets_of
from commands.handling.exposures import Exposures
from commands.handling.masking import Masks, request_of
from commands.handling.maxima import answering, opened_maxima, users_answering
from commands.handling.offers import next_bidders
from commands.handling.opening import hidden, opened, placed
from commands.handling.reserves import reserves_of
from commands.jobs import Job
from commands.postgres.aliases import users_behind
from commands.postgres.auctions import (
    Touched,
    lock_auctions,
    save_auctions,
    share_bidders,
    touched_bids,
    with_bids,
)
from commands.postgres.connections import SyncConnection, clock, later_than
from commands.postgres.event_store import Addition, PostgresEventStore
from commands.postgres.jobs import PostgresJobInbox
from commands.postgres.offers import Offerable
from commands.record.codec import decode_command, needed_by
from commands.record.unknown import Unknown
from commands.streams import Stream

Commands = Mapping[UUID, AuctionCommand]

# The draws of a batch go through so many events' bids together. One that goes through more is alone.
DRAWN_FROM = 100_000
# Bids that one batch withdraws or reveals, shared out evenly over the jobs that do so, but some for each.
MANY = 5_000
# After these a lot may be offered to the next bidder, by the ranking as the rows of the bids have it.
OFFERING = frozenset({"AnnounceWinner", "AnswerOffer", "LapseOffer", "ForfeitSale", "WithdrawBids"})
# What may end a maximum: what counts for its bidder's limit then are their bids.
ENDING_MAXIMA = PlaceBid | SetMaximum | ClearMaximum | DoubleBid
# A draw is made among the bids as their rows are. A withdrawal may go on, and so may a close that reveals bids. What jobs
# behind a revision can touch depends on the auction's rules.
ALONE = frozenset({"DoubleBid", "WithdrawBids", "ReviseAuction"})


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """The jobs of one auction in this batch, and the auction before them; None if there is none."""

    id: UUID
    before: Auction | None
    jobs: Sequence[Job]

    @property
    def stream(self) -> Stream:
        """The auction's stream."""
        return Stream("auction", self.id)

    @property
    def version(self) -> int:
        """Where the stream stands before."""
        return self.before.version if self.before else 0


def handle_auctions(
    connection: SyncConnection, cutoffs: Mapping[UUID, datetime], limit: int
) -> Handled:
    """Decide the auctions' oldest jobs accepted before their cutoffs, of each at most so many.

    Auctions that another worker has are left out; these, and those with more jobs, are unfinished. So
    are those of which more bids are to be withdrawn or revealed: that job waits on, first in its stream. An
    auction whose draw takes long is left to a batch of its own (`alone`), so that no other waits for it.
    What only a newer release can decide is `left`: whole auctions, or from such a job on.
    """
    locked = lock_auctions(connection, cutoffs)
    known = {id: found for id, found in locked.items() if not isinstance(found, Unknown)}
    inbox = PostgresJobInbox(connection)
    waiting = inbox.waiting({auction_id: cutoffs[auction_id] for auction_id in known}, limit)
    lines, later, alone = _affordable(
        [
            Line(id, known[id], _sharing_a_state(known[id], jobs))
            for id, jobs in waiting.items()
            if jobs
        ]
    )
    unfinished = [Stream("auction", id) for id in cutoffs if id not in locked] + later
    lines, commands, unknown = _readable(lines)
    left = {Stream("auction", id): found for id, found in unknown.items()}
    left |= {Stream("auction", id): e for id, e in locked.items() if isinstance(e, Unknown)}
    unfinished += [
        line.stream
        for line in lines
        if line.stream not in left
        and (len(line.jobs) < len(waiting[line.id]) or len(waiting[line.id]) == limit)
    ]
    if not lines:
        return Handled(unfinished=unfinished, alone=alone, left=left)
    deciding = _Deciding(connection, lines, commands)
    now = clock(connection)
    # Jobs are settled when their events are recorded: so what the oldest job that is kept tells of
    # its moment holds for events, too.
    accepted = [line.jobs[-1].accepted_at for line in lines]
    done = later_than(now, *deciding.commitments, *accepted)
    decided = {line.id: deciding.decide(line, now, done) for line in deciding.in_order(lines)}
    recorded = PostgresEventStore(connection).append_all(
        [Addition(line.stream, line.version, decided[line.id].events) for line in lines], done
    )
    _save(connection, lines, decided)
    deciding.masks.save(connection)
    deciding.exposures.save(connection)
    going_on = {line.id for line in lines if deciding.goes_on(line, decided[line.id])}
    unfinished += [line.stream for line in lines if line.id in going_on]
    outcomes = [
        outcome
        for line in lines
        if line.id not in going_on
        for outcome in decided[line.id].outcomes
    ]
    inbox.settle(outcomes, done)
    return Handled(outcomes, recorded, unfinished=unfinished, alone=alone, left=left)


class _Deciding:
    """Decides the lines' jobs, with all that they need read beforehand.

    `commitments` are the times of the draws' commitments, after which the draws are recorded. `masks` are the
    aliases of those who bid in masked auctions, and `exposures` what is used of the limits of those who have one.
    """

    def __init__(
        self, connection: SyncConnection, lines: Sequence[Line], commands: Commands
    ) -> None:
        self._commands = commands
        self._reserves = reserves_of(connection, _rules(lines, commands))
        since = min(line.jobs[0].accepted_at for line in lines)
        asked = list(_asked(lines, commands))
        auctions = answering(asked)
        holders = users_answering(connection, auctions.values()) if auctions else {}
        named = _bidders(commands.values()) | {*holders.values()}
        self._bidders = dict(share_bidders(connection, named, since))
        bidding = {
            id: self._bidders[id] for id in _bidders(commands.values()) & self._bidders.keys()
        }
        self.exposures = Exposures.read(connection, bidding)
        # Whoever leads by a maximum is known by the id under which they bid.
        self._bidders |= {
            id: self._bidders[user] for id, user in holders.items() if user in self._bidders
        }
        self._maxima = opened_maxima(connection, asked, auctions.values(), holders)
        drawing = _drawing(lines, commands)
        secrets = secrets_of(connection, drawing.values())
        self.commitments = [secret.committed_at for secret in secrets.values()]
        draws = draws_of(connection, drawing, secrets, _own_policies(lines))
        self._draws = {line.jobs[0].id: draws[line.id] for line in lines if line.id in draws}
        several = sum(line.jobs[0].command == "WithdrawBids" or _reveals(line) for line in lines)
        self._of_each = max(MANY // max(several, 1), 1)
        self.masks = Masks.read(connection, asked)
        bids = _bids(
            connection, lines, commands, self.masks, self._draws, self._of_each, self.exposures
        )
        closing = {line.id: bids.get(line.id, Bids()) for line in lines if _reveals(line)}
        sealed = [*placed(commands.values()), *hidden(connection, closing)]
        self._opened = opened(connection, sealed)
        offerable = _offerable(lines, commands, self._reserves, bids)
        next_ones, living = next_bidders(connection, offerable, since)
        self._bidders |= living
        self._connection = connection
        self._bids = {
            **bids,
            **{id: bids.get(id, Bids()).with_(found) for id, found in next_ones.items()},
        }

    def in_order(self, lines: Sequence[Line]) -> Sequence[Line]:
        """The lines as they are to be decided: where one decides what is left for another, by their oldest jobs."""
        if not self.exposures.any:
            return lines
        return sorted(lines, key=lambda line: line.jobs[0].accepted_at)

    def decide(self, line: Line, now: datetime, recorded_at: datetime) -> Decided[Auction]:
        """What becomes of the line's jobs, whose events will be recorded then."""
        decided = decide_jobs(
            line.jobs,
            self._before(line),
            partial(self._decide_job, recorded_at),
            lambda state, events: replay(cast(Sequence[AuctionEvent], events), state),
            version=line.version,
            now=now,
            undecided=self._undecided,
            request_of=request_of,
        )
        self.exposures.release(decided.state, (new.event for new in decided.events))
        return decided

    def goes_on(self, line: Line, decided: Decided[Auction]) -> bool:
        """Whether the line's job has more to do than it did now."""
        if _reveals(line):
            return any(
                isinstance(each.event, BidRevealed | BidNotRevealed) for each in decided.events
            )
        if line.jobs[0].command != "WithdrawBids":
            return False
        return sum(isinstance(new.event, BidDeleted) for new in decided.events) >= self._of_each

    def _before(self, line: Line) -> Auction | None:
        if line.before is None:
            return None
        return replace(line.before, bids=self._bids.get(line.id, Bids()))

    def _decide_job(
        self, recorded_at: datetime, job: Job, state: Auction | None
    ) -> Sequence[Event] | Rejection:
        """The domain's answer to the job; the moment of acceptance is the moment that counts."""
        command = self._commands.get(job.id) or _decoded(job)
        command = self.masks.behind_mask(command, state)
        if isinstance(command, SetMaximum) and command.alias and command.bidder_id in self._bidders:
            self._bidders[command.placed_by] = self._bidders[command.bidder_id]
        answer = decide(
            command,
            state,
            now=job.accepted_at,
            bidders=self.exposures.told(self._bidders, command),
            draw=self._draws.get(job.id),
            reserve=self._reserves.get(state.id) if state else None,
            behind=self._behind_winner(state) if isinstance(command, AnnounceWinner) else NOBODY,
            opened=self._opened,
            recorded_at=recorded_at,
            maxima=self._maxima,
        )
        self.masks.note(command, answer)
        self.exposures.note(command, answer, self._opened, self._maxima)
        return answer

    def _behind_winner(self, state: Auction | None) -> Mapping[UUID, UUID]:
        """The user behind the leading bid, if it is shown who won."""
        if state is None or not shows_winner(state.rules) or (bid := state.leading_bid) is None:
            return NOBODY
        # Whoever bid for the first time in this batch has no row yet.
        stored = users_behind(self._connection, [bid.bidder_id])
        return {**self.masks.users_given(), **stored}

    def _undecided(
        self, job: Job, state: Auction | None, reason: NoDoubling
    ) -> Sequence[AuctionEvent]:
        """Each draw leaves an event, so that one which is kept back shows."""
        command = self._commands.get(job.id)
        return left_by(command, state, reason) if isinstance(command, DoubleBid) else ()


def _sharing_a_state(auction: Auction | None, jobs: list[Job]) -> list[Job]:
    """The first jobs that can be decided on one partial state; some are alone."""
    offering = _has_second_chance(auction) if auction else _gets_second_chance(jobs[0])
    alone = ALONE | OFFERING if offering else ALONE
    if auction and hide_amounts(auction.rules):
        alone |= {"AnnounceWinner"}
    for index, job in enumerate(jobs):
        if job.command in alone:
            return jobs[: max(index, 1)]
    return jobs


def _reveals(line: Line) -> bool:
    """Whether it is the close of an auction with sealed bids."""
    first, before = line.jobs[0], line.before
    return first.command == "AnnounceWinner" and before is not None and hide_amounts(before.rules)


def _gets_second_chance(job: Job) -> bool:
    """Of an auction that is made in the batch, too."""
    return job.command == "CreateAuction" and "second_chance" in job.payload.get("rules", {})


def _has_second_chance(auction: Auction) -> bool:
    return bool(auction.rules) and chosen(auction.rules, SecondChance) is not None


def _affordable(lines: Sequence[Line]) -> tuple[list[Line], list[Stream], list[Stream]]:
    """The lines that one batch can take, the streams of those left for the next, and of those to be alone.

    A draw goes through all bids of its auction, so a batch takes only so many of large ones, or its
    other jobs would wait for them all.
    """
    taken, left, alone, spent = list[Line](), list[Stream](), list[Stream](), 0
    for line in lines:
        weight = line.version if line.jobs[0].command == "DoubleBid" else 0
        if weight > DRAWN_FROM and len(lines) > 1:
            alone.append(line.stream)
        elif weight and spent and spent + weight > DRAWN_FROM:
            left.append(line.stream)
        else:
            taken.append(line)
            spent += weight
    return taken, left, alone


def _readable(
    lines: Iterable[Line],
) -> tuple[list[Line], Commands, Mapping[UUID, Unknown]]:
    """The lines, each up to a job that this release does not know, the jobs' commands, and what is unknown by auction.

    An unreadable command touches no state; deciding it will fail it, with the error.
    """
    commands, unknown, cut = dict[UUID, AuctionCommand](), dict[UUID, Unknown](), list[Line]()
    for line in lines:
        known = list[Job]()
        for job in line.jobs:
            try:
                commands[job.id] = _decoded(job)
            except Unknown as what:
                unknown[line.id] = what
                break
            except (KeyError, ValueError):
                pass
            known.append(job)
        if known:
            cut.append(line if len(known) == len(line.jobs) else replace(line, jobs=known))
    return cut, commands, unknown


def _decoded(job: Job) -> AuctionCommand:
    return cast(AuctionCommand, decode_command(job.command, job.payload))


def _drawing(lines: Iterable[Line], commands: Commands) -> Mapping[UUID, DoubleBid]:
    """By auction, its draw. One that is not there has none."""
    return {
        line.id: command
        for line in lines
        if line.before
        and isinstance(command := commands.get(line.jobs[0].id), DoubleBid)
        and promoted(line.before.rules)
    }


def _own_policies(lines: Iterable[Line]) -> Mapping[UUID, Policy]:
    """By auction, the policy of those that have one of their own."""
    return {
        line.id: own.policy
        for line in lines
        if line.before and line.before.rules and (own := own_promoter(line.before.rules))
    }


def _rules(lines: Iterable[Line], commands: Commands) -> Iterable[tuple[UUID, Rules]]:
    """The rules of the auctions, and of those that are created in this batch."""
    yield from ((line.id, line.before.rules) for line in lines if line.before)
    for command in commands.values():
        if isinstance(command, CreateAuction):
            yield command.auction_id, command.rules


def _offerable(
    lines: Iterable[Line],
    commands: Commands,
    reserves: Mapping[UUID, ReservePrice],
    bids: Mapping[UUID, Bids],
) -> Mapping[UUID, Offerable]:
    """The auctions whose lot the batch may offer to the next bidder; sealed bids are revealed before."""
    found = {}
    for line in lines:
        auction, job = line.before, line.jobs[0]
        if auction is None or job.command not in OFFERING or not _has_second_chance(auction):
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


def _bidders(commands: Iterable[AuctionCommand]) -> set[UUID]:
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


def _asked(
    lines: Iterable[Line], commands: Commands
) -> Iterator[tuple[Auction | None, AuctionCommand]]:
    """The commands to auctions with rules, or to such that are created in this batch, each with its auction before."""
    for line in lines:
        if line.before is None or line.before.rules:
            for job in line.jobs:
                if command := commands.get(job.id):
                    yield line.before, command


def _bids(
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
                case AnnounceWinner() if _reveals(line):
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


def _save(
    connection: SyncConnection, lines: Iterable[Line], decided: Mapping[UUID, Decided[Auction]]
) -> None:
    changed = []
    for line in lines:
        before, after = decided[line.id].before, decided[line.id].state
        if after is None or not decided[line.id].events:
            continue
        known = before.bids if before else Bids()
        changed.append(
            (after, [bid for bid in after.bids.values() if known.get(bid.id) is not bid])
        )
    if changed:
        needs = {line.id: needed_by(new.event for new in decided[line.id].events) for line in lines}
        save_auctions(connection, changed, needs)
