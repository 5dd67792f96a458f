"""The table `mails`: what is to be sent, who is sending it, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from commands.postgres.connections import SyncConnection

# Who may get mails, said of a row of `users`; in CLAIM and in whatever enqueues by itself.
MAY_BE_MAILED = "users.deleted_at IS NULL AND users.email_confirmed_at IS NOT NULL"
ENQUEUE = """
INSERT INTO mails (id, user_id, kind, context, version, urgent, due, attempts, given_up)
VALUES (gen_random_uuid(), %(user)s, %(kind)s, %(context)s, 0, true, clock_timestamp(), 0, false)
"""
# The attempt is counted before it is made, and the mail is due again when its lease ends: whoever
# dies over a mail has had an attempt. `claim` tells one attempt from the next.
CLAIM = f"""
WITH claimed AS (
    UPDATE mails SET attempts = attempts + 1, claim = gen_random_uuid(),
        due = clock_timestamp() + %(lease)s
    WHERE id = (
        SELECT id FROM mails WHERE due <= clock_timestamp()
        ORDER BY urgent DESC, due LIMIT 1 FOR UPDATE SKIP LOCKED
    )
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
# One that changed while it was on its way goes once more.
SENT = """
UPDATE mails SET claim = NULL, error = NULL, settled_at = clock_timestamp(), attempts = 0,
    due = CASE WHEN version > %(version)s THEN clock_timestamp() + %(gap)s END
WHERE id = %(id)s AND claim = %(claim)s
"""
FAILED = """
UPDATE mails SET claim = NULL, error = %(error)s, due = clock_timestamp() + %(pause)s
WHERE id = %(id)s AND claim = %(claim)s
"""
GIVEN_UP = """
UPDATE mails SET claim = NULL, error = coalesce(%(error)s, error), due = NULL, given_up = true,
    settled_at = clock_timestamp()
WHERE id = %(id)s AND claim = %(claim)s
"""
DROP = "DELETE FROM mails WHERE id = %(id)s AND claim = %(claim)s"
ANY_DUE = "SELECT EXISTS (SELECT 1 FROM mails WHERE due <= clock_timestamp()) AS due"
FORGET_SETTLED = """
DELETE FROM mails WHERE id IN (
    SELECT id FROM mails WHERE due IS NULL AND settled_at < clock_timestamp() - %s LIMIT %s
)
"""
COUNTS = """
SELECT (SELECT count(*) FROM mails WHERE due IS NOT NULL) AS waiting,
       (SELECT count(*) FROM mails WHERE given_up) AS given_up
"""

# How long the next mail about the same notification waits for the last one.
GAP = timedelta(hours=1)
# How long operators can see what became of a mail.
KEPT_FOR = timedelta(days=30)
# Rows removed at once.
CHUNK = 5_000


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
    """What ENQUEUE needs."""
    return {"user": user_id, "kind": kind, "context": Jsonb(dict(context))}


def claim(connection: SyncConnection, lease: timedelta) -> Outgoing | None:
    """The next mail that is due: those that people wait for first, then the one due longest."""
    row = connection.execute(CLAIM, {"lease": lease}).fetchone()
    return Outgoing(**row) if row else None


def sent(connection: SyncConnection, mail: Outgoing) -> None:
    """The server took it."""
    connection.execute(SENT, _named(mail) | {"version": mail.version, "gap": GAP})


def failed(connection: SyncConnection, mail: Outgoing, error: str, pause: timedelta) -> None:
    """It is tried again after the pause."""
    connection.execute(FAILED, _named(mail) | {"error": error, "pause": pause})


def give_up(connection: SyncConnection, mail: Outgoing, error: str | None) -> None:
    """It is not tried again; None keeps the error of the last try."""
    connection.execute(GIVEN_UP, _named(mail) | {"error": error})


def drop(connection: SyncConnection, mail: Outgoing) -> None:
    """There is nothing to send any more."""
    connection.execute(DROP, _named(mail))


def _named(mail: Outgoing) -> dict[str, Any]:
    return {"id": mail.id, "claim": mail.claim}


def any_due(connection: SyncConnection) -> bool:
    """Whether a mail's time has come."""
    row = connection.execute(ANY_DUE).fetchone()
    return bool(row and row["due"])


def forget_settled(connection: SyncConnection) -> None:
    """Remove what was sent or given up long ago."""
    connection.execute(FORGET_SETTLED, (KEPT_FOR, CHUNK))


def counts(connection: SyncConnection) -> dict[str, int]:
    """How many mails wait, and how many were given up in the time that they are kept."""
    row = connection.execute(COUNTS).fetchone()
    assert row is not None
    return row
