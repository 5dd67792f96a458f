"""Bans: whom the house lets place no bids, in one auction or in the whole portal, and how long."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from commands.domain.rejections import Rejection, RejectionCode, readable

# In the place of the end of a ban that has none.
FOR_GOOD = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ban:
    """A ban from an auction, or without one from the portal, from `since` until `until`; None means for good.

    The reason is sealed with the user's key. `ended_at` is when it was lifted, or another one took its place.
    """

    id: UUID
    auction_id: UUID | None
    since: datetime
    until: datetime | None
    reason: str
    banned_by: UUID | None
    ended_at: datetime | None = None

    @property
    def end(self) -> datetime:
        """From when on it holds no more."""
        return self.ended_at or self.until or FOR_GOOD

    def holds(self, at: datetime) -> bool:
        """Whether it is in force at that moment."""
        return self.since <= at < self.end


Bans = tuple[Ban, ...]


def ended(bans: Bans, auction_id: UUID | None, at: datetime) -> Bans:
    """The same bans, without one from that auction, or portal, that is in force at that moment."""
    return tuple(
        replace(ban, ended_at=at) if ban.auction_id == auction_id and ban.holds(at) else ban
        for ban in bans
    )


def last_end(bans: Iterable[Ban]) -> datetime | None:
    """From when on none of them holds; None if there are none."""
    return max((ban.end for ban in bans), default=None)


def refusal(bans: Iterable[Ban], auction_id: UUID, at: datetime) -> Rejection | None:
    """What a bid in the auction is told that was accepted at that moment; None if no ban holds then.

    Of several the one that holds longest answers.
    """
    holding = [ban for ban in bans if ban.auction_id in (None, auction_id) and ban.holds(at)]
    if not holding:
        return None
    longest = max(holding, key=lambda ban: ban.until or FOR_GOOD)
    where = "in this auction" if longest.auction_id else "in any auction"
    end = f"until {readable(longest.until)}" if longest.until else "any more"
    return Rejection(RejectionCode.BANNED, f"by a ban of the house you can't bid {where} {end}")
