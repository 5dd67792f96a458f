"""What an auction's decisions depended on besides its own events, as far as the portal still knows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from commands.domain.bans import Bans
from commands.domain.bidders import Bidder
from commands.domain.commands import AuctionCommand
from commands.domain.events import AuctionEvent
from commands.jobs import JobStatus


@dataclass(frozen=True, slots=True)
class Cause:
    """What a job says of the events that it caused."""

    command: AuctionCommand
    accepted_at: datetime
    status: JobStatus


@dataclass(frozen=True, slots=True)
class Account(Bidder):
    """What is known of a user; of one who was deleted, when, and after which position.

    Of one who was behind an alias and is `forgotten` nothing of that is known. `banned` are the positions of what
    happened to their bans, and the bans after each.
    """

    deleted_at: datetime | None = None
    deleted_position: int | None = None
    forgotten: bool = False
    banned: tuple[tuple[int, Bans], ...] = ()

    def before(self, position: int) -> "Account":
        """With the bans that they had before that position."""
        known = [bans for at, bans in self.banned if at < position]
        return replace(self, bans=known[-1]) if known else self


@dataclass(frozen=True, slots=True)
class GivenAlias:
    """An alias as the portal gave it; `user_id` is None once that is forgotten."""

    auction_id: UUID
    number: int
    user_id: UUID | None


@dataclass(slots=True)
class Facts:
    """What the decisions depend on besides the auction's own events.

    `causes` are the jobs of the events at hand that are kept, `users` those so far who bid, or whom rules
    name, and who were ever created. Of events recorded after `jobs_since` the job is kept, None: of none. Events from
    position `moments_since` on say when their command was accepted; None if none does. In a masked auction
    bidders are `aliases`. `maxima` are those that can be opened, by their ids; where rules
    ever let them bid (`proxied`), the events at hand are `together` by their jobs.
    """

    causes: Mapping[UUID, Cause] = field(default_factory=dict)
    users: dict[UUID, Account] = field(default_factory=dict)
    aliases: dict[UUID, GivenAlias] = field(default_factory=dict)
    maxima: dict[UUID, Decimal] = field(default_factory=dict)
    proxied: bool = False
    together: Mapping[UUID, Sequence[AuctionEvent]] = field(default_factory=dict)
    jobs_since: datetime | None = None
    moments_since: int | None = None

    @property
    def staff(self) -> list[UUID]:
        """Those of the users who belong to the house."""
        return [id for id, account in self.users.items() if account.is_staff]

    def staff_as_told(self, told: Sequence[UUID]) -> list[UUID]:
        """The same, with those whom an event says to be and of whom that is forgotten."""
        return [*self.staff, *(id for id in told if id in self.users and self.users[id].forgotten)]
