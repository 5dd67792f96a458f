"""A tick of the promoter: a commitment to a secret, then the draws, then the secret."""

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import assert_never

from commands.domain.events import (
    DrawsAccepted,
    SecretRevealed,
    TickCommitted,
    TickEvent,
    TickGivenUp,
    TickMade,
)


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick after `version` events.

    `draws` is None until all its draws are accepted, `secret` until it is revealed. One that was given
    up has no secret. `beacon`, `round` and `public_at` are None in ticks from before there was a beacon,
    `value` is until the tick is made.
    """

    number: int
    version: int
    commitment: str
    draws: int | None = None
    secret: str | None = None
    given_up: bool = False
    beacon: str | None = None
    round: int | None = None
    public_at: datetime | None = None
    value: str | None = None


def commitment_to(secret: bytes) -> str:
    """What is published before the tick: SHA-256 of the secret, in hex."""
    return sha256(secret).hexdigest()


def evolve(tick: Tick | None, event: TickEvent) -> Tick:
    """The tick after the event."""
    if isinstance(event, TickCommitted):
        assert tick is None, "the house commits to a tick once"
        return Tick(
            event.number,
            1,
            event.commitment,
            beacon=event.beacon,
            round=event.round,
            public_at=event.public_at,
        )
    assert tick is not None, "the house commits before anything else"
    tick = replace(tick, version=tick.version + 1)
    match event:
        case TickMade():
            assert tick.version == 2, "a tick is made once"
            assert (event.value is None) == (tick.round is None), "a tick is made with its value"
            return replace(tick, draws=event.draws, value=event.value)
        case DrawsAccepted():
            assert tick.draws is None, "the draws are counted once"
            return replace(tick, draws=event.draws)
        case SecretRevealed():
            assert tick.draws is not None, "a secret is kept until the draws are accepted"
            return replace(tick, secret=event.secret)
        case TickGivenUp():
            assert tick.secret is None, "what is revealed is not given up"
            return replace(tick, given_up=True)
        case _:
            assert_never(event)
