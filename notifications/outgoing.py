"""Sending mails. Each is sent independently: an error with one is a failure of that mail only.

1. Claim a mail: count the attempt, and take a lease that is longer than a task can last.
2. Compose and send it, outside of transactions.
3. Settle it by its claim: sent, due again later, or given up.

If the process dies after the mail server accepted a mail and before it is settled, the mail is sent
again when the lease ends, with the same Message-ID.
"""

import random
import smtplib
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from commands.postgres.connections import Pool, SyncConnection
from commands.postgres.errors import in_brief
from notifications.postgres import mails
from notifications.postgres.mails import Outgoing

log = structlog.get_logger("notifications")

# The pause before a mail is tried again doubles from a half to sixty minutes, give or take a
# quarter: the last try comes some nine hours after the first.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
TRIES = 16


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one task, so that it ends long before Celery kills it.

    No mail is begun after `seconds`. `lease` is longer than a task can last (CELERY_TASK_TIME_LIMIT),
    so no process is still sending a mail whose lease has ended.
    """

    mails: int = 100
    seconds: float = 10.0
    lease: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Content:
    """A composed mail: subject, text and HTML part, and additional headers.

    It goes to its user's confirmed address unless `to` names another.
    """

    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)
    to: str | None = None


# Composes a mail when it is sent; None if it is not needed any more.
Composer = Callable[[SyncConnection, Outgoing], Content | None]
_composers: dict[str, Composer] = {}


def composes(kind: str) -> Callable[[Composer], Composer]:
    """Register the function that composes mails of the kind. Workers must import its module at start."""

    def register(composer: Composer) -> Composer:
        _composers[kind] = composer
        return composer

    return register


class _MailServer:
    """One connection to the mail server for a task's mails, reopened after each failure."""

    def __init__(self) -> None:
        self._backend = get_connection()
        self.away = False

    def send(self, message: EmailMultiAlternatives) -> None:
        """Send the message. Raises any error; afterwards `away` says whether no server answered."""
        self.away = True
        self._backend.open()
        self.away = False
        self._backend.send_messages([message])

    def close(self) -> None:
        """Close the connection; errors are ignored."""
        with suppress(Exception):
            self._backend.close()


def send_due(pool: Pool, limits: Limits = Limits()) -> bool:
    """Send mails that are due, one after the other, within the limits; whether more may be due.

    Without a mail server the rest are left for later, so that no attempt is counted for them.
    """
    until = time.monotonic() + limits.seconds
    server = _MailServer()
    try:
        for _ in range(limits.mails):
            if time.monotonic() >= until:
                return True
            with pool.connection() as connection:
                mail = mails.claim(connection, limits.lease)
            if mail is None:
                return False
            _send_one(pool, server, mail)
            if server.away:
                return False
        return True
    finally:
        server.close()


def _send_one(pool: Pool, server: _MailServer, mail: Outgoing) -> None:
    if mail.attempts > TRIES:
        # The process died at each attempt.
        return _give_up(pool, mail, None)
    try:
        message = _composed(pool, mail)
        if message:
            server.send(message)
    except Exception as error:
        server.close()
        return _failed(pool, mail, error)
    with pool.connection() as connection:
        (mails.sent if message else mails.drop)(connection, mail)
    if message:
        log.info("mail sent", mail=str(mail.id), kind=mail.kind, attempts=mail.attempts)
    return None


def _composed(pool: Pool, mail: Outgoing) -> EmailMultiAlternatives | None:
    with pool.connection() as connection:
        content = _composers[mail.kind](connection, mail)
    if content is None:
        return None
    to = content.to or mail.address
    if to is None:
        return None
    message = EmailMultiAlternatives(
        subject=" ".join(content.subject.split()),
        body=content.text,
        to=[to],
        headers={
            "Message-ID": f"<{mail.id}.{mail.version}@{urlsplit(settings.PUBLIC_URL).hostname}>",
            "Auto-Submitted": "auto-generated",
            **content.headers,
        },
    )
    message.attach_alternative(content.html, "text/html")
    return message


def _failed(pool: Pool, mail: Outgoing, error: Exception) -> None:
    if mail.attempts >= TRIES:
        return _give_up(pool, mail, described(error))
    pause = min(FIRST_PAUSE * 2 ** (mail.attempts - 1), LONGEST_PAUSE) * random.uniform(0.75, 1.25)  # noqa: S311 (jitter)
    with pool.connection() as connection:
        mails.failed(connection, mail, described(error), pause)
    log.warning(
        "mail not sent yet", mail=str(mail.id), attempts=mail.attempts, error=described(error)
    )
    return None


def _give_up(pool: Pool, mail: Outgoing, error: str | None) -> None:
    with pool.connection() as connection:
        mails.give_up(connection, mail, error)
    log.error("mail given up", mail=str(mail.id), kind=mail.kind, error=error)


def described(error: Exception) -> str:
    """The error in brief, and the mail server's code. Never its text, which may quote an address."""
    codes: list[int] = []
    if isinstance(error, smtplib.SMTPResponseException):
        codes = [error.smtp_code]
    elif isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
    return " ".join(map(str, [in_brief(error), *codes]))
