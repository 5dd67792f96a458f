"""Notifications: written for whoever wants them, read by their reader."""

from datetime import datetime
from uuid import UUID

from commands.postgres.connections import SyncConnection
from notifications.notices import Notice
from notifications.preferences import DEFAULTS, NotificationChannel, NotificationKind

# How long the next mail about an auction's highest bid waits for the last one.
MAIL_GAP = "1 hour"
WANTED = """
WITH wanted AS (
    SELECT users.id AS user_id,
        coalesce((SELECT enabled FROM notification_preferences WHERE user_id = users.id
                  AND kind = %(kind)s AND channel = 'IN_APP'), %(in_app)s) AS in_app,
        coalesce((SELECT enabled FROM notification_preferences WHERE user_id = users.id
                  AND kind = %(kind)s AND channel = 'EMAIL'), %(email)s)
            AND users.email IS NOT NULL AS email
    FROM users WHERE deleted_at IS NULL AND id = ANY(
        CASE WHEN %(to)s::uuid IS NOT NULL THEN ARRAY[%(to)s::uuid] ELSE ARRAY(
            SELECT DISTINCT bidder_id FROM bids
            WHERE auction_id = %(auction)s AND NOT deleted
              AND bidder_id IS DISTINCT FROM %(caused_by)s::uuid
        ) END
    )
)
INSERT INTO notifications (id, user_id, kind, auction_id, version, amount, in_app,
                           created_at, changed_at, mail_after, mail_attempts)
SELECT gen_random_uuid(), user_id, %(kind)s, %(auction)s, %(version)s, %(amount)s, in_app,
       %(now)s, %(now)s, CASE WHEN email THEN %(now)s::timestamptz END, 0
FROM wanted WHERE in_app OR email
"""
ONCE_PER_CAUSE = """
ON CONFLICT (user_id, auction_id, kind, version) WHERE NOT kind = 'MAX_BID_CHANGED' DO NOTHING
RETURNING user_id
"""
ONE_WHILE_UNREAD = f"""
ON CONFLICT (user_id, auction_id) WHERE kind = 'MAX_BID_CHANGED' AND read_at IS NULL
DO UPDATE SET version = excluded.version, amount = excluded.amount, in_app = excluded.in_app,
    changed_at = excluded.changed_at, mail_attempts = 0,
    mail_after = CASE WHEN excluded.mail_after IS NOT NULL THEN
        greatest(excluded.mail_after, notifications.mailed_at + interval '{MAIL_GAP}') END
WHERE notifications.version < excluded.version
RETURNING user_id
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


def tell(connection: SyncConnection, auction_id: UUID, notice: Notice, now: datetime) -> list[UUID]:
    """Write a notice for everybody who wants it; whose notifications are new or changed."""
    once = notice.kind is not NotificationKind.MAX_BID_CHANGED
    rows = connection.execute(
        WANTED + (ONCE_PER_CAUSE if once else ONE_WHILE_UNREAD),
        {
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


def forget_deleted(connection: SyncConnection, user_id: UUID | None = None) -> None:
    """Remove what a deleted user was told and chose; without an id, what is left of any."""
    connection.execute(FORGET, {"user": user_id})
    connection.execute(FORGET_PREFERENCES, {"user": user_id})
