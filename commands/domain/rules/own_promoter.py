"""The promoter of an auction: off, or by options of its own, whatever the portal's policies say."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from commands.domain.promoter import CERTAIN, EXCLUSIONS, LIMITS, WEIGHTS, Policy
from commands.domain.rules.rule import InvalidRule, Rule

# What draws in auctions with options of their own name as the version of the policies.
OWN = -1


@dataclass(frozen=True, slots=True)
class OwnPromoter(Rule):
    """The auction's own options, as those of a policy; with `off` no tick draws there."""

    off: bool = False
    chance: Decimal = CERTAIN
    weight: tuple[str, ...] = ("constant",)
    exclude: tuple[str, ...] = ()
    limit: tuple[str, ...] = ()

    @property
    def policy(self) -> Policy:
        """What its draws follow."""
        return Policy(self.chance, self.weight, self.exclude, self.limit)

    @property
    def sentence(self) -> str:
        if self.off:
            return "The promoter doubles no bid here."
        terms = ["the chance of a draw is", f"{self.chance:,} %,", "and it weighs bids by"]
        said = " ".join([*terms, " and ".join(self.weight)])
        left_out = f", leaving out {' and '.join(self.exclude)}" if self.exclude else ""
        limits = f", at most {' and '.join(self.limit)}" if self.limit else ""
        return f"The promoter draws here by options of its own: {said}{left_out}{limits}."

    def check(self) -> None:
        if self.off and self != OwnPromoter(off=True):
            raise InvalidRule("a promoter that is off has no options")
        for what, why in problems(self.policy):
            raise InvalidRule(f"{what} of the promoter: {why}")


def problems(policy: Policy) -> Iterator[tuple[str, str]]:
    """Which of the options can't be chosen so, each with why."""
    chance = policy.chance
    if not (chance.is_finite() and 0 <= chance <= 100 and chance == round(chance, 2)):
        yield "chance", "a chance is 0 to 100 per cent, with at most two places"
    if not policy.weight:
        yield "weight", "a promoter weighs bids by at least one option"
    yield from _unknown("weight", policy.weight, WEIGHTS)
    yield from _unknown("exclude", policy.exclude, EXCLUSIONS)
    yield from _unknown("limit", [term.partition(":")[0] for term in policy.limit], LIMITS)
    if not all(re.fullmatch(r"[a-z_]+:[0-9]{1,6}", term) for term in policy.limit):
        yield "limit", 'a limit is written "name:number", e.g. per_bidder:1'


def _unknown(
    name: str, given: Sequence[str], options: Collection[str]
) -> Iterator[tuple[str, str]]:
    for option in given:
        if option not in options:
            yield name, f"there is no option {option[:40]!r}; there are {', '.join(options)}"
    if len(set(given)) < len(given):
        yield name, "each option is given once"
