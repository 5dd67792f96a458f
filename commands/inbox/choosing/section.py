"""What a section is: a rule as people choose it, with the texts that they write for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from commands.domain.rules.reserve import ReservePrice
from commands.domain.rules.rule import Rule

# What is written, by the texts' names, without spaces around it; empty for what is not chosen.
Written = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Text:
    """What is written for one part of a rule: a field of the form, and an option of `create_auction`.

    `example` is what may be written, in short. With `choices` nothing else may be: each with what the form calls it.
    """

    name: str
    label: str
    help: str
    example: str
    longest: int = 100
    choices: Mapping[str, str] = field(default_factory=dict)

    @property
    def option(self) -> str:
        """The option's name."""
        return f"--{self.name.replace('_', '-')}"


@dataclass(frozen=True, slots=True)
class Section:
    """A rule as people choose it: what it is called, what it is good for, and what is written for it.

    `read` gives the rule, from texts of which one at least is not empty and from the preset's own rule of that
    kind, or a reserve that is still to be hidden; None chooses that there is none. It raises InvalidInput with the name of the text that is wrong.
    """

    rule: type[Rule]
    title: str
    purpose: str
    texts: tuple[Text, ...]
    read: Callable[[Written, Rule | None], Rule | ReservePrice | None]
