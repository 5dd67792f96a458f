"""SQL on the table `notifications`: writing them as the preferences say, and their mails."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from commands.postgres.connections import SyncConnection
from commands.postgres.users import mark_without_leftovers, with_leftovers
from notifications.notices import Notice
from notifications.postgres.mails import GAP, MAY_BE_MAILED
from notifications.postgres.preferences import mails_wanted
from notifications.postgres.progress import CurrentState
from notifications.preferences import (
    DEFAULTS,
    UPDATED_WHILE_UNREAD,
    NotificationChannel,
    NotificationKind,
)

# The kind of mail that is about a notification.
NOTIFICATION_MAIL = "NOTIFICATION"
ASKED = f"""
WITH asked AS (
    SELECT users.id AS user_id,
        coalesce((SELECT enabled FROM notification_preferences WHERE user_id = users.id
                  AND kind = %(kind)s AND channel = 'IN_APP'), %(in_app)s) AS in_app,
        coalesce((SELECT enabled FROM notification_preferences WHERE user_id = users.id
                  AND kind = %(kind)s AND channel = 'EMAIL'), %(email)s)
            AND {MAY_BE_MAILED} AS email
    FROM users WHERE deleted_at IS NULL AND id = ANY(
        CASE WHEN %(to)s::uuid[] IS NOT NULL THEN %(to)s::uuid[] ELSE ARRAY(
            SELECT DISTINCT bidder_id FROM bids
            WHERE auction_id = %(auction)s AND NOT deleted
              AND bidder_id IS DISTINCT FROM %(but)s::uuid
        ) END
    )
), wanted AS (
"""
WRITTEN = """
), written AS (
    INSERT INTO notifications (id, user_id, kind, auction_id, version, amount, in_app,
                               created_at, changed_at)
    SELECT gen_random_uuid(), user_id, kind, %(auction)s, %(version)s, %(amount)s, in_app,
           %(now)s, %(now)s
    FROM wanted
"""
UPDATED_KINDS = "kind IN ('MAX_BID_CHANGED', 'OUTBID')"
ONCE_PER_CAUSE = f"""{ASKED}
    SELECT user_id, %(kind)s::text AS kind, in_app, email FROM asked WHERE in_app OR email
{WRITTEN}
    ON CONFLICT (user_id, auction_id, kind, version) WHERE NOT {UPDATED_KINDS} DO NOTHING
    RETURNING id, user_id, version
"""
# An unread one is updated even if the user turned this kind off since. While OUTBID is unread it
# stays OUTBID when others raise the bid, until its user leads again.
ONE_WHILE_UNREAD = f"""{ASKED}
    SELECT user_id, email, asked.in_app OR coalesce(unread.in_app, false) AS in_app,
        CASE WHEN unread.kind = 'OUTBID' AND user_id IS DISTINCT FROM %(leader)s::uuid
            THEN 'OUTBID' ELSE %(kind)s::text END AS kind
    FROM asked LEFT JOIN LATERAL (
        SELECT id, kind, in_app FROM notifications WHERE user_id = asked.user_id
          AND auction_id = %(auction)s AND read_at IS NULL AND {UPDATED_KINDS}
        -- LIMIT has each user's row found by the index, instead of a scan of all rows.
        LIMIT 1
    ) AS unread ON true
    WHERE asked.in_app OR email OR (unread.id IS NOT NULL AND %(kind)s <> 'OUTBID')
{WRITTEN}
    ON CONFLICT (user_id, auction_id) WHERE {UPDATED_KINDS} AND read_at IS NULL
    DO UPDATE SET kind = excluded.kind, version = excluded.version, amount = excluded.amount,
        in_app = excluded.in_app, changed_at = excluded.changed_at
    WHERE notifications.version < excluded.version
    RETURNING id, user_id, version
"""
MARK_OUTDATED = f"""
UPDATE notifications SET read_at = %(now)s
WHERE user_id = ANY(%(users)s) AND auction_id = %(auction)s AND read_at IS NULL AND {UPDATED_KINDS}
  AND (user_id = %(leader)s::uuid OR NOT EXISTS (
      SELECT 1 FROM bids
      WHERE auction_id = %(auction)s AND bidder_id = user_id AND NOT deleted
  ))
RETURNING user_id
"""
# A mail that is waiting or being sent keeps its time; its content is composed when it is sent.
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
MAILED = f"""
SELECT kind, amount, user_id, auction_id, auctions.title
FROM notifications JOIN auctions ON auctions.id = auction_id
WHERE notifications.id = %s AND NOT (read_at IS NOT NULL AND {UPDATED_KINDS})
"""
FORGET_READ = """
DELETE FROM notifications WHERE id = ANY(ARRAY(
    SELECT id FROM notifications WHERE read_at < statement_timestamp() - %(age)s
    ORDER BY read_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
))
"""
FORGET_UNREAD = """
DELETE FROM notifications WHERE id = ANY(ARRAY(
    SELECT id FROM notifications
    WHERE read_at IS NULL AND changed_at < statement_timestamp() - %(age)s
    ORDER BY changed_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
))
"""
# Of those of the users who were deleted.
FORGET_OF_DELETED = """
DELETE FROM {table} USING users
WHERE users.id = user_id AND users.id = ANY(%s) AND users.deleted_at IS NOT NULL
"""
TABLES = ("mails", "notifications", "notification_preferences")


@dataclass(frozen=True, slots=True)
class MailedNotification:
    """What the mail about a notification is composed of."""

    kind: NotificationKind
    amount: Decimal
    auction_id: UUID
    title: str


def write_notice(
    connection: SyncConnection, auction_id: UUID, notice: Notice, reached: CurrentState
) -> list[UUID]:
    """Write a notice as notifications for all who want it; the users whose notifications changed."""
    rows = connection.execute(
        (ONE_WHILE_UNREAD if notice.kind in UPDATED_WHILE_UNREAD else ONCE_PER_CAUSE) + MAIL,
        {
            "mail": NOTIFICATION_MAIL,
            "gap": GAP,
            "kind": notice.kind.value,
            "in_app": DEFAULTS[notice.kind, NotificationChannel.IN_APP],
            "email": DEFAULTS[notice.kind, NotificationChannel.EMAIL],
            "to": None if notice.to is None else list(notice.to),
            "but": notice.but,
            "leader": reached.leading and reached.leading.bidder_id,
            "auction": auction_id,
            "version": notice.version,
            "amount": notice.amount,
            "now": reached.now,
        },
    )
    return [row["user_id"] for row in rows]


def mark_outdated_read(
    connection: SyncConnection, auction_id: UUID, users: Collection[UUID], reached: CurrentState
) -> set[UUID]:
    """Mark as read the unread notifications about the highest bid that are out of date.

    These are the notifications of those of the users who lead now or have no live bid any more.
    Returns the users whose notifications changed.
    """
    rows = connection.execute(
        MARK_OUTDATED,
        {
            "users": list(users),
            "auction": auction_id,
            "leader": reached.leading and reached.leading.bidder_id,
            "now": reached.now,
        },
    )
    return {row["user_id"] for row in rows}


def mailed_notification(
    connection: SyncConnection, notification_id: UUID
) -> MailedNotification | None:
    """What its mail is composed of now; None if it is gone, out of date, read, or not wanted any more."""
    row = connection.execute(MAILED, (notification_id,)).fetchone()
    if row is None:
        return None
    kind = NotificationKind(row["kind"])
    # OUTBID and the changes after it share one mail, so either preference will do.
    wanted_as = UPDATED_WHILE_UNREAD if kind in UPDATED_WHILE_UNREAD else {kind}
    if not any(mails_wanted(connection, row["user_id"])[each] for each in wanted_as):
        return None
    return MailedNotification(kind, row["amount"], row["auction_id"], row["title"])


def forget_deleted(connection: SyncConnection, user_ids: Collection[UUID]) -> None:
    """Delete the notifications, mails and preferences of those of the users who were deleted."""
    for table in TABLES:
        connection.execute(FORGET_OF_DELETED.format(table=table), (list(user_ids),))


def forget_leftovers(connection: SyncConnection) -> None:
    """Delete what is left of deleted users whose wake-up was lost, or was written beside their deletion."""
    users = with_leftovers(connection)
    if users:
        forget_deleted(connection, users)
        mark_without_leftovers(connection, [id for id, last in users.items() if last])
