"""Own lot: whoever a lot belongs to can't bid for it."""

from dataclasses import dataclass
from uuid import UUID

from commands.domain.bidders import Bidder
from commands.domain.rules.rule import InvalidRule, Rule

MOST_OWNERS = 20


@dataclass(frozen=True, slots=True)
class OwnLot(Rule):
    """The owners, as a seller and consignors, can't bid; with `staff` nobody of the house can.

    They are users who exist when the auction is created.
    """

    owners: tuple[UUID, ...] = ()
    staff: bool = False

    @property
    def sentence(self) -> str:
        owners = "whoever sells or consigns the lot" if self.owners else ""
        staff = "the house's own people" if self.staff else ""
        who = " and ".join(filter(None, (owners, staff)))
        return f"{who[:1].upper()}{who[1:]} can't bid."

    @property
    def people(self) -> tuple[UUID, ...]:
        return self.owners

    def check(self) -> None:
        if not (self.owners or self.staff):
            raise InvalidRule("an own lot names owners, or the house's staff")
        if len(self.owners) > MOST_OWNERS:
            raise InvalidRule(f"a lot has at most {MOST_OWNERS} owners")
        if len(set(self.owners)) < len(self.owners):
            raise InvalidRule("each owner is named once")

    def bars(self, bidder: Bidder) -> str | None:
        if bidder.user_id in self.owners:
            return "this is your own lot"
        if self.staff and bidder.is_staff:
            return "the house's own people can't bid in this auction"
        return None
