"""An auction according to its events, computed here without the portal's own code."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from psycopg.rows import DictRow

from tests.faults.clients import AuctionRecord
from tests.faults.rules import Json, is_sealed, least, offered

ENDINGS = ("WinnerAnnounced", "AuctionEndedUnsold", "AuctionCancelled")


@dataclass(slots=True)
class Bid:
    """A bid according to the events; `hidden` while it is sealed. Its bidder is an alias in a masked auction."""

    id: str
    bidder: str
    amount: Decimal
    effective: Decimal
    reached: int
    placed_at: datetime
    doubled: bool = False
    live: bool = True
    hidden: bool = False
    commitment: str | None = None


@dataclass(slots=True)
class Story:
    """What happened, and what of it was wrong in itself."""

    rules: Json
    starts_at: datetime
    # When it ends, as far as bids, pauses, a purchase or the house have moved that.
    ends_at: datetime
    bids: dict[str, Bid] = field(default_factory=dict)
    # Who led after each version, with what.
    leads: dict[int, Decimal | None] = field(default_factory=dict)
    leaders: dict[int, str | None] = field(default_factory=dict)
    doubled: dict[int, Bid] = field(default_factory=dict)
    # What the house removed, and what that counted; None while it is hidden.
    removed: dict[int, tuple[Bid, Decimal | None]] = field(default_factory=dict)
    ticks: list[int] = field(default_factory=list)
    draws: list[int] = field(default_factory=list)
    ending: DictRow | None = None
    reserve: Decimal = Decimal(0)
    met: bool = False
    paused_at: datetime | None = None
    # By alias, the number that its bids have.
    numbers: dict[str, int] = field(default_factory=dict)
    revised: Json = field(default_factory=dict)
    # Whether the bid that is placed now has to do with a maximum: maxima.py checks it.
    proxied: bool = False
    faults: list[str] = field(default_factory=list)

    @property
    def winner(self) -> Bid | None:
        """The leading bid, if its amount meets the reserve and the auction was not cancelled."""
        leading = self.leading
        if self.ending and self.ending["type"] == "AuctionCancelled":
            return None
        return leading if leading and leading.amount >= self.reserve else None

    @property
    def leading(self) -> Bid | None:
        """Highest effective amount; of equals the one that reached it first."""
        return next(iter(self.ranking), None)

    @property
    def ranking(self) -> list[Bid]:
        """The live bids as they rank; sealed ones in the order they were placed."""
        live = (bid for bid in self.bids.values() if bid.live)
        return sorted(live, key=lambda bid: (-bid.effective, bid.reached))

    @property
    def bidders(self) -> set[str]:
        """Whoever has a live bid."""
        return {bid.bidder for bid in self.bids.values() if bid.live}

    @property
    def price(self) -> Decimal | None:
        """What the winner pays: by the second price the most of what was to be beaten or met."""
        winner = self.winner
        if winner is None or not self.rules.get("sealed", {}).get("secondPrice"):
            return winner.amount if winner else None
        others = [bid.amount for bid in self.ranking[1:2]]
        lowest = [Decimal(self.rules["startingPrice"])] if "startingPrice" in self.rules else []
        return min(winner.amount, max([*others, *lowest], default=winner.amount))


def story_of(auction: AuctionRecord, rows: Sequence[DictRow]) -> Story:
    """The auction's story."""
    story = Story(auction.rules, auction.starts_at, auction.ends_at)
    for row in rows:
        if row["type"] == "ReserveRevealed":
            story.reserve = Decimal(row["data"]["amount"])
    for number, row in enumerate(rows):
        # A maximum's last bid is placed right before the bid that it gives way to, which was asked of what led before.
        automatic = row["data"].get("automatic") or (
            number and rows[number - 1]["data"].get("automatic")
        )
        story.proxied = bool(automatic)
        _happened(story, row, row["data"], row["version"])
        leading = story.leading
        known = leading and not leading.hidden
        story.leads[row["version"]] = leading.effective if leading and known else None
        story.leaders[row["version"]] = leading.bidder if leading and known else None
        done = number + 1 == len(rows) or rows[number + 1]["causation_id"] != row["causation_id"]
        if story.reserve and done and not story.ending and story.met != (story.winner is not None):
            said = "met" if story.met else "missed"
            story.faults.append(f"at {row['version']} its reserve is said to be {said}")
    return story


def _happened(story: Story, row: DictRow, data: Json, version: int) -> None:
    match row["type"]:
        case "BidPlaced" | "SealedBidPlaced":
            _placed(story, data, version)
        case "BidRevealed":
            _revealed(story, data, version)
        case "BidDeleted" | "BidRemoved" | "BidNotRevealed":
            bid = story.bids[data["bid_id"]]
            bid.live = False
            if row["type"] == "BidRemoved":
                story.removed[version] = bid, None if bid.hidden else bid.effective
            if row["type"] == "BidNotRevealed":
                story.faults.append(f"bid {bid.id} was not revealed")
        case "BidDoubled":
            bid = story.bids[data["bid_id"]]
            bid.effective, bid.reached, bid.doubled = bid.amount * 2, version, True
            story.doubled[version] = bid
            story.ticks.append(data["tick"])
            story.draws.append(data["draw"])
        case "NothingDrawn":
            story.ticks.append(data["tick"])
            story.draws.append(data["draw"])
        case "AuctionExtended" | "AuctionClosedEarly" | "BoughtNow" | "AuctionResumed":
            _moved(story, row["type"], data)
        case "AuctionPaused":
            story.paused_at = _time(data["paused_at"])
        case "AuctionRevised":
            _revised(story, data)
        case "ReserveMet" | "ReserveMissed":
            story.met = row["type"] == "ReserveMet"
        case kind if kind in ENDINGS:
            story.ending = row
        case _:
            pass


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _placed(story: Story, data: Json, version: int) -> None:
    placed_at, sealed = _time(data["placed_at"]), is_sealed(story.rules)
    if not story.starts_at <= placed_at < story.ends_at and not story.paused_at:
        story.faults.append(f"a bid of {placed_at} counts, it ran until {story.ends_at}")
    if story.paused_at:
        story.faults.append(f"a bid of {placed_at} counts, it was paused at {story.paused_at}")
    if sealed and any(b.live and b.bidder == data["bidder_id"] for b in story.bids.values()):
        story.faults.append("a bidder has two sealed bids")
    amount = Decimal(0) if sealed else Decimal(data["amount"])
    leading = first.effective if (first := story.leading) else None
    if data.get("bought"):
        if amount != Decimal(story.rules["buyNow"]["price"]) or not offered(story.rules, leading):
            story.faults.append(f"it was bought for {amount} while {leading} led")
    elif not sealed and not story.proxied and amount < least(story.rules, leading):
        story.faults.append(f"a bid of {amount} counts, its rules are {story.rules}")
    if "number" in data:
        expected = story.numbers.setdefault(data["bidder_id"], len(story.numbers) + 1)
        if data["number"] != expected:
            story.faults.append(f"bidder {expected} has the number {data['number']}")
    story.bids[data["bid_id"]] = Bid(
        data["bid_id"],
        data["bidder_id"],
        amount,
        amount,
        version,
        placed_at,
        hidden=sealed,
        commitment=data.get("commitment"),
    )


def _revealed(story: Story, data: Json, version: int) -> None:
    bid = story.bids[data["bid_id"]]
    text = f'{{"amount":"{data["amount"]}","salt":"{data["salt"]}"}}'
    if sha256(text.encode()).hexdigest() != bid.commitment or not bid.hidden or not bid.live:
        story.faults.append(f"bid {bid.id} was revealed as {data}")
    bid.amount = bid.effective = Decimal(data["amount"])
    bid.reached, bid.hidden = version, False
    if bid.amount < least(story.rules, None):
        story.faults.append(f"a sealed bid of {bid.amount} counts")


def _moved(story: Story, kind: str, data: Json) -> None:
    ends_at = _time(data["ends_at"])
    if kind == "AuctionResumed":
        assert story.paused_at
        pause = _time(data["resumed_at"]) - story.paused_at
        if ends_at - story.ends_at != pause:
            story.faults.append(
                f"a pause of {pause} moved the end from {story.ends_at} to {ends_at}"
            )
    story.ends_at = ends_at
    if kind != "AuctionExtended":
        story.paused_at = None


def _revised(story: Story, data: Json) -> None:
    after: dict[str, Any] = data["after"]
    if story.bids and after.keys() != {"description"}:
        story.faults.append(f"{sorted(after)} were revised after a bid")
    if "ends_at" in after:
        story.ends_at = _time(after["ends_at"])
    story.revised |= after
