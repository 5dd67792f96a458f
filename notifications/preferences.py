"""The kinds of notifications, the channels, and the defaults for both."""

from collections.abc import Mapping
from enum import StrEnum


class NotificationKind(StrEnum):
    """What a notification is about."""

    AUCTION_WON = "AUCTION_WON"
    AUCTION_LOST = "AUCTION_LOST"
    OUTBID = "OUTBID"
    MAX_BID_CHANGED = "MAX_BID_CHANGED"
    BID_DOUBLED = "BID_DOUBLED"
    ENDING_SOON = "ENDING_SOON"
    BID_REMOVED = "BID_REMOVED"
    AUCTION_CANCELLED = "AUCTION_CANCELLED"
    AUCTION_PAUSED = "AUCTION_PAUSED"
    AUCTION_RESUMED = "AUCTION_RESUMED"
    LOT_OFFERED = "LOT_OFFERED"
    LOT_LOST = "LOT_LOST"


class NotificationChannel(StrEnum):
    """How a notification reaches its reader."""

    IN_APP = "IN_APP"
    EMAIL = "EMAIL"


# The kinds about the highest bid: of these a user has at most one unread for each auction.
UPDATED_WHILE_UNREAD = frozenset({NotificationKind.OUTBID, NotificationKind.MAX_BID_CHANGED})

# What is told to those who watch the auction, too, whether they bid or not.
TO_WATCHERS = frozenset({NotificationKind.AUCTION_PAUSED, NotificationKind.AUCTION_RESUMED})
# What the house did: these are told with the reason that their event has, if it has one.
WITH_REASON = TO_WATCHERS | {
    NotificationKind.BID_REMOVED,
    NotificationKind.AUCTION_CANCELLED,
    NotificationKind.LOT_LOST,
}
# Of these a user gets mails unless they chose otherwise; the app shows all kinds.
MAILED = WITH_REASON | {
    NotificationKind.AUCTION_WON,
    NotificationKind.LOT_OFFERED,
    NotificationKind.OUTBID,
    NotificationKind.ENDING_SOON,
}
DEFAULTS: Mapping[tuple[NotificationKind, NotificationChannel], bool] = {
    (kind, channel): channel is NotificationChannel.IN_APP or kind in MAILED
    for kind in NotificationKind
    for channel in NotificationChannel
}
