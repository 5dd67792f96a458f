"""What ends of notifications and mails, and when."""

from django.conf import settings

from commands.postgres.pruning import Ending
from notifications.postgres.mails import FORGET_SETTLED
from notifications.postgres.notifications import FORGET_READ, FORGET_UNREAD
from notifications.postgres.watches import FORGET_WATCHES


def endings() -> list[Ending]:
    """Read and unread notifications, watches of auctions that ended, and mails that were sent or given up."""
    return [
        Ending("read notifications", FORGET_READ, settings.READ_NOTIFICATIONS_KEPT),
        Ending("unread notifications", FORGET_UNREAD, settings.UNREAD_NOTIFICATIONS_KEPT),
        Ending("watches", FORGET_WATCHES, settings.WATCHES_KEPT),
        Ending("mails", FORGET_SETTLED, settings.MAILS_KEPT),
    ]
