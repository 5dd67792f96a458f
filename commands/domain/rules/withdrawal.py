"""Withdrawal: whether, and how long, bidders may delete their own bids."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from commands.domain.rules.rule import InvalidRule, Rule
from commands.domain.rules.spans import in_words

LONGEST = 30 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Withdrawal(Rule):
    """A bidder may delete a bid until so many seconds after it was accepted; with 0 never.

    It says nothing of what else deletes bids: the bidder's account may be deleted, and the house may remove bids.
    """

    within: int

    @property
    def sentence(self) -> str:
        if not self.within:
            return "Bids are binding: their bidders can't delete them."
        return f"A bidder can delete a bid within {in_words(self.within)} of placing it, and not later."

    def check(self) -> None:
        if not 0 <= self.within <= LONGEST:
            raise InvalidRule(
                f"a bid can be deleted for 0 (never) to {LONGEST:,} seconds, not {self.within}"
            )

    def binding_from(self, placed_at: datetime) -> datetime | None:
        return placed_at + timedelta(seconds=self.within)
