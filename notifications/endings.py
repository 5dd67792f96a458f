"""Telling those who watch auctions that these end soon, once each.

What a user is told and that they were is written in one transaction, with their watch locked: so however many
do this at once, and whoever dies, each is told once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from commands.postgres.connections import Pool
from notifications.notices import Notice
from notifications.postgres.notifications import Users, write_notices
from notifications.postgres.progress import current_states
from notifications.postgres.watches import lock_untold, mark_told
from notifications.preferences import NotificationKind

# How long before the end of an auction those who watch it are told.
BEFORE = timedelta(minutes=10)
AT_ONCE = 500
# No event causes it, and there is one of each auction: so there is one for each user, whatever they watch anew.
VERSION = 0


@dataclass(frozen=True, slots=True)
class Told:
    """By auction, who was told; whether mails were enqueued, and whether others may be left."""

    users: Mapping[UUID, set[UUID]] = field(default_factory=dict)
    mailed: bool = False
    more: bool = False


def tell_of_endings(pool: Pool, at_once: int = AT_ONCE) -> Told:
    """Tell at most so many users, of the auctions that end first."""
    with pool.connection() as connection, connection.transaction():
        untold = lock_untold(connection, BEFORE, at_once)
        if not untold.ids:
            return Told()
        states = current_states(connection, untold.users)
        notices = []
        for auction_id, users in untold.users.items():
            leading = states[auction_id].leading
            amount = leading.effective_amount if leading else None
            notice = Notice(NotificationKind.ENDING_SOON, VERSION, amount, to=users)
            notices.append((auction_id, notice))
        written = Users()
        written.add(write_notices(connection, notices, states))
        mark_told(connection, untold.ids)
    return Told(written.by_auction, written.mailed, len(untold.ids) == at_once)
