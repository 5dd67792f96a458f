"""Proxy bids: a bidder can set a private maximum, and the auction bids for them up to it."""

from collections.abc import Sequence
from dataclasses import dataclass

from commands.domain.rules.rule import InvalidRule, Rule


@dataclass(frozen=True, slots=True)
class ProxyBids(Rule):
    """Whoever leads by a maximum answers each higher bid with the next step over it, as long as the maximum lasts."""

    shows_amounts = True

    @property
    def sentence(self) -> str:
        return (
            "A bidder can set a private maximum. The auction then bids for them, by the increments, no more than it takes "
            "to lead; of equal maxima the earlier one leads."
        )

    def check_beside(self, others: Sequence[Rule]) -> None:
        if not any(other.must_lead for other in others):
            raise InvalidRule("proxy bids need increments over the leading bid")
