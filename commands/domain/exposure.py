"""The limit on a user's exposure: on what they would pay at most in all auctions that are not closed, together."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from commands.domain.amounts import SMALLEST
from commands.domain.rejections import Rejection, RejectionCode


@dataclass(frozen=True, slots=True)
class ExposureLimit:
    """The limit that the house set for a user. The reason is sealed with the user's key."""

    id: UUID
    amount: Decimal
    since: datetime
    reason: str
    limited_by: UUID | None


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a bid in one auction is measured by: its bidder's limit, and how much of it is used.

    `used` is the sum of what they would pay at most in each auction that is not closed, and `elsewhere` the same
    without this one. `told` is False while a sealed bid is part of it, which nobody may be told.
    """

    limit: Decimal
    used: Decimal
    elsewhere: Decimal
    told: bool = True


def over_limit(exposure: Exposure | None, amount: Decimal) -> Rejection | None:
    """What a bid of that amount is told, which is higher than the bidder's others in its auction; None within the limit."""
    if exposure is None or exposure.elsewhere + amount <= exposure.limit:
        return None
    message = (
        f"it would take you above your limit of {exposure.limit:,} for all open auctions together"
    )
    return Rejection(RejectionCode.OVER_LIMIT, f"{message}{_details(exposure)}")


def _details(exposure: Exposure) -> str:
    if not exposure.told:
        return "; your account tells how much of it is used, because a sealed bid is part of that"
    left = exposure.limit - exposure.elsewhere
    most = f"you can bid {left:,} at most" if left >= SMALLEST else "nothing is left of it"
    return f": {exposure.used:,} of it is used, and here {most}"
