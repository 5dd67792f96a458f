"""Increments: by how much a bid must be higher, by a table of brackets."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from commands.domain.amounts import LARGEST, SMALLEST
from commands.domain.rejections import RejectionCode
from commands.domain.rules.rule import InvalidRule, Rule, ToBeat

MOST_BRACKETS = 30
# Where a table begins.
NOTHING = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Bracket:
    """From that amount on, up to the next bracket's, a bid must be higher by the step."""

    start: Decimal
    step: Decimal


Table = tuple[Bracket, ...]

# The house's own table: a step is 2 to 10 per cent, and always 1, 2 or 5 with zeros.
HOUSE_TABLE: Table = tuple(
    Bracket(Decimal(start).quantize(SMALLEST), Decimal(step).quantize(SMALLEST))
    for start, step in (
        (0, 1), (20, 2), (50, 5), (100, 10), (200, 20), (500, 50), (1_000, 100), (2_000, 200),
        (5_000, 500), (10_000, 1_000), (20_000, 2_000), (50_000, 5_000), (100_000, 10_000),
        (1_000_000, 50_000),
    )
)  # fmt: skip


def step_at(table: Sequence[Bracket], amount: Decimal) -> Decimal:
    """By how much a bid must be higher than that amount."""
    return table[bisect_right(table, amount, key=lambda bracket: bracket.start) - 1].step


@dataclass(frozen=True, slots=True)
class Increments(Rule):
    """A bid is higher by a step than what leads, and than the bidder's own highest; an empty table asks for none."""

    over_leader: Table = ()
    over_own: Table = ()

    needs_leader = True
    shows_amounts = True
    code = RejectionCode.BELOW_INCREMENT

    @property
    def sentence(self) -> str:
        said = [
            f"A bid is higher than {what} by at least {_in_words(table)}."
            for what, table in (
                ("the leading one", self.over_leader),
                ("the bidder's own highest", self.over_own),
            )
            if table
        ]
        return " ".join(said)

    @property
    def must_lead(self) -> bool:
        return bool(self.over_leader)

    def check(self) -> None:
        if not (self.over_leader or self.over_own):
            raise InvalidRule("increments need a table over the leading bid, or over one's own")
        for table in (self.over_leader, self.over_own):
            _check(table)

    def least(self, to_beat: ToBeat) -> Decimal:
        return max(
            (amount + step_at(table, amount) for amount, table in self._beaten(to_beat)),
            default=SMALLEST,
        )

    def too_low(self, amount: Decimal, to_beat: ToBeat) -> str:
        beaten, table = max(
            self._beaten(to_beat), key=lambda pair: pair[0] + step_at(pair[1], pair[0])
        )
        step = step_at(table, beaten)
        whose = "the leading bid" if table is self.over_leader else "your own highest live bid"
        return (
            f"{amount:,} is not enough: {whose} counts {beaten:,}, and a bid must be higher by "
            f"{step:,}, so {beaten + step:,} or more"
        )

    def _beaten(self, to_beat: ToBeat) -> list[tuple[Decimal, Table]]:
        pairs = (to_beat.leading, self.over_leader), (to_beat.own, self.over_own)
        return [(amount, table) for amount, table in pairs if amount is not None and table]


def _check(table: Table) -> None:
    if len(table) > MOST_BRACKETS:
        raise InvalidRule(f"a table of increments has at most {MOST_BRACKETS} brackets")
    if table and table[0].start != NOTHING:
        raise InvalidRule("a table of increments begins with a bracket from 0.00")
    for lower, higher in pairwise(table):
        if higher.start <= lower.start:
            raise InvalidRule(
                f"each bracket begins above the one before it: {higher.start:,} after {lower.start:,}"
            )
        if higher.step < lower.step:
            raise InvalidRule(f"steps never get smaller: {higher.step:,} after {lower.step:,}")
    for bracket in table:
        if not SMALLEST <= bracket.step <= LARGEST:
            raise InvalidRule(
                f"a step lies between {SMALLEST:,} and {LARGEST:,}, not {bracket.step:,}"
            )


def _in_words(table: Table) -> str:
    if len(table) == 1:
        return f"{table[0].step:,}"
    return ", ".join(f"{bracket.step:,} from {bracket.start:,}" for bracket in table)
