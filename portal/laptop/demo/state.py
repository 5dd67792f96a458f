"""What the demo knows: its auctions, who takes part, and what went otherwise than expected."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from portal.laptop.demo.client import PortalClient
from portal.laptop.demo.ledger import Ledger
from portal.laptop.demo.running import RunningPortal
from portal.laptop.demo.screen import Screen

BIDDERS = ("alice", "bob", "charlie", "dave", "erin")
# Winners are announced within a second or two; after this many seconds the demo reports a failure.
ANNOUNCED_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class Draw:
    """A doubled bid, as its event says."""

    auction: "DemoAuction"
    tick: int
    chance: float
    effective_amount: str


@dataclass(slots=True)
class DemoAuction:
    """An auction of the demo; `ended` is its last event. `contested` ones get bids."""

    id: str
    ends_at: datetime
    ledger: Ledger
    contested: bool
    ended: Any = None

    @property
    def open(self) -> bool:
        """Whether a bid sent now should count, by this machine's clock, which may differ from the portal's."""
        return datetime.now(UTC) < self.ends_at


@dataclass(slots=True)
class Demo:
    """The demo's portal, clients, auctions and draws, and in `unexpected` what failed."""

    portal: RunningPortal
    screen: Screen
    people: dict[str, PortalClient] = field(default_factory=dict)
    auctions: list[DemoAuction] = field(default_factory=list)
    draws: list[Draw] = field(default_factory=list)
    wins: dict[str, asyncio.Queue[str]] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)

    def expect(self, what: str, wanted: object, got: object) -> None:
        """Add a line to `unexpected` if `got` is not what is wanted."""
        if wanted != got:
            self.unexpected.append(f"{what}: expected {wanted}, got {got}")
