"""What is in a sealed bid: its amount, and the salt by which anybody can check it against the bid's commitment."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

# In the place of an amount that is not revealed. Such a bid ranks behind all others, those placed first first.
HIDDEN = Decimal("0.00")
# Why a bid that can't be revealed counts no more.
LOST = "Its key is gone, so nobody knows what it offers."


@dataclass(frozen=True, slots=True)
class Content:
    """A bid's amount, and hexadecimal digits that were chosen at random for it."""

    amount: Decimal
    salt: str

    @property
    def commitment(self) -> str:
        """SHA-256 in hex of the one way to write them: {"amount":"12.00","salt":"…"}."""
        text = f'{{"amount":"{self.amount}","salt":"{self.salt}"}}'
        return sha256(text.encode()).hexdigest()


# What sealed bids hold, by their ids.
Opened = Mapping[UUID, Content]
NOTHING_OPENED: Opened = {}
