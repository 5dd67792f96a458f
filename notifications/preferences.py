"""What people are told about, and how, unless they choose otherwise."""

from collections.abc import Mapping
from enum import StrEnum


class NotificationKind(StrEnum):
    """What a notification is about."""

    AUCTION_WON = "AUCTION_WON"
    MAX_BID_CHANGED = "MAX_BID_CHANGED"
    BID_DOUBLED = "BID_DOUBLED"


class NotificationChannel(StrEnum):
    """How a notification reaches its reader."""

    IN_APP = "IN_APP"
    EMAIL = "EMAIL"


# An email for what ends the matter; the rest is seen in the app.
DEFAULTS: Mapping[tuple[NotificationKind, NotificationChannel], bool] = {
    (NotificationKind.AUCTION_WON, NotificationChannel.IN_APP): True,
    (NotificationKind.AUCTION_WON, NotificationChannel.EMAIL): True,
    (NotificationKind.MAX_BID_CHANGED, NotificationChannel.IN_APP): True,
    (NotificationKind.MAX_BID_CHANGED, NotificationChannel.EMAIL): False,
    (NotificationKind.BID_DOUBLED, NotificationChannel.IN_APP): True,
    (NotificationKind.BID_DOUBLED, NotificationChannel.EMAIL): False,
}
