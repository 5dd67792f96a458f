"""SQL on the table `mails`: enqueueing, claiming and settling mails."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from commands.postgres.connections import SyncConnection

# The condition for a row of `users` to get mails; used in CLAIM and wherever mails are enqueued.
MAY_BE_MAILED = "users.deleted_at IS NULL AND users.email_confirmed_at IS NOT NULL"
ENQUEUE = """
INSERT INTO mails (id, user_id, kind, context, version, urgent, due, attempts, given_up)
VALUES (gen_random_uuid(), %(user)s, %(kind)s, %(context)s, 0, true, clock_timestamp(), 0, false)
"""
# The attempt is counted before it is made, and the mail is due again when its lease ends, so an
# attempt in which the process dies is counted, too. Each attempt has its own `claim`.
NEXT_DUE = """
SELECT id FROM mails WHERE {} AND due <= statement_timestamp()
ORDER BY due LIMIT 1 FOR UPDATE SKIP LOCKED
"""
CLAIM = f"""
WITH claimed AS (
    UPDATE mails SET attempts = attempts + 1, claim = gen_random_uuid(),
        due = clock_timestamp() + %(lease)s
    WHERE id = coalesce(({NEXT_DUE.format("urgent")}), ({NEXT_DUE.format("NOT urgent")}))
    RETURNING id, user_id, kind, context, notification_id, version, attempts, claim
)
SELECT claimed.*, users.username, users.email AS address
FROM claimed LEFT JOIN users ON users.id = claimed.user_id AND {MAY_BE_MAILED}
"""
ENQUEUE_RESET = f"""
INSERT INTO mails (id, user_id, kind, context, version, urgent, due, attempts, given_up)
SELECT gen_random_uuid(), users.id, %(kind)s::text, '{{}}'::jsonb, 0, true, clock_timestamp(), 0, false
FROM users WHERE (lower(username) = lower(%(who)s) OR lower(email) = lower(%(who)s))
  AND {MAY_BE_MAILED} AND NOT EXISTS (
      SELECT 1 FROM mails WHERE user_id = users.id AND kind = %(kind)s::text AND due IS NOT NULL
  )
LIMIT 10
RETURNING id
"""
# If its notification changed while it was being sent, it is due once more. What a mail is made of may
# hold an address that is its user's no more: it is kept no longer than the mail needs it.
SENT = """
UPDATE mails SET claim = NULL, error = NULL, settled_at = clock_timestamp(), attempts = 0,
    context = CASE WHEN version > %(version)s THEN context ELSE '{}' END,
    due = CASE WHEN version > %(version)s THEN clock_timestamp() + %(gap)s END
WHERE id = %(id)s AND claim = %(claim)s
"""
FAILED = """
UPDATE mails SET claim = NULL, error = %(error)s, due = clock_timestamp() + %(pause)s
WHERE id = %(id)s AND claim = %(claim)s
"""
GIVEN_UP = """
UPDATE mails SET claim = NULL, error = coalesce(%(error)s, error), due = NULL, given_up = true,
    context = '{}', settled_at = clock_timestamp()
WHERE id = %(id)s AND claim = %(claim)s
"""
DROP = "DELETE FROM mails WHERE id = %(id)s AND claim = %(claim)s"
ANY_DUE = """
SELECT EXISTS (SELECT 1 FROM mails WHERE urgent AND due <= statement_timestamp())
    OR EXISTS (SELECT 1 FROM mails WHERE NOT urgent AND due <= statement_timestamp()) AS due
"""
FORGET_SETTLED = """
DELETE FROM mails WHERE id = ANY(ARRAY(
    SELECT id FROM mails WHERE due IS NULL AND settled_at < statement_timestamp() - %(age)s
    ORDER BY settled_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
))
"""
COUNTS = """
SELECT (SELECT count(*) FROM mails WHERE due IS NOT NULL) AS waiting,
       (SELECT count(*) FROM mails WHERE given_up) AS given_up
"""

# The least time between two mails about the same notification.
GAP = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A mail that this process may send until its lease ends; `attempts` counts this one.

    `address` is None if its user may not be mailed.
    """

    id: UUID
    user_id: UUID
    kind: str
    context: Mapping[str, Any]
    notification_id: UUID | None
    version: int
    attempts: int
    claim: UUID
    username: str | None
    address: str | None


def enqueue_parameters(user_id: UUID, kind: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of ENQUEUE."""
    return {"user": user_id, "kind": kind, "context": Jsonb(dict(context))}


def claim(connection: SyncConnection, lease: timedelta) -> Outgoing | None:
    """Claim the next mail that is due: urgent ones first, then the one due longest; None if none is."""
    row = connection.execute(CLAIM, {"lease": lease}).fetchone()
    return Outgoing(**row) if row else None


def sent(connection: SyncConnection, mail: Outgoing) -> None:
    """Settle the mail as sent."""
    connection.execute(SENT, _named(mail) | {"version": mail.version, "gap": GAP})


def failed(connection: SyncConnection, mail: Outgoing, error: str, pause: timedelta) -> None:
    """Make the mail due again after the pause."""
    connection.execute(FAILED, _named(mail) | {"error": error, "pause": pause})


def give_up(connection: SyncConnection, mail: Outgoing, error: str | None) -> None:
    """Settle the mail as given up; without an error that of the last attempt is kept."""
    connection.execute(GIVEN_UP, _named(mail) | {"error": error})


def drop(connection: SyncConnection, mail: Outgoing) -> None:
    """Delete the mail: there is nothing to send any more."""
    connection.execute(DROP, _named(mail))


def _named(mail: Outgoing) -> dict[str, Any]:
    return {"id": mail.id, "claim": mail.claim}


def any_due(connection: SyncConnection) -> bool:
    """Whether a mail is due."""
    row = connection.execute(ANY_DUE).fetchone()
    return bool(row and row["due"])


def counts(connection: SyncConnection) -> dict[str, int]:
    """How many mails wait, and how many of those still kept were given up."""
    row = connection.execute(COUNTS).fetchone()
    assert row is not None
    return row
