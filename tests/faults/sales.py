"""Checks of second chances: whose turn it was, what they answered in time or not, and who buys in the end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from psycopg.rows import DictRow

from tests.faults.rules import Json
from tests.faults.story import Bid, Story

OFFERS = ("LotOffered", "SaleFailed")
ANSWERS = ("OfferAccepted", "OfferDeclined", "OfferLapsed", "SaleForfeited")
# The last event of an auction with a winner and a second chance.
LAST = ("OfferAccepted", "SaleFailed")


@dataclass(slots=True)
class Sale:
    """Where it stands: the offer that can be answered, or was accepted, and who had their turn."""

    story: Story
    asked: set[str] = field(default_factory=set)
    next_ones: int = 0
    offer: Json | None = None
    accepted: bool = False
    # The job of an event that somebody's turn must follow on.
    owed: object = None
    # By version, to whom it was offered, for how much, and who lost it.
    offered: dict[int, tuple[str, Decimal]] = field(default_factory=dict)
    lost: dict[int, str] = field(default_factory=dict)

    @property
    def buyer(self) -> str | None:
        """The bid that bought it."""
        return self.offer["bid_id"] if self.offer and self.accepted else None

    def turn(self, gone: Sequence[str]) -> Bid | None:
        """The bid whose turn it is when those bidders have deleted their accounts."""
        seen = {*self.asked, *gone}
        if self.asked and self.next_ones >= self.story.rules["secondChance"]["most"]:
            return None
        for bid in self.story.ranking:
            if bid.bidder not in seen and bid.amount >= self.story.reserve:
                return bid
            seen.add(bid.bidder)
        return None

    def happened(self, row: DictRow) -> Iterator[str]:
        """One event; what is wrong with it."""
        kind, data, at = row["type"], row["data"], row["accepted_at"]
        if (self.owed is not None) != (kind in OFFERS):
            yield f"{kind} came at {row['version']}"
        if kind in OFFERS:
            if row["causation_id"] != self.owed:
                yield f"{kind} at {row['version']} follows on nothing"
            self.owed = None
            yield from self._offered(kind, data, row["version"])
            return
        offer = self.offer
        if not offer or (data["bid_id"], data["bidder_id"]) != (
            offer["bid_id"],
            offer["bidder_id"],
        ):
            yield f"{kind} at {row['version']} is about {data}, offered was {offer}"
            return
        late = at >= datetime.fromisoformat(offer["until"])
        deleted = "withdrawn_at" in data
        if kind != "SaleForfeited" and (
            self.accepted or (not deleted and late != (kind == "OfferLapsed"))
        ):
            yield f"{kind} at {row['version']} was accepted at {at}, the offer was {offer}"
        self.accepted = kind == "OfferAccepted"
        if kind in ("OfferLapsed", "SaleForfeited"):
            self.lost[row["version"]] = data["bidder_id"]
        self.owed = None if self.accepted else row["causation_id"]

    def _offered(self, kind: str, data: Json, version: int) -> Iterator[str]:
        gone, winner = data.get("passed_over", []), self.story.winner
        turn = self.turn(gone)
        self.asked |= {*gone}
        self.offer, self.accepted = None, False
        if kind == "SaleFailed":
            if turn:
                yield f"nobody was left at {version}, it was the turn of {turn}"
            return
        won = bool(winner and data["bid_id"] == winner.id)
        pays = self.story.price if won else turn and turn.amount
        if not turn or (data["bid_id"], data["bidder_id"]) != (turn.id, turn.bidder):
            yield f"at {version} it was offered to {data['bid_id']}, it was the turn of {turn}"
        if Decimal(data["amount"]) != pays:
            yield f"at {version} it was offered for {data['amount']}, they bid {pays}"
        self.offer = data
        self.asked.add(data["bidder_id"])
        self.next_ones += not won
        if not won:
            self.offered[version] = (data["bidder_id"], Decimal(data["amount"]))


def sale_of(story: Story, rows: Sequence[DictRow]) -> tuple[Sale | None, list[str]]:
    """The sale by the rows behind the winner's announcement, and what is wrong with it; None without one."""
    ending = story.ending
    after = [row for row in rows if ending and row["version"] > ending["version"]]
    if not ending or ending["type"] != "WinnerAnnounced" or "secondChance" not in story.rules:
        return None, [f"{row['type']} came after the end" for row in after]
    sale = Sale(story, owed=ending["causation_id"])
    faults = [fault for row in after for fault in sale.happened(row)]
    if not after or after[-1]["type"] not in LAST:
        faults.append(f"the sale ended with {after[-1]['type'] if after else 'nothing'}")
    return sale, faults
