"""Notifications as mails: a text and an HTML part, and a link to unsubscribe with one click."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.template.loader import render_to_string

from commands.postgres.connections import SyncConnection
from notifications.outgoing import Content, composes
from notifications.postgres.mails import Outgoing
from notifications.postgres.notifications import NOTIFICATION_MAIL, mailed_notification
from notifications.preferences import NotificationKind
from notifications.wording import message

SALT = "notifications.unsubscribe"


@composes(NOTIFICATION_MAIL)
def compose(connection: SyncConnection, mail: Outgoing) -> Content | None:
    """The mail about a notification as it is now; None if it is not wanted or out of date."""
    assert mail.notification_id is not None
    notification = mailed_notification(connection, mail.notification_id)
    if notification is None:
        return None
    told = (notification.kind, notification.title, notification.amount)
    text = message(*told, notification.reason)
    base = settings.PUBLIC_URL.rstrip("/")
    unsubscribe = f"{base}/unsubscribe/{token(mail.user_id, notification.kind)}"
    context: dict[str, Any] = {
        "name": mail.username,
        "message": text,
        "auction": f"{base}/#/auction/{notification.auction_id}",
        "unsubscribe": unsubscribe,
    }
    return Content(
        # A reason may be long.
        subject=message(*told),
        text=render_to_string("notifications/mail.txt", context),
        html=render_to_string("notifications/mail.html", context),
        headers={
            # One click, as RFC 8058 has it.
            "List-Unsubscribe": f"<{unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )


def token(user_id: UUID, kind: NotificationKind) -> str:
    """The signed token in an unsubscribe link, for that kind of mail to that user."""
    return signing.dumps([str(user_id), kind.value], salt=SALT)


def read_token(text: str) -> tuple[UUID, NotificationKind]:
    """The user and kind in the token; signing.BadSignature if it is forged."""
    user_id, kind = signing.loads(text, salt=SALT)
    return UUID(user_id), NotificationKind(kind)
