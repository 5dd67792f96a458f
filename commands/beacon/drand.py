"""drand's rounds over its HTTP API (https://docs.drand.love): from any relay, as each value is signed.

A round's value is a signature: 48 bytes on G1, of the SHA-256 of the round's number in 8 bytes
(scheme bls-unchained-g1-rfc9380). Chain and key are known beforehand and never asked for.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.client import HTTPException
from urllib.parse import urlsplit

from commands.beacon.bls import is_signed
from commands.beacon.port import BeaconAway, Round
from commands.http_exchange import get

# Bytes of an answer, at most; a round takes some 250.
LONGEST = 4096
SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of rounds: the hash that names it, its public key, when round 1 was public, how far rounds are apart."""

    hash: str
    public_key: bytes
    genesis: datetime
    period: timedelta

    @property
    def name(self) -> str:
        """What the beacon is called."""
        return f"drand {self.hash}"


QUICKNET = Chain(
    hash="52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
    public_key=bytes.fromhex(
        "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
        "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
    ),
    genesis=datetime.fromtimestamp(1_692_803_367, UTC),
    period=timedelta(seconds=3),
)


class DrandBeacon:
    """A chain of drand, asked of each relay in turn until one answers with what is signed."""

    is_remote = True

    def __init__(self, chain: Chain, relays: Sequence[str], seconds: float = SECONDS) -> None:
        """`seconds` is how long asking all relays may take together; each has its share of what is left."""
        self._chain, self._seconds = chain, seconds
        self._relays = [relay.rstrip("/") for relay in relays]

    @property
    def name(self) -> str:
        """With the hash that names the chain."""
        return self._chain.name

    def round_from(self, moment: datetime) -> Round:
        """The first round that becomes public at that moment or later."""
        periods = -((self._chain.genesis - moment) // self._chain.period)
        return self.round_of(max(periods, 0) + 1)

    def round_of(self, number: int) -> Round:
        """The round of that number, from 1; ValueError if there is none."""
        try:
            if number < 1:
                raise ValueError(f"there is no round {number}")
            public_at = self._chain.genesis + (number - 1) * self._chain.period
        except OverflowError as error:
            raise ValueError(f"there is no round {number}") from error
        return Round(self.name, number, public_at)

    def value(self, number: int) -> bytes:
        """The round's value, checked; BeaconAway, with what was wrong at each relay."""
        problems, ends = list[str](), time.monotonic() + self._seconds
        for left, relay in zip(range(len(self._relays), 0, -1), self._relays, strict=True):
            # So that one that is silent leaves time for the others.
            seconds = max(ends - time.monotonic(), 0) / left
            try:
                return self._value_in(_fetched(f"{relay}{self._path(number)}", seconds), number)
            except (OSError, HTTPException, ValueError, RecursionError) as error:
                host = urlsplit(relay).hostname
                problems.append(f"{host}: {str(error).strip() or type(error).__name__}")
        raise BeaconAway("; ".join(problems) or "no relay answered in time")

    def is_value(self, number: int, value: bytes) -> bool:
        """Whether it is that round's value."""
        if not 0 < number < 2**64:
            return False
        return is_signed(self._chain.public_key, sha256(number.to_bytes(8)).digest(), value)

    def url(self, number: int) -> str | None:
        """The round at the first relay."""
        return f"{self._relays[0]}{self._path(number)}" if self._relays else None

    def _path(self, number: int) -> str:
        return f"/{self._chain.hash}/public/{number}"

    def _value_in(self, content: bytes, number: int) -> bytes:
        """The value in a relay's answer; ValueError."""
        answer = json.loads(content)
        if not isinstance(answer, dict) or not isinstance(answer.get("signature"), str):
            raise ValueError("its answer is no round")
        if answer.get("round") != number:
            raise ValueError(f"asked for round {number}, it gave another")
        value = bytes.fromhex(answer["signature"])
        if not self.is_value(number, value):
            raise ValueError(f"its value of round {number} is not signed by the chain's key")
        return value


def _fetched(url: str, seconds: float) -> bytes:
    """The answer from that address; ValueError if it is an error."""
    status, content = get(urlsplit(url), seconds, LONGEST)
    if status != 200:
        raise ValueError(f"status {status}")
    return content
