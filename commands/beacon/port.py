"""The Beacon port: public random values, round after round, that nobody can know before their time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class BeaconAway(Exception):
    """The round could not be had: no relay answered in time with a value that is the round's."""


@dataclass(frozen=True, slots=True)
class Round:
    """A round of the beacon of that name: its number, and when it becomes public."""

    beacon: str
    number: int
    public_at: datetime


class Beacon(Protocol):
    """Gives each round's value from its time on. When a round is public follows from its number alone."""

    @property
    def name(self) -> str:
        """What it is called wherever a draw is shown."""

    @property
    def is_remote(self) -> bool:
        """Whether others are asked for a value, which may take seconds."""

    def round_from(self, moment: datetime) -> Round:
        """The first round that becomes public at that moment or later."""

    def round_of(self, number: int) -> Round:
        """The round of that number; ValueError if there is none."""

    def value(self, number: int) -> bytes:
        """The round's value, checked; BeaconAway."""

    def is_value(self, number: int, value: bytes) -> bool:
        """Whether it is that round's value."""

    def url(self, number: int) -> str | None:
        """Where anybody finds the round's value; None if it is published nowhere."""
