"""Notifications: written for whoever wants them, read by their reader."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from commands.postgres.connections import SyncConnection
from notifications.notices import Notice
from notifications.postgres.mails import GAP, MAY_BE_MAILED
from notifications.preferences import DEFAULTS, NotificationChannel, NotificationKind

# The kind of mail that tells of a notification.
NOTIFICATION_MAIL = "NOTIFICATION"
WANTED = f"""
WITH wanted AS (
    SELECT users.id AS user_id,
        coalesce((SELECT enabled FROM notification_preferences WHERE user_id = users.id
                  AND kind = %(kind)s AND channel = 'IN_APP'), %(in_app)s) AS in_app,
        coalesce((SELECT enabled FROM notification_preferences WHERE user_id = users.id
                  AND kind = %(kind)s AND channel = 'EMAIL'), %(email)s)
            AND {MAY_BE_MAILED} AS email
    FROM users WHERE deleted_at IS NULL AND id = ANY(
        CASE WHEN %(to)s::uuid IS NOT NULL THEN ARRAY[%(to)s::uuid] ELSE ARRAY(
            SELECT DISTINCT bidder_id FROM bids
            WHERE auction_id = %(auction)s AND NOT deleted
              AND bidder_id IS DISTINCT FROM %(caused_by)s::uuid
        ) END
    )
), written AS (
    INSERT INTO notifications (id, user_id, kind, auction_id, version, amount, in_app,
                               created_at, changed_at)
    SELECT gen_random_uuid(), user_id, %(kind)s, %(auction)s, %(version)s, %(amount)s, in_app,
           %(now)s, %(now)s
    FROM wanted WHERE in_app OR email
"""
ONCE_PER_CAUSE = """
    ON CONFLICT (user_id, auction_id, kind, version) WHERE NOT kind = 'MAX_BID_CHANGED' DO NOTHING
    RETURNING id, user_id, version
"""
ONE_WHILE_UNREAD = """
    ON CONFLICT (user_id, auction_id) WHERE kind = 'MAX_BID_CHANGED' AND read_at IS NULL
    DO UPDATE SET version = excluded.version, amount = excluded.amount, in_app = excluded.in_app,
        changed_at = excluded.changed_at
    WHERE notifications.version < excluded.version
    RETURNING id, user_id, version
"""
# A mail that waits already, or is on its way, keeps its time: it tells what holds when it goes.
MAIL = """
), mailed AS (
    INSERT INTO mails (id, user_id, kind, notification_id, context, version, urgent, due, attempts,
                       given_up)
    SELECT gen_random_uuid(), user_id, %(mail)s, id, '{}', version, false, %(now)s, 0, false
    FROM written JOIN wanted USING (user_id) WHERE email
    ON CONFLICT (notification_id) DO UPDATE SET version = excluded.version, given_up = false,
        attempts = CASE WHEN mails.due IS NULL THEN 0 ELSE mails.attempts END,
        due = coalesce(mails.due, greatest(excluded.due, mails.settled_at + %(gap)s))
)
SELECT user_id FROM written
"""
MAILED = """
SELECT notifications.kind, amount, auction_id, auctions.title,
    (SELECT enabled FROM notification_preferences AS chosen WHERE channel = 'EMAIL'
     AND chosen.user_id = notifications.user_id AND chosen.kind = notifications.kind) AS chosen
FROM notifications JOIN auctions ON auctions.id = auction_id WHERE notifications.id = %s
"""
FORGET = """
DELETE FROM notifications USING users WHERE users.id = user_id AND users.deleted_at IS NOT NULL
    AND (users.id = %(user)s OR %(user)s::uuid IS NULL)
"""
FORGET_PREFERENCES = """
DELETE FROM notification_preferences USING users
WHERE users.id = user_id AND users.deleted_at IS NOT NULL
    AND (users.id = %(user)s OR %(user)s::uuid IS NULL)
"""
FORGET_MAILS = """
DELETE FROM mails USING users WHERE users.id = user_id AND users.deleted_at IS NOT NULL
    AND (users.id = %(user)s OR %(user)s::uuid IS NULL)
"""


@dataclass(frozen=True, slots=True)
class MailedNotification:
    """What a mail about a notification tells."""

    kind: NotificationKind
    amount: Decimal
    auction_id: UUID
    title: str


def tell(connection: SyncConnection, auction_id: UUID, notice: Notice, now: datetime) -> list[UUID]:
    """Write a notice for everybody who wants it; whose notifications are new or changed."""
    once = notice.kind is not NotificationKind.MAX_BID_CHANGED
    rows = connection.execute(
        WANTED + (ONCE_PER_CAUSE if once else ONE_WHILE_UNREAD) + MAIL,
        {
            "mail": NOTIFICATION_MAIL,
            "gap": GAP,
            "kind": notice.kind.value,
            "in_app": DEFAULTS[notice.kind, NotificationChannel.IN_APP],
            "email": DEFAULTS[notice.kind, NotificationChannel.EMAIL],
            "to": notice.to,
            "caused_by": notice.caused_by,
            "auction": auction_id,
            "version": notice.version,
            "amount": notice.amount,
            "now": now,
        },
    )
    return [row["user_id"] for row in rows]


def mailed_notification(
    connection: SyncConnection, notification_id: UUID
) -> MailedNotification | None:
    """What a mail about it tells now; None if it is gone, or its reader wants no mail any more."""
    row = connection.execute(MAILED, (notification_id,)).fetchone()
    if row is None:
        return None
    kind = NotificationKind(row["kind"])
    wanted = DEFAULTS[kind, NotificationChannel.EMAIL] if row["chosen"] is None else row["chosen"]
    if not wanted:
        return None
    return MailedNotification(kind, row["amount"], row["auction_id"], row["title"])


def forget_deleted(connection: SyncConnection, user_id: UUID | None = None) -> None:
    """Remove what a deleted user was told, mailed and chose; without an id, what is left of any."""
    connection.execute(FORGET_MAILS, {"user": user_id})
    connection.execute(FORGET, {"user": user_id})
    connection.execute(FORGET_PREFERENCES, {"user": user_id})
