"""What is new in auctions since the notifier's last run: the notices that follow, and who gets them now."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from commands.postgres.connections import SyncConnection
from notifications.addressing import Telling, addressed, after, begin
from notifications.notices import (
    EventAtVersion,
    Notice,
    notices,
    notices_of_each,
    possibly_outdated,
)
from notifications.postgres.addressees import bidders_after, watchers_after
from notifications.postgres.progress import (
    CurrentState,
    NotifierCheckpoint,
    Reached,
    deleted_among,
)

# Bidders who are told in one run of what concerns all, shared out evenly over its auctions, but some of each.
MOST_TOLD = 2_000
OF_EACH = 50


@dataclass(frozen=True, slots=True)
class News:
    """An auction's events since its checkpoint, up to a version, and the state it is in now.

    There are none while it has still to tell of earlier ones.
    """

    checkpoint: NotifierCheckpoint
    now: CurrentState
    until: int

    @property
    def all(self) -> bool:
        """Whether these are all of them."""
        return self.until == self.now.version

    @property
    def first(self) -> int:
        """The version at which it stops if no other is known: the first that not all have been told of."""
        return self.checkpoint.version + (self.checkpoint.telling is None)


def outdated(news: News, events: Sequence[EventAtVersion]) -> Collection[UUID]:
    """The users whose unread notification about the auction's highest bid may be out of date."""
    return possibly_outdated(events, news.checkpoint.leading, news.now.leading)


def notices_of(
    connection: SyncConnection,
    news: Mapping[UUID, News],
    events: Mapping[UUID, Sequence[EventAtVersion]],
) -> Mapping[UUID, Sequence[Notice]]:
    """Each auction's notices, in their order.

    While an auction has more events than one run takes, its highest bid is not told of: it is the
    last run that knows it.
    """
    deleted = deleted_among(connection, [event for each in events.values() for event in each])
    found = dict[UUID, Sequence[Notice]]()
    for id, each in news.items():
        if telling := each.checkpoint.telling:
            found[id] = telling.notices
        elif each.all:
            before, now = each.checkpoint.leading, each.now.leading
            found[id] = notices(events[id], before, now, deleted, each.now.won)
        else:
            found[id] = notices_of_each(events[id], deleted, each.now.won)
    return found


def addressed_now(
    connection: SyncConnection, found: Mapping[UUID, Sequence[Notice]], news: Mapping[UUID, News]
) -> tuple[list[tuple[UUID, Notice]], Mapping[UUID, Telling]]:
    """The notices, those for all bidders to the next page of them, and what is then left to tell."""
    telling = {
        id: begun for id in found if (begun := news[id].checkpoint.telling or begin(found[id]))
    }
    limit = max(MOST_TOLD // max(len(telling), 1), OF_EACH)
    pages = {
        **bidders_after(connection, _reached(telling, watchers=False), limit),
        **watchers_after(connection, _reached(telling, watchers=True), limit),
    }
    written, left = list[tuple[UUID, Notice]](), dict[UUID, Telling]()
    for id, notices_found in found.items():
        if begun := telling.get(id):
            notices_found = addressed(notices_found, begun, pages[id])
            if more := after(begun, pages[id], limit):
                left[id] = more
        written += [(id, notice) for notice in notices_found]
    return written, left


def _reached(telling: Mapping[UUID, Telling], *, watchers: bool) -> Mapping[UUID, UUID]:
    """Up to whom bidders, or those who watch, are told."""
    return {id: each.reached for id, each in telling.items() if each.watchers == watchers}


def reached(news: News, left: Telling | None) -> Reached:
    """The checkpoint after the run. Only a run with all that is new knows the highest bid."""
    leading, telling = news.checkpoint.leading, news.checkpoint.telling
    if news.all and not telling:
        leading = news.now.leading.as_leading if news.now.leading else None
    rests = (news.all or telling) and not left
    return Reached(news.until, leading, news.now.now if rests else None, left)
