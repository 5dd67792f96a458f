"""Proxy bids: a bidder can set a private maximum, and the auction bids for them up to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from commands.domain.rules.rule import InvalidRule, Rule
from commands.domain.rules.withdrawal import Withdrawal


@dataclass(frozen=True, slots=True)
class ProxyBids(Rule):
    """Whoever leads by a maximum answers each higher bid with the next step over it, as long as the maximum lasts.

    Bids are binding: with a high one that can be deleted anybody could learn a maximum, and use it up.
    """

    shows_amounts = True

    @property
    def sentence(self) -> str:
        return (
            "A bidder can set a private maximum. The auction then bids for them, by the increments, no more than it takes "
            "to lead; of equal maxima the earlier one leads. Bids are binding: their bidders can't delete them."
        )

    def check_beside(self, others: Sequence[Rule]) -> None:
        if not any(other.must_lead for other in others):
            raise InvalidRule("proxy bids need increments over the leading bid")
        if any(isinstance(other, Withdrawal) and other.within for other in others):
            raise InvalidRule(
                "with proxy bids no bid can be deleted, or anybody could learn a maximum: withdrawal can only be never"
            )

    def binding_from(self, placed_at: datetime) -> datetime:
        return placed_at
