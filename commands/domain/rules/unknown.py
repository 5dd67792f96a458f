"""A rule that a release does not know, because a newer one has it: it can be named, and nothing else."""

from dataclasses import dataclass

from commands.domain.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class UnknownRule(Rule):
    """In the place of such a rule where auctions are shown; nothing is ever decided by it."""

    name: str

    @property
    def sentence(self) -> str:
        return f"It has a further rule, which can't be explained here yet: {self.name}."
