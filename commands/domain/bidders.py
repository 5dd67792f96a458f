"""Those who bid, as they stand when one of their bids is decided."""

from dataclasses import dataclass
from uuid import UUID

from commands.domain.bans import Bans
from commands.domain.exposure import Exposure


@dataclass(frozen=True, slots=True)
class Bidder:
    """A user who exists; `user_id` is None where it is forgotten who is behind an alias.

    `bans` are those of their bans that may hold. Of one who is `limited` whatever decides their bids knows the `exposure`.
    """

    user_id: UUID | None
    is_staff: bool = False
    bans: Bans = ()
    limited: bool = False
    exposure: Exposure | None = None
