"""Second chance: whoever wins confirms the purchase in time, or the lot is offered to the next bidder."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from commands.domain.pauses import moved
from commands.domain.rules.rule import InvalidRule, Rule
from commands.domain.rules.spans import in_words

LONGEST = 30 * 24 * 60 * 60
MOST = 20


@dataclass(frozen=True, slots=True)
class SecondChance(Rule):
    """The winner has `confirm_within` seconds to confirm; then up to `most` others have `answer_within` seconds each.

    They are asked one after the other, in the order of the ranking. What decides is when an answer was accepted.
    The time of each begins when they are offered the lot.
    """

    confirm_within: int
    answer_within: int
    most: int

    @property
    def sentence(self) -> str:
        others = "bidder" if self.most == 1 else f"{self.most} bidders, one after the other,"
        return (
            f"The winner confirms the purchase within {in_words(self.confirm_within)}. Else it is offered to the next "
            f"{others} for what they bid; each has {in_words(self.answer_within)} to accept."
        )

    def check(self) -> None:
        for what, seconds in (
            ("a winner confirms within", self.confirm_within),
            ("an offer is answered within", self.answer_within),
        ):
            if not 1 <= seconds <= LONGEST:
                raise InvalidRule(f"{what} 1 to {LONGEST:,} seconds, not {seconds}")
        if not 1 <= self.most <= MOST:
            raise InvalidRule(f"a lot is offered to 1 to {MOST} bidders at most, not {self.most}")

    def until(self, since: datetime, *, winner: bool) -> datetime:
        """Before when an offer that is made then must be answered."""
        return moved(
            since, timedelta(seconds=self.confirm_within if winner else self.answer_within)
        )
