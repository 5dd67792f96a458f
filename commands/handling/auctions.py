"""One batch of the jobs of many auctions, in the caller's transaction.

Each auction's jobs are decided by themselves, one after the other; what they read and write is read
and written for all auctions at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import cast
from uuid import UUID

from commands.domain.auction import NOBODY, decide
from commands.domain.bids import Bids
from commands.domain.commands import AnnounceWinner, DoubleBid, SetMaximum
from commands.domain.events import (
    AuctionEvent,
    BidDeleted,
    BidNotRevealed,
    BidRevealed,
    Event,
    NoDoubling,
)
from commands.domain.rejections import Rejection
from commands.domain.rules.table import shows_winner
from commands.domain.state import Auction, replay
from commands.handling.batch import Decided, Handled, decide_jobs
from commands.handling.draws import draws_of, left_by, secrets_of
from commands.handling.exposures import Exposures
from commands.handling.lines import (
    Commands,
    Line,
    affordable,
    decoded,
    readable,
    reveals,
    sharing_a_state,
)
from commands.handling.masking import Masks, request_of
from commands.handling.maxima import answering, opened_maxima, users_answering
from commands.handling.offers import next_bidders
from commands.handling.opening import hidden, opened, placed
from commands.handling.reserves import reserves_of
from commands.handling.touching import (
    asked_with_rules,
    bidders_in,
    bids_to_read,
    drawing_in,
    offerable_in,
    own_policies,
    rules_in,
)
from commands.jobs import Job
from commands.postgres.aliases import users_behind
from commands.postgres.auctions import lock_auctions, save_auctions, share_bidders
from commands.postgres.connections import SyncConnection, clock, later_than
from commands.postgres.event_store import Addition, PostgresEventStore
from commands.postgres.jobs import PostgresJobInbox
from commands.record.codec import needed_by
from commands.record.unknown import Unknown
from commands.streams import Stream

# Bids that one batch withdraws or reveals, shared out evenly over the jobs that do so, but some for each.
MANY = 5_000


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
    lines, later, alone = affordable(
        [
            Line(id, known[id], sharing_a_state(known[id], jobs))
            for id, jobs in waiting.items()
            if jobs
        ]
    )
    unfinished = [Stream("auction", id) for id in cutoffs if id not in locked] + later
    lines, commands, unknown = readable(lines)
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
        self._reserves = reserves_of(connection, rules_in(lines, commands))
        since = min(line.jobs[0].accepted_at for line in lines)
        asked = list(asked_with_rules(lines, commands))
        auctions = answering(asked)
        holders = users_answering(connection, auctions.values()) if auctions else {}
        named = bidders_in(commands.values()) | {*holders.values()}
        self._bidders = dict(share_bidders(connection, named, since))
        bidding = {
            id: self._bidders[id] for id in bidders_in(commands.values()) & self._bidders.keys()
        }
        self.exposures = Exposures.read(connection, bidding)
        # Whoever leads by a maximum is known by the id under which they bid.
        self._bidders |= {
            id: self._bidders[user] for id, user in holders.items() if user in self._bidders
        }
        self._maxima = opened_maxima(connection, asked, auctions.values(), holders)
        drawing = drawing_in(lines, commands)
        secrets = secrets_of(connection, drawing.values())
        self.commitments = [secret.committed_at for secret in secrets.values()]
        draws = draws_of(connection, drawing, secrets, own_policies(lines))
        self._draws = {line.jobs[0].id: draws[line.id] for line in lines if line.id in draws}
        several = sum(line.jobs[0].command == "WithdrawBids" or reveals(line) for line in lines)
        self._of_each = max(MANY // max(several, 1), 1)
        self.masks = Masks.read(connection, asked)
        bids = bids_to_read(
            connection, lines, commands, self.masks, self._draws, self._of_each, self.exposures
        )
        closing = {line.id: bids.get(line.id, Bids()) for line in lines if reveals(line)}
        sealed = [*placed(commands.values()), *hidden(connection, closing)]
        self._opened = opened(connection, sealed)
        offerable = offerable_in(lines, commands, self._reserves, bids)
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
        if reveals(line):
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
        command = self._commands.get(job.id) or decoded(job)
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
