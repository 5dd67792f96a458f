"""A stand-in for laptops and tests: values that anybody can work out beforehand, published by nobody."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from commands.beacon.port import Round

NAME = "local stand-in (not a public beacon)"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A round for each microsecond, the shortest time that the portal tells apart.
PERIOD = timedelta(microseconds=1)


class LocalBeacon:
    """Proves nothing to anybody; a draw shows it by its name."""

    name = NAME
    is_remote = False

    def round_from(self, moment: datetime) -> Round:
        """The round of that very moment."""
        return self.round_of((moment - EPOCH) // PERIOD)

    def round_of(self, number: int) -> Round:
        """The round of that number; ValueError if there is none."""
        try:
            return Round(NAME, number, EPOCH + number * PERIOD)
        except OverflowError as error:
            raise ValueError(f"there is no round {number}") from error

    def value(self, number: int) -> bytes:
        """SHA-256 of its name and number."""
        return sha256(f"{NAME}{number}".encode()).digest()

    def is_value(self, number: int, value: bytes) -> bool:
        """Whether it is that round's value."""
        return value == self.value(number)

    def url(self, number: int) -> str | None:
        """Nowhere."""
        return None
