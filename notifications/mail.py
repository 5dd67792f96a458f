"""Notifications by email: a text and an HTML part, and a link that ends them with one click."""

import random
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from psycopg.rows import DictRow

from commands.postgres.connections import Pool, SyncConnection
from notifications.preferences import NotificationKind
from notifications.wording import message

log = structlog.get_logger("notifications")

SALT = "notifications.unsubscribe"
# The pause before a mail is tried again doubles from a half to sixty minutes, give or take a quarter.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
TRIES = 10
NEXT = """
SELECT notifications.id, user_id, kind, auction_id, notifications.version, amount, mail_attempts,
       users.email, users.username, auctions.title
FROM notifications JOIN users ON users.id = user_id JOIN auctions ON auctions.id = auction_id
WHERE mail_after <= clock_timestamp()
ORDER BY mail_after LIMIT 1 FOR UPDATE OF notifications SKIP LOCKED
"""
SENT = "UPDATE notifications SET mail_after = NULL, mailed_at = clock_timestamp() WHERE id = %s"
LATER = """
UPDATE notifications SET mail_after = clock_timestamp() + %s, mail_attempts = mail_attempts + 1
WHERE id = %s
"""
DROP = "UPDATE notifications SET mail_after = NULL WHERE id = %s"
ANY_DUE = """
SELECT EXISTS (SELECT 1 FROM notifications WHERE mail_after <= clock_timestamp()) AS due
"""


def any_due(connection: SyncConnection) -> bool:
    """Whether a mail's time has come."""
    row = connection.execute(ANY_DUE).fetchone()
    return bool(row and row["due"])


def send_next(pool: Pool) -> bool:
    """Send the mail that is due longest, or have it tried again later; whether there was one.

    Its row is locked meanwhile, so nobody else sends it. Dying after the server took the mail,
    but before that is noted, sends it once more, with the same Message-ID.
    """
    with pool.connection() as connection, connection.transaction():
        due = connection.execute(NEXT).fetchone()
        if due is None:
            return False
        if due["email"] is None:
            connection.execute(DROP, (due["id"],))
            return True
        try:
            compose(due).send()
        except OSError as error:  # smtplib's errors are OSErrors, too.
            _try_later(connection, due, error)
        else:
            connection.execute(SENT, (due["id"],))
            log.info("mail sent", notification=str(due["id"]), kind=due["kind"])
    return True


def _try_later(connection: SyncConnection, due: DictRow, error: OSError) -> None:
    attempts = due["mail_attempts"] + 1
    if attempts >= TRIES:
        log.error("mail given up", notification=str(due["id"]), error=type(error).__name__)
        connection.execute(DROP, (due["id"],))
        return
    pause = min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE) * random.uniform(0.75, 1.25)  # noqa: S311 (jitter)
    connection.execute(LATER, (pause, due["id"]))
    log.warning("mail not sent yet", notification=str(due["id"]), error=type(error).__name__)


def compose(due: DictRow) -> EmailMultiAlternatives:
    """The mail about a notification."""
    kind = NotificationKind(due["kind"])
    text = message(kind, due["title"], due["amount"])
    base = settings.PUBLIC_URL.rstrip("/")
    unsubscribe = f"{base}/unsubscribe/{token(due['user_id'], kind)}"
    context: dict[str, Any] = {
        "name": due["username"],
        "message": text,
        "auction": f"{base}/#/auction/{due['auction_id']}",
        "unsubscribe": unsubscribe,
    }
    mail = EmailMultiAlternatives(
        subject=" ".join(text.split()),
        body=render_to_string("notifications/mail.txt", context),
        to=[due["email"]],
        headers={
            "Message-ID": f"<{due['id']}.{due['version']}@{urlsplit(base).hostname}>",
            # One click, as RFC 8058 has it.
            "List-Unsubscribe": f"<{unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
        },
    )
    mail.attach_alternative(render_to_string("notifications/mail.html", context), "text/html")
    return mail


def token(user_id: UUID, kind: NotificationKind) -> str:
    """What an unsubscribe link carries; it ends that kind's mails to that user, and nothing else."""
    return signing.dumps([str(user_id), kind.value], salt=SALT)


def read_token(text: str) -> tuple[UUID, NotificationKind]:
    """Whose mails of which kind are to end; signing.BadSignature if the link is not ours."""
    user_id, kind = signing.loads(text, salt=SALT)
    return UUID(user_id), NotificationKind(kind)
