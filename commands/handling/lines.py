"""The jobs of each auction that one batch decides together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast
from uuid import UUID

from commands.domain.commands import AuctionCommand
from commands.domain.rules.second_chance import SecondChance
from commands.domain.rules.table import chosen, hide_amounts
from commands.domain.state import Auction
from commands.jobs import Job
from commands.record.codec import decode_command
from commands.record.unknown import Unknown
from commands.streams import Stream

Commands = Mapping[UUID, AuctionCommand]

# The draws of a batch go through so many events' bids together. One that goes through more is alone.
DRAWN_FROM = 100_000
# After these a lot may be offered to the next bidder, by the ranking as the rows of the bids have it.
OFFERING = frozenset({"AnnounceWinner", "AnswerOffer", "LapseOffer", "ForfeitSale", "WithdrawBids"})
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


def sharing_a_state(auction: Auction | None, jobs: list[Job]) -> list[Job]:
    """The first jobs that can be decided on one partial state; some are alone."""
    offering = has_second_chance(auction) if auction else _gets_second_chance(jobs[0])
    alone = ALONE | OFFERING if offering else ALONE
    if auction and hide_amounts(auction.rules):
        alone |= {"AnnounceWinner"}
    for index, job in enumerate(jobs):
        if job.command in alone:
            return jobs[: max(index, 1)]
    return jobs


def reveals(line: Line) -> bool:
    """Whether it is the close of an auction with sealed bids."""
    first, before = line.jobs[0], line.before
    return first.command == "AnnounceWinner" and before is not None and hide_amounts(before.rules)


def _gets_second_chance(job: Job) -> bool:
    """Of an auction that is made in the batch, too."""
    return job.command == "CreateAuction" and "second_chance" in job.payload.get("rules", {})


def has_second_chance(auction: Auction) -> bool:
    """Whether its lot is offered to the next bidder if the winner does not buy it."""
    return bool(auction.rules) and chosen(auction.rules, SecondChance) is not None


def affordable(lines: Sequence[Line]) -> tuple[list[Line], list[Stream], list[Stream]]:
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


def readable(
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
                commands[job.id] = decoded(job)
            except Unknown as what:
                unknown[line.id] = what
                break
            except (KeyError, ValueError):
                pass
            known.append(job)
        if known:
            cut.append(line if len(known) == len(line.jobs) else replace(line, jobs=known))
    return cut, commands, unknown


def decoded(job: Job) -> AuctionCommand:
    """The job's command; Unknown, KeyError or ValueError if it can't be read."""
    return cast(AuctionCommand, decode_command(job.command, job.payload))
