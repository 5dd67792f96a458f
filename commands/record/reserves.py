"""Whether what the record says of a hidden reserve can be true, which shows once it is revealed.

Until then each command after which it was met bounds it from above, and each after which it was not from
below. So nobody needs to know it to check it, and an outsider finds what the house finds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from commands.domain.amounts import SMALLEST
from commands.domain.events import ReserveMet, ReserveMissed
from commands.domain.rules.reserve import Reserve, ReservePrice
from commands.domain.rules.table import chosen
from commands.record.sealing import commitment

if TYPE_CHECKING:
    from commands.record.standing import Standing

NOTHING = Decimal("0.00")


@dataclass(slots=True)
class ReserveBounds:
    """The least that met the reserve, and the most that did not; `turned` is the job after which it was told anew.

    `beyond` is the highest maximum that would have bid up to the reserve and did not, which nobody may be told.
    """

    met: Decimal | None = None
    missed: Decimal = NOTHING
    beyond: Decimal = NOTHING
    turned: UUID | None = None

    def note(self, standing: "Standing") -> None:
        """A command is done: the reserve is met by what the leading bidder would pay, or is not."""
        auction = standing.auction
        if auction is None or not auction.rules or chosen(auction.rules, Reserve) is None:
            return
        leading = standing.leading()
        pays = leading.amount if leading else NOTHING
        if auction.reserve_met:
            self.met = min(self.met or pays, pays)
        else:
            self.missed = max(self.missed, pays)

    def at_least(self, amount: Decimal) -> None:
        """A maximum bid so that it is met, and would not have, or not so much, if it were lower than that."""
        self.missed = max(self.missed, amount - SMALLEST)

    def not_reached(self, maxima: Iterable[Decimal]) -> None:
        """These maxima were set, and none of them reached it: or it would have bid up to it."""
        self.beyond = max([self.beyond, *maxima])

    def turn(
        self, standing: "Standing", event: ReserveMet | ReserveMissed, cause: UUID
    ) -> str | None:
        """What speaks against the event, as far as that is known before the reserve is."""
        auction = standing.auction
        if auction is None or auction.closed or chosen(auction.rules, Reserve) is None:
            return "the rules give no such event"
        if cause != standing.cause or cause == self.turned:
            return "it does not follow on what changed the leading bid"
        self.turned = cause
        if isinstance(event, ReserveMet) == auction.reserve_met:
            return "that was told before"
        leading = standing.leading()
        if isinstance(event, ReserveMet) and (leading is None or leading.id != event.bid_id):
            return "another bid leads"
        return None

    def reveal(self, standing: "Standing", price: ReservePrice) -> str | None:
        """What speaks against that having been the reserve."""
        reserve = chosen(standing.auction.rules if standing.auction else (), Reserve)
        if reserve is None:
            return "the auction has no reserve"
        if commitment({"amount": str(price.amount)}, price.salt) != reserve.commitment:
            return "it is not what was committed to"
        if self.met is not None and self.met < price.amount:
            return f"it was said to be met by {self.met:,}"
        if price.amount <= self.missed:
            return f"it was said not to be met by {self.missed:,}"
        if price.amount <= self.beyond:
            return "a maximum that reaches it did not bid up to it"
        return None
