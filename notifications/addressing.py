"""Who gets an auction's notices: those for all bidders go to a page of them after the other, then to watchers. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from notifications.notices import Notice
from notifications.preferences import TO_WATCHERS, NotificationKind

# Before all bidders.
FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Telling:
    """Notices for all bidders of an auction, which those up to the bidder `reached` have.

    The users `apart` had theirs with the first page: they were outbid as well. With `watchers` all bidders have
    theirs, and those who watch the auction are told.
    """

    notices: Sequence[Notice]
    apart: frozenset[UUID] = frozenset()
    reached: UUID = FIRST
    watchers: bool = False


def begin(notices: Sequence[Notice]) -> Telling | None:
    """What all bidders are to be told of by these notices; None if by none."""
    to_all = [notice for notice in notices if notice.to is None]
    outbid = [each.to for each in notices if each.kind is NotificationKind.OUTBID and each.to]
    return Telling(to_all, frozenset[UUID]().union(*outbid)) if to_all else None


def addressed(notices: Sequence[Notice], telling: Telling, page: Sequence[UUID]) -> list[Notice]:
    """The notices, those for all to this page of them."""
    first = telling.reached == FIRST
    users = telling.apart.union(page) if first else frozenset(page) - telling.apart
    return [
        replace(notice, to=users - {notice.but}) if notice.to is None else notice
        for notice in notices
    ]


def after(telling: Telling, page: Sequence[UUID], limit: int) -> Telling | None:
    """What is left to tell after this page of at most so many; None if it was the last.

    Who both bids and watches is told once: of each notice there is one for each user.
    """
    if len(page) == limit:
        return replace(telling, reached=page[-1])
    to_watchers = [notice for notice in telling.notices if notice.kind in TO_WATCHERS]
    return Telling(to_watchers, watchers=True) if to_watchers and not telling.watchers else None
