"""What people are told about, and how, unless they choose otherwise."""

from collections.abc import Mapping
from enum import StrEnum


class NotificationKind(StrEnum):
    """What a notification is about."""

    AUCTION_WON = "AUCTION_WON"
    AUCTION_LOST = "AUCTION_LOST"
    OUTBID = "OUTBID"
    MAX_BID_CHANGED = "MAX_BID_CHANGED"
    BID_DOUBLED = "BID_DOUBLED"


class NotificationChannel(StrEnum):
    """How a notification reaches its reader."""

    IN_APP = "IN_APP"
    EMAIL = "EMAIL"


# What tells how an auction stands. Of these a reader has one unread at most for each auction.
UPDATED_WHILE_UNREAD = frozenset({NotificationKind.OUTBID, NotificationKind.MAX_BID_CHANGED})

# An email for what is won, and for what is lost unless one acts; the rest is seen in the app.
DEFAULTS: Mapping[tuple[NotificationKind, NotificationChannel], bool] = {
    (kind, channel): channel is NotificationChannel.IN_APP
    or kind in {NotificationKind.AUCTION_WON, NotificationKind.OUTBID}
    for kind in NotificationKind
    for channel in NotificationChannel
}
