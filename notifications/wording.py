"""The text of a notification."""

from decimal import Decimal
from typing import assert_never

from notifications.preferences import NotificationKind


def message(
    kind: NotificationKind, title: str, amount: Decimal | None, reason: str | None = None
) -> str:
    """The notification as one sentence, the same in the app and in mails; the reason is quoted as it is.

    Of an offer, and of what was won with a second chance, it is until when to answer.
    """
    grouped = f"{amount:,}" if amount is not None else ""
    why = f": {reason}" if reason else "."
    match kind:
        case NotificationKind.AUCTION_WON if reason:
            return (
                f"You won “{title}” for {grouped}: confirm or decline the purchase until {reason}."
            )
        case NotificationKind.AUCTION_WON:
            return f"You won “{title}” for {grouped}."
        case NotificationKind.AUCTION_LOST if amount is None:
            return f"“{title}” ended without a sale: no bid met the reserve."
        case NotificationKind.AUCTION_LOST:
            return f"Another bidder won “{title}” for {grouped}."
        case NotificationKind.OUTBID:
            return f"You were outbid on “{title}”: the highest bid is now {grouped}."
        case NotificationKind.MAX_BID_CHANGED:
            return f"The highest bid on “{title}” is now {grouped}."
        case NotificationKind.BID_DOUBLED:
            return f"The house doubled your bid on “{title}”: it now counts {grouped}."
        case NotificationKind.ENDING_SOON if amount:
            return f"“{title}” ends soon: the highest bid is {grouped}."
        case NotificationKind.ENDING_SOON if reason:
            return f"“{title}” ends soon: {reason}"
        case NotificationKind.ENDING_SOON:
            return f"“{title}” ends soon, and nobody has bid yet."
        case NotificationKind.BID_REMOVED:
            counted = f", which counted {grouped}" if amount else ""
            return f"The house removed your bid on “{title}”{counted}{why}"
        case NotificationKind.AUCTION_CANCELLED:
            return f"The house cancelled “{title}”, and nobody wins{why}"
        case NotificationKind.AUCTION_PAUSED:
            return f"The house paused “{title}”, and time stands still in it{why}"
        case NotificationKind.AUCTION_RESUMED:
            return f"The house resumed “{title}”, and its end has moved by as long as it was paused{why}"
        case NotificationKind.LOT_OFFERED:
            return (
                f"“{title}” is offered to you for {grouped}: accept or decline it until {reason}."
            )
        case NotificationKind.LOT_LOST if reason:
            return f"The house took “{title}” from you{why}"
        case NotificationKind.LOT_LOST:
            return f"“{title}” is not offered to you any more: you did not answer in time."
        case _:
            assert_never(kind)
