"""The beacon that the settings name, and those that older ticks may have named."""

from datetime import datetime
from functools import lru_cache

from django.conf import settings

from commands.beacon import drand
from commands.beacon.local import NAME, LocalBeacon
from commands.beacon.port import Beacon


def chosen_beacon() -> Beacon:
    """The one by which the next ticks are drawn."""
    return LocalBeacon() if settings.BEACON == "local" else _drand()


def beacon_of(name: str) -> Beacon | None:
    """The one of that name, whatever the settings are now; None if nobody here knows it."""
    return next((beacon for beacon in (LocalBeacon(), _drand()) if beacon.name == name), None)


def url_of(name: str, number: int) -> str | None:
    """Where anybody finds a round's value; None if it is published nowhere, or its beacon is unknown."""
    beacon = beacon_of(name)
    return beacon.url(number) if beacon else None


def misnamed(name: str, number: int, public_at: datetime) -> str | None:
    """What is wrong with a round as it was named; None if nothing is."""
    if (beacon := beacon_of(name)) is None:
        return f"nobody here knows the beacon {name!r}"
    try:
        right = beacon.round_of(number).public_at
    except ValueError as error:
        return str(error)
    if right != public_at:
        return f"round {number} is public at {right:%F %T.%f}, not at {public_at:%F %T.%f}"
    return None


# The draws of a tick, in thousands of auctions, have one value.
@lru_cache(maxsize=1024)
def misvalued(name: str, number: int, value: str) -> str | None:
    """What is wrong with a round's value, in hex; None if nothing is, or its beacon is unknown."""
    beacon = beacon_of(name)
    try:
        right = beacon is None or beacon.is_value(number, bytes.fromhex(value))
    except ValueError:
        right = False
    return None if right else f"its value is not that of round {number}"


def _drand() -> Beacon:
    return drand.DrandBeacon(drand.QUICKNET, settings.DRAND_RELAYS)


def is_stand_in(name: str) -> bool:
    """Whether it is the stand-in for a beacon."""
    return name == NAME
