"""Sending mails, each on its own: whatever goes wrong with one is counted as its failure alone.

1. Claim a mail: count the attempt, and lease it for longer than a task can last.
2. Compose and send it, outside any transaction.
3. Settle it by its claim: sent, to be tried again later, or given up.

Dying after the server took a mail, but before it is settled, sends it once more when the lease ends,
with the same Message-ID.
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
    """How much one task does, so that it ends long before Celery ends it.

    No mail is begun after `seconds`. `lease` is longer than a task can last (CELERY_TASK_TIME_LIMIT),
    so a mail whose lease ended is in nobody's hands.
    """

    mails: int = 100
    seconds: float = 10.0
    lease: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Content:
    """What a mail says: a subject, a text and an HTML part, and headers of its own.

    It goes to its user's confirmed address unless `to` names another.
    """

    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)
    to: str | None = None


# Makes a mail's content when it is sent; None if there is nothing to say any more.
Composer = Callable[[SyncConnection, Outgoing], Content | None]
_composers: dict[str, Composer] = {}


def composes(kind: str) -> Callable[[Composer], Composer]:
    """Register what composes mails of the kind; its module must be imported where workers start."""

    def register(composer: Composer) -> Composer:
        _composers[kind] = composer
        return composer

    return register


class _MailServer:
    """One connection to the mail server for a task's mails, opened anew after each failure."""

    def __init__(self) -> None:
        self._backend = get_connection()
        self.away = False

    def send(self, message: EmailMultiAlternatives) -> None:
        """Hand the message over; raises whatever is wrong, `away` tells that no server answers."""
        self.away = True
        self._backend.open()
        self.away = False
        self._backend.send_messages([message])

    def close(self) -> None:
        """Whatever the server says to that."""
        with suppress(Exception):
            self._backend.close()


def send_due(pool: Pool, limits: Limits = Limits()) -> bool:
    """Send mails that are due, one after the other, within the limits; whether to go on at once.

    Without a mail server the others are left for later, instead of having a try counted each.
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
        # Each try ended without a word, with the process that made it.
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
