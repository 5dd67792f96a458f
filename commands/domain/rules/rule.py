"""What a rule is: a frozen value that was chosen for an auction, with what it has to say about a bid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from commands.domain.amounts import SMALLEST
from commands.domain.bidders import Bidder
from commands.domain.rejections import RejectionCode


class InvalidRule(ValueError):
    """The rule can't be chosen so; the message says what is wrong and what would be right."""


@dataclass(frozen=True, slots=True)
class ToBeat:
    """What the leading bid and the bidder's own highest live bid count; None where there is none.

    `leading` is not known, and None, unless one of the auction's rules needs it.
    """

    leading: Decimal | None
    own: Decimal | None


class Rule:
    """A rule of an auction. What it does not say itself is as without it."""

    __slots__ = ()

    # Whether it looks at the leading bid.
    needs_leader: ClassVar[bool] = False
    # Whether each change of the leading bid matters to it.
    follows_leader: ClassVar[bool] = False
    # Whether bidders are known to others by aliases.
    masks: ClassVar[bool] = False
    # Whether bidders must know what others bid.
    shows_amounts: ClassVar[bool] = False
    # Whether amounts are hidden until the auction has ended.
    hides_amounts: ClassVar[bool] = False
    # Whether the promoter draws in such an auction.
    draws: ClassVar[bool] = True
    # What a bid below its least amount is rejected with.
    code: ClassVar[RejectionCode] = RejectionCode.BID_TOO_LOW

    @property
    def sentence(self) -> str:
        """The rule in plain English, for bidders."""
        raise NotImplementedError

    @property
    def must_lead(self) -> bool:
        """Whether it lets no bid be placed that would not lead."""
        return False

    @property
    def shows_winner(self) -> bool:
        """Whether the name behind the alias that won is told at the close."""
        return False

    @property
    def people(self) -> tuple[UUID, ...]:
        """The users whom it names. They must exist when the auction is created."""
        return ()

    def check(self) -> None:
        """InvalidRule if it can't be chosen so."""

    def check_beside(self, others: Sequence["Rule"]) -> None:
        """InvalidRule if it can't be chosen together with these."""

    def unfit(self, ends_at: datetime) -> str | None:
        """Why it can't be a rule of an auction that is to end then; None if it can."""
        return None

    def bars(self, bidder: Bidder) -> str | None:
        """Why it lets that bidder place no bid at all, for them; None if it does not."""
        return None

    def moved_end(self, ends_at: datetime, extensions: int, now: datetime) -> datetime | None:
        """When the auction ends after a bid accepted at `now`, if not at `ends_at` any more.

        `extensions` counts how often the end was moved before.
        """
        return None

    def binding_from(self, placed_at: datetime) -> datetime | None:
        """From when on its bidder can't delete a bid placed then; None if they can until the auction ends."""
        return None

    def later(self, by: timedelta) -> "Rule":
        """The rule once the auction was paused for so long: what it says of moments to come is that much later."""
        return self

    def paid(self, amount: Decimal, next: Decimal | None) -> Decimal:
        """What the winner pays who bid that amount; `next` is the most of what else was to be beaten, None if nothing."""
        return amount

    def least(self, to_beat: ToBeat) -> Decimal:
        """The lowest amount that it lets the bidder bid."""
        return SMALLEST

    def too_low(self, amount: Decimal, to_beat: ToBeat) -> str:
        """Why it refuses a bid below its least amount, for the bidder."""
        raise NotImplementedError
