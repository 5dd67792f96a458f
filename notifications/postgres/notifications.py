"""SQL on the table `notifications`: writing them as the preferences say, and their mails."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from commands.domain.hidden import LOST
from commands.postgres.aliases import forget_deleted_behind
from commands.postgres.connections import SyncConnection
from commands.postgres.rows import as_json
from commands.postgres.users import destroy_keys_left, mark_without_leftovers, with_leftovers
from notifications.notices import Notice
from notifications.people import UNMASKED, People
from notifications.postgres.addressees import UPDATED_KINDS
from notifications.postgres.mails import GAP, MAY_BE_MAILED
from notifications.postgres.preferences import mails_wanted
from notifications.postgres.progress import CurrentState
from notifications.preferences import (
    DEFAULTS,
    UPDATED_WHILE_UNREAD,
    WITH_REASON,
    NotificationChannel,
    NotificationKind,
)

SEALED = "Amounts are hidden until then."
# Of a kind that is told with one: it stays where it is, in the event that caused the notification. Where bids are
# sealed, that is why no amount is told. Of an offer it is until when it can be answered, of one that lapsed there is none.
# The winner's offer follows on the announcement.
UNTIL = """(
    SELECT to_char((data->>'until')::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"') FROM events
    WHERE stream_id = notifications.auction_id AND events.version = notifications.version{behind}
)"""
REASON = f"""
CASE WHEN kind = '{NotificationKind.LOT_OFFERED}' THEN {UNTIL.format(behind="")}
WHEN kind = '{NotificationKind.AUCTION_WON}' AND auctions.rules ? 'second_chance' THEN {UNTIL.format(behind=" + 1")}
WHEN kind = '{NotificationKind.LOT_LOST}' THEN (
    SELECT data->>'reason' FROM events
    WHERE stream_id = notifications.auction_id AND events.version = notifications.version
) WHEN kind IN ({", ".join(repr(kind.value) for kind in sorted(WITH_REASON))}) THEN (
    SELECT coalesce(data->>'reason', '{LOST}') FROM events
    WHERE stream_id = notifications.auction_id AND events.version = notifications.version
) WHEN kind = 'ENDING_SOON' AND auctions.rules ? 'sealed' THEN '{SEALED}' END AS reason"""
# The kind of mail that is about a notification.
NOTIFICATION_MAIL = "NOTIFICATION"
ASKED = f"""
WITH notice AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(notices)s) AS (
        place int, auction_id uuid, kind text, version int, amount numeric, addressees uuid[],
        leader uuid, in_app bool, email bool
    )
), addressed AS MATERIALIZED (
    SELECT place, user_id FROM notice CROSS JOIN LATERAL unnest(addressees) AS _ (user_id)
), asked AS MATERIALIZED (
    SELECT notice.place, users.id AS user_id,
        coalesce(seen.enabled, notice.in_app) AS in_app,
        coalesce(mailed.enabled, notice.email) AND {MAY_BE_MAILED} AS email
    FROM addressed JOIN notice USING (place) JOIN users ON users.id = user_id
    LEFT JOIN notification_preferences AS seen ON seen.user_id = users.id
        AND seen.kind = notice.kind AND seen.channel = 'IN_APP'
    LEFT JOIN notification_preferences AS mailed ON mailed.user_id = users.id
        AND mailed.kind = notice.kind AND mailed.channel = 'EMAIL'
    WHERE users.deleted_at IS NULL
), wanted AS MATERIALIZED (
"""
WRITTEN = """
), written AS (
    INSERT INTO notifications (id, user_id, kind, auction_id, version, amount, in_app,
                               created_at, changed_at)
    SELECT gen_random_uuid(), user_id, kind, auction_id, version, amount, in_app,
           statement_timestamp(), statement_timestamp()
    FROM wanted
"""
RETURNING = "RETURNING id, user_id, auction_id, kind, version"
ONCE_PER_CAUSE = f"""{ASKED}
    SELECT user_id, notice.auction_id, notice.kind, notice.version, notice.amount,
        asked.in_app, asked.email
    FROM asked JOIN notice USING (place) WHERE asked.in_app OR asked.email
{WRITTEN}
    ON CONFLICT (user_id, auction_id, kind, version) WHERE NOT {UPDATED_KINDS} DO NOTHING
    {RETURNING}
"""
# An unread one is updated even if the user turned this kind off since. While OUTBID is unread it
# stays OUTBID when others raise the bid, until its user leads again. Of two notices for a user in
# an auction the first counts: OUTBID.
ONE_WHILE_UNREAD = f"""{ASKED}
    SELECT DISTINCT ON (notice.auction_id, user_id)
        user_id, notice.auction_id, notice.version, notice.amount, asked.email,
        asked.in_app OR coalesce(unread.in_app, false) AS in_app,
        CASE WHEN unread.kind = 'OUTBID' AND user_id IS DISTINCT FROM notice.leader
            THEN 'OUTBID' ELSE notice.kind END AS kind
    FROM asked JOIN notice USING (place) LEFT JOIN LATERAL (
        SELECT id, kind, in_app FROM notifications WHERE user_id = asked.user_id
          AND auction_id = notice.auction_id AND read_at IS NULL AND {UPDATED_KINDS}
        -- LIMIT has each user's row found by the index, instead of a scan of all rows.
        LIMIT 1
    ) AS unread ON true
    WHERE asked.in_app OR asked.email OR (unread.id IS NOT NULL AND notice.kind <> 'OUTBID')
    ORDER BY notice.auction_id, user_id, place
{WRITTEN}
    ON CONFLICT (user_id, auction_id) WHERE {UPDATED_KINDS} AND read_at IS NULL
    DO UPDATE SET kind = excluded.kind, version = excluded.version, amount = excluded.amount,
        in_app = excluded.in_app, changed_at = excluded.changed_at
    WHERE notifications.version < excluded.version
    {RETURNING}
"""
# A user's notification and live bids are found by their indexes, whatever the statistics say: LIMIT
# keeps the planner from scanning all rows once for all users.
MARK_OUTDATED = f"""
UPDATE notifications SET read_at = statement_timestamp()
WHERE read_at IS NULL AND id = ANY(ARRAY(
    SELECT unread.id
    FROM json_to_recordset(%s) AS named (auction_id uuid, user_id uuid, bidder_id uuid, leader uuid)
    CROSS JOIN LATERAL (
        SELECT id FROM notifications WHERE user_id = named.user_id
          AND auction_id = named.auction_id AND read_at IS NULL AND {UPDATED_KINDS}
        LIMIT 1
    ) AS unread
    LEFT JOIN LATERAL (
        SELECT true AS live FROM bids
        WHERE auction_id = named.auction_id AND bidder_id = named.bidder_id AND NOT deleted
        LIMIT 1
    ) AS bid ON true
    WHERE named.bidder_id = named.leader OR live IS NULL
))
RETURNING auction_id, user_id
"""
# A mail that is waiting or being sent keeps its time; its content is composed when it is sent. IS TRUE has
# those who want a mail looked up by a hash: as a join, which the planner takes for one of two or three rows,
# each of thousands was compared with each.
MAIL = """
), mailed AS (
    INSERT INTO mails (id, user_id, kind, notification_id, context, version, urgent, due, attempts,
                       given_up)
    SELECT gen_random_uuid(), user_id, %(mail)s, id, '{}', version, false, statement_timestamp(), 0,
           false
    FROM written WHERE ((user_id, auction_id, kind::text, version) IN (
        SELECT user_id, auction_id, kind::text, version FROM wanted WHERE email
    )) IS TRUE
    ON CONFLICT (notification_id) DO UPDATE SET version = excluded.version, given_up = false,
        attempts = CASE WHEN mails.due IS NULL THEN 0 ELSE mails.attempts END,
        due = coalesce(mails.due, greatest(excluded.due, mails.settled_at + %(gap)s))
    RETURNING notification_id
)
SELECT auction_id, user_id, id IN (SELECT notification_id FROM mailed) AS mailed FROM written
"""
MAILED = f"""
SELECT kind, amount, {REASON}, user_id, auction_id, auctions.title
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
# Of those of the users who were deleted; in the order in which others lock them, too.
FORGET_OF_DELETED = """
DELETE FROM {table} WHERE id = ANY(ARRAY(
    SELECT mine.id FROM {table} AS mine JOIN users ON users.id = mine.user_id
    WHERE users.id = ANY(%s) AND users.deleted_at IS NOT NULL
    ORDER BY {order} FOR UPDATE OF mine
))
"""
# Watches before notifications, and these before their mails, as they are written.
TABLES = {
    "watches": "mine.id",
    "notifications": "mine.id",
    "mails": "mine.id",
    "notification_preferences": "mine.user_id, mine.kind, mine.channel",
}


@dataclass(frozen=True, slots=True)
class MailedNotification:
    """What the mail about a notification is composed of."""

    kind: NotificationKind
    amount: Decimal | None
    reason: str | None
    auction_id: UUID
    title: str


@dataclass(slots=True)
class Users:
    """By auction, users whose notifications changed; and whether any are to be mailed."""

    by_auction: dict[UUID, set[UUID]] = field(default_factory=dict)
    mailed: bool = False

    def add(self, rows: Iterable[DictRow]) -> None:
        """Add those of rows of auction_id and user_id, and `mailed` where a mail was enqueued."""
        for row in rows:
            self.by_auction.setdefault(row["auction_id"], set()).add(row["user_id"])
            self.mailed = self.mailed or row.get("mailed", False)


def write_notices(
    connection: SyncConnection,
    notices: Sequence[tuple[UUID, Notice]],
    states: Mapping[UUID, CurrentState],
    people: People = UNMASKED,
) -> list[DictRow]:
    """Write auctions' notices as notifications for those of their addressees who want them, in two statements.

    Rows of auction_id and user_id whose notifications changed, and whether they are mailed.
    """
    written: list[DictRow] = []
    rows = [_row(place, each, states[each[0]], people) for place, each in enumerate(notices)]
    for statement, kinds in (
        (ONCE_PER_CAUSE, set(NotificationKind) - UPDATED_WHILE_UNREAD),
        (ONE_WHILE_UNREAD, UPDATED_WHILE_UNREAD),
    ):
        if chosen := [row for row in rows if row["kind"] in kinds]:
            values = {"mail": NOTIFICATION_MAIL, "gap": GAP, "notices": as_json(chosen)}
            written += connection.execute(statement + MAIL, values)
    return written


def _row(
    place: int, addressed: tuple[UUID, Notice], state: CurrentState, people: People
) -> dict[str, Any]:
    auction_id, notice = addressed
    assert notice.to is not None, "a page of all bidders is named"
    return {
        "place": place,
        "auction_id": auction_id,
        "kind": notice.kind,
        "version": notice.version,
        "amount": notice.amount,
        "addressees": list(notice.to),
        "leader": people.leader(auction_id, state),
        "in_app": DEFAULTS[notice.kind, NotificationChannel.IN_APP],
        "email": DEFAULTS[notice.kind, NotificationChannel.EMAIL],
    }


def mark_outdated_read(
    connection: SyncConnection,
    bidders: Mapping[UUID, Collection[UUID]],
    states: Mapping[UUID, CurrentState],
    people: People,
) -> list[DictRow]:
    """Mark as read the unread notifications about the highest bids that are out of date.

    These are, by auction, the notifications of those of the bidders who lead now or have no live bid
    any more. Rows of auction_id and user_id whose notifications changed.
    """
    rows = [
        {
            "auction_id": id,
            "user_id": user,
            "bidder_id": bidder,
            "leader": leading and leading.bidder_id,
        }
        for id, each in bidders.items()
        for leading in [states[id].leading]
        for bidder, user in people.users(id, each).items()
    ]
    return connection.execute(MARK_OUTDATED, (as_json(rows),)).fetchall() if rows else []


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
    return MailedNotification(kind, row["amount"], row["reason"], row["auction_id"], row["title"])


def forget_deleted(connection: SyncConnection, user_ids: Collection[UUID]) -> None:
    """Delete the watches, notifications, mails and preferences of those of the users who were deleted.

    And forget which aliases they had, where no bids are left to be withdrawn.
    """
    for table, order in TABLES.items():
        connection.execute(FORGET_OF_DELETED.format(table=table, order=order), (list(user_ids),))
    forget_deleted_behind(connection, user_ids)


def forget_leftovers(connection: SyncConnection) -> None:
    """Delete what is left of deleted users whose wake-up was lost, or was written beside their deletion."""
    users = with_leftovers(connection)
    if users:
        destroy_keys_left(connection, users)
        forget_deleted(connection, users)
        mark_without_leftovers(connection, [id for id, last in users.items() if last])
