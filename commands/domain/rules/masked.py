"""Masked: others know a bidder by a number, "Bidder 7", and by an id that is good in that auction alone."""

from dataclasses import dataclass
from uuid import UUID

from commands.domain.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Alias:
    """Who somebody is in a masked auction. The number is None until their first bid is placed."""

    id: UUID
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Masked(Rule):
    """Bids are placed under aliases. With `names_winner` it is told at the close who won."""

    names_winner: bool = False

    masks = True

    @property
    def sentence(self) -> str:
        end = (
            "Who won is shown once it is closed."
            if self.names_winner
            else "That stays so once it is closed."
        )
        return f'Names of bidders are not shown: others see "Bidder 1", "Bidder 2" and so on. {end}'

    @property
    def shows_winner(self) -> bool:
        return self.names_winner


def shown_as(number: int) -> str:
    """What others call the bidder of that number; no username is like it, as none has a space."""
    return f"Bidder {number}"
