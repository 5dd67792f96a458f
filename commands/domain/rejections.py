"""Rejections: expected answers to commands, named after the rule that the command breaks."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class RejectionCode(StrEnum):
    """The rules that a command can break."""

    AUCTION_NOT_FOUND = "AUCTION_NOT_FOUND"
    AUCTION_NOT_STARTED = "AUCTION_NOT_STARTED"
    AUCTION_NOT_ENDED = "AUCTION_NOT_ENDED"
    AUCTION_ENDED = "AUCTION_ENDED"
    AUCTION_CANCELLED = "AUCTION_CANCELLED"
    BANNED = "BANNED"
    OWN_LOT = "OWN_LOT"
    AUCTION_PAUSED = "AUCTION_PAUSED"
    AUCTION_NOT_PAUSED = "AUCTION_NOT_PAUSED"
    AUCTION_HAS_BIDS = "AUCTION_HAS_BIDS"
    NOTHING_TO_REVISE = "NOTHING_TO_REVISE"
    SEALING_STAYS = "SEALING_STAYS"
    BID_TOO_LOW = "BID_TOO_LOW"
    BELOW_STARTING_PRICE = "BELOW_STARTING_PRICE"
    BELOW_INCREMENT = "BELOW_INCREMENT"
    OVER_LIMIT = "OVER_LIMIT"
    NOT_FOR_SALE = "NOT_FOR_SALE"
    NO_PROXY_BIDS = "NO_PROXY_BIDS"
    MAXIMUM_TOO_LOW = "MAXIMUM_TOO_LOW"
    NO_MAXIMUM = "NO_MAXIMUM"
    RESERVE_LOST = "RESERVE_LOST"
    BID_NOT_SEALED = "BID_NOT_SEALED"
    ONE_SEALED_BID = "ONE_SEALED_BID"
    BID_NOT_FOUND = "BID_NOT_FOUND"
    BID_NOT_YOURS = "BID_NOT_YOURS"
    BID_ALREADY_DELETED = "BID_ALREADY_DELETED"
    BID_BINDING = "BID_BINDING"
    NOT_BANNED = "NOT_BANNED"
    NOT_LIMITED = "NOT_LIMITED"
    POLICY_FIXED = "POLICY_FIXED"
    NOT_OFFERED = "NOT_OFFERED"
    OFFER_OVER = "OFFER_OVER"
    OFFER_OPEN = "OFFER_OPEN"
    USERNAME_TAKEN = "USERNAME_TAKEN"
    USER_NOT_FOUND = "USER_NOT_FOUND"
    INVALID_SCHEDULE = "INVALID_SCHEDULE"
    NO_BID_TO_DOUBLE = "NO_BID_TO_DOUBLE"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a command was rejected; a rejected command changes nothing."""

    code: RejectionCode
    message: str

    @property
    def sentence(self) -> str:
        """The message as a sentence, without the code."""
        return as_sentence(self.message)


def as_sentence(message: str) -> str:
    """The message with a capital letter and a full stop."""
    return f"{message[:1].upper()}{message[1:]}."


def readable(moment: datetime) -> str:
    """The time as messages show it: in UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
