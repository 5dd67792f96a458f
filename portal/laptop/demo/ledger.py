"""The demo's own record of bids: who should win, computed from the API's answers and events alone."""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(slots=True)
class Entry:
    """A bid that succeeded; `reached` is the auction's version at which it got its effective amount."""

    bid_id: str
    bidder: str
    amount: Decimal
    effective_amount: Decimal
    reached: int
    live: bool = True


@dataclass(slots=True)
class Ledger:
    """One auction's bids. Answers to commands and events may be entered in any order."""

    title: str
    entries: dict[str, Entry] = field(default_factory=dict)
    _deleted: set[str] = field(default_factory=set)
    _doubled: dict[str, int] = field(default_factory=dict)

    def placed(self, bid_id: str, bidder: str, amount: Decimal, version: int) -> None:
        """Enter a bid whose job succeeded, with the job's version."""
        self.entries[bid_id] = Entry(bid_id, bidder, amount, amount, version)
        self._apply(bid_id)

    def deleted(self, bid_id: str) -> None:
        """Enter that the bid was deleted."""
        self._deleted.add(bid_id)
        self._apply(bid_id)

    def doubled(self, bid_id: str, version: int) -> None:
        """Enter that the bid was doubled by the event of that version."""
        self._doubled[bid_id] = version
        self._apply(bid_id)

    def _apply(self, bid_id: str) -> None:
        if entry := self.entries.get(bid_id):
            entry.live = bid_id not in self._deleted
            if reached := self._doubled.get(bid_id):
                entry.effective_amount, entry.reached = entry.amount * 2, reached

    def live_of(self, bidder: str) -> list[Entry]:
        """The bidder's live bids, highest first."""
        mine = [e for e in self.entries.values() if e.live and e.bidder == bidder]
        return sorted(mine, key=lambda e: -e.effective_amount)

    @property
    def leading(self) -> Entry | None:
        """The bid that should win: the highest effective amount; of equals, the first to reach it."""
        live = [entry for entry in self.entries.values() if entry.live]
        return min(live, key=lambda e: (-e.effective_amount, e.reached), default=None)
