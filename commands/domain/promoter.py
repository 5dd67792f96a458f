"""The promoter: options that give each bid its weight, and draws that anyone can repeat.

An option is a small function. A new one needs that function and its line in WEIGHTS,
EXCLUSIONS or LIMITS; policies, forms and commands then know it by its name. The portal draws with the
same options in SQL (`postgres/drawing.py`), as an auction may have a million bids.
"""

import hmac
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from math import prod
from typing import Protocol, Self
from uuid import UUID

CERTAIN = Decimal("100.00")
# How many values each half of a seed has. The first half decides whether there is a draw, the other which bid.
HALF_VALUES = 2**128


class Bid(Protocol):
    """The fields of a bid that a draw uses."""

    @property
    def id(self) -> UUID: ...
    @property
    def bidder_id(self) -> UUID: ...
    @property
    def amount(self) -> Decimal: ...
    @property
    def effective_amount(self) -> Decimal: ...
    @property
    def placed_version(self) -> int: ...
    @property
    def rank(self) -> tuple[Decimal, int]: ...
    @property
    def doubled(self) -> bool: ...
    @property
    def deleted(self) -> bool: ...


@dataclass(frozen=True)
class BidsInDraw:
    """An auction at the time of a draw: its live and its doubled bids, and the bidders who are staff."""

    bids: Sequence[Bid]
    staff: frozenset[UUID] = frozenset()

    @cached_property
    def live(self) -> Sequence[Bid]:
        """The live bids, in the order they were placed."""
        return sorted(
            (bid for bid in self.bids if not bid.deleted), key=lambda bid: bid.placed_version
        )

    @cached_property
    def candidates(self) -> Sequence[Bid]:
        """The bids that may be doubled, in the order they were placed."""
        return [bid for bid in self.live if not bid.doubled]

    @cached_property
    def leading(self) -> Bid:
        """The leading bid; ValueError without live bids."""
        return min(self.live, key=lambda bid: bid.rank)

    @cached_property
    def live_bids_of(self) -> Mapping[UUID, int]:
        """How many live bids each bidder has."""
        return Counter(bid.bidder_id for bid in self.live)

    @cached_property
    def doubled_bids_of(self) -> Mapping[UUID, int]:
        """How many bids of each bidder were ever doubled, deleted ones included."""
        return Counter(bid.bidder_id for bid in self.bids if bid.doubled)

    @cached_property
    def arrivals(self) -> Mapping[UUID, int]:
        """The bidders with live bids in the order of their first one, counted from 1."""
        order = dict.fromkeys(bid.bidder_id for bid in self.live)
        return {bidder: place for place, bidder in enumerate(order, 1)}

    @cached_property
    def highest_of(self) -> Mapping[UUID, UUID]:
        """Each bidder's highest live bid."""
        ranked = sorted(self.live, key=lambda bid: bid.rank, reverse=True)
        return {bid.bidder_id: bid.id for bid in ranked}


Weight = Callable[[Bid, BidsInDraw], int]
Exclusion = Callable[[Bid, BidsInDraw], bool]


def constant(bid: Bid, among: BidsInDraw) -> int:
    """1 for each bid."""
    return 1


def by_amount(bid: Bid, among: BidsInDraw) -> int:
    """The bid's amount, in cents."""
    return int(bid.amount * 100)


def by_bidder_activity(bid: Bid, among: BidsInDraw) -> int:
    """How many live bids its bidder has in the auction."""
    return among.live_bids_of[bid.bidder_id]


def underdogs(bid: Bid, among: BidsInDraw) -> int:
    """The leading bid's effective amount minus this bid's, in cents, plus 1."""
    return int((among.leading.effective_amount - bid.effective_amount) * 100) + 1


def newcomers(bid: Bid, among: BidsInDraw) -> int:
    """The rank, from 1, of its bidder by the time of their first live bid."""
    return among.arrivals[bid.bidder_id]


def nothing(bid: Bid, among: BidsInDraw) -> bool:
    """Excludes no bid."""
    return False


def leader(bid: Bid, among: BidsInDraw) -> bool:
    """Excludes all bids of the leading bidder."""
    return bid.bidder_id == among.leading.bidder_id


def staff(bid: Bid, among: BidsInDraw) -> bool:
    """Excludes bids of staff."""
    return bid.bidder_id in among.staff


def overtaken(bid: Bid, among: BidsInDraw) -> bool:
    """Excludes a bidder's bids but the highest."""
    return among.highest_of[bid.bidder_id] != bid.id


def per_auction(most: int) -> Exclusion:
    """Excludes every bid once that many were doubled in the auction."""
    return lambda bid, among: sum(among.doubled_bids_of.values()) >= most


def per_bidder(most: int) -> Exclusion:
    """Excludes a bidder's bids once that many of theirs were doubled in the auction."""
    return lambda bid, among: among.doubled_bids_of.get(bid.bidder_id, 0) >= most


WEIGHTS: Mapping[str, Weight] = {
    "constant": constant,
    "by_amount": by_amount,
    "by_bidder_activity": by_bidder_activity,
    "underdogs": underdogs,
    "newcomers": newcomers,
}
EXCLUSIONS: Mapping[str, Exclusion] = {
    "leader": leader,
    "staff": staff,
    "overtaken": overtaken,
}
LIMITS: Mapping[str, Callable[[int], Exclusion]] = {
    "per_auction": per_auction,
    "per_bidder": per_bidder,
}


def product(*weights: Weight) -> Weight:
    """A weight that is the product of these."""
    return lambda bid, among: prod(weight(bid, among) for weight in weights)


def either(*exclusions: Exclusion) -> Exclusion:
    """An exclusion of what any of these excludes."""
    return lambda bid, among: any(excluded(bid, among) for excluded in exclusions)


@dataclass(frozen=True, slots=True)
class Policy:
    """The promoter's options by name; limits as "name:number", `chance` in per cent."""

    chance: Decimal = CERTAIN
    weight: tuple[str, ...] = ("constant",)
    exclude: tuple[str, ...] = ()
    limit: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawn:
    """The bid that a draw hit, its weight, and the sum of all weights."""

    bid: Bid
    weight: int
    total_weight: int


@dataclass(frozen=True, slots=True)
class Promoter:
    """A policy with its functions: the chance of a draw, each bid's weight, and what is excluded."""

    chance: Decimal = CERTAIN
    weight: Weight = constant
    exclude: Exclusion = nothing
    limit: Exclusion = nothing

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """The promoter that the policy describes; KeyError for an unknown option."""
        return cls(
            chance=policy.chance,
            weight=product(*(WEIGHTS[name] for name in policy.weight)),
            exclude=either(*(EXCLUSIONS[name] for name in policy.exclude)),
            limit=either(*_limits(policy.limit)),
        )

    def weights(self, among: BidsInDraw) -> list[tuple[Bid, int]]:
        """The bids that can be hit, in the order they were placed, each with its weight."""
        return [
            (bid, weight)
            for bid in among.candidates
            if not self.exclude(bid, among)
            and not self.limit(bid, among)
            and (weight := self.weight(bid, among)) > 0
        ]

    def is_on(self, seed: bytes) -> bool:
        """Whether there is a draw: compares the first half of the seed with the chance."""
        return int.from_bytes(seed[:16]) * 10_000 // HALF_VALUES < int(self.chance * 100)

    def draw(self, among: BidsInDraw, seed: bytes) -> Drawn | None:
        """The bid in whose share of the weights the second half of the seed lies; None if there is none."""
        weights = self.weights(among)
        total = sum(weight for _, weight in weights)
        place = lot_of(seed) * total // HALF_VALUES
        for bid, weight in weights:
            if place < weight:
                return Drawn(bid, weight, total)
            place -= weight
        return None


def _limits(terms: Iterable[str]) -> Iterable[Exclusion]:
    for term in terms:
        name, _, most = term.partition(":")
        yield LIMITS[name](int(most))


def seed_of(secret: bytes, chain_hash: bytes, tick: int, value: bytes = b"") -> bytes:
    """The 32 bytes that decide a draw: HMAC-SHA256 over chain hash, tick and the value of the beacon's round.

    The portal commits to the secret and the round before anybody can know the hash and the value, and
    reveals the secret after the draw: so neither the portal nor a bidder can choose the result.
    """
    return hmac.digest(secret, chain_hash + tick.to_bytes(8) + value, "sha256")


def lot_of(seed: bytes) -> int:
    """The second half of the seed as a number below HALF_VALUES, which decides which bid is hit."""
    return int.from_bytes(seed[16:])


@dataclass(frozen=True, slots=True)
class Draw:
    """What a draw depends on besides the auction's bids."""

    policy_version: int
    promoter: Promoter
    seed: bytes
    staff: frozenset[UUID] = frozenset()

    def has_bids(self, bids: Iterable[Bid]) -> bool:
        """Whether there is a bid to draw from, whatever the policy excludes; `bids` are the auction's."""
        return bool(BidsInDraw(tuple(bids)).candidates)

    def among(self, bids: Iterable[Bid]) -> Drawn | None:
        """What it hits, of all the auction's bids; None if nothing may be hit."""
        return self.promoter.draw(BidsInDraw(tuple(bids), self.staff), self.seed)


@dataclass(frozen=True, slots=True)
class KnownDraw(Draw):
    """A draw whose result was worked out where the bids are: they may be too many to be handed in.

    It is among the bids as they were at the cut-off. Without `any_bids` there was none to draw from, or
    the auction was not open then.
    """

    hit: Drawn | None = None
    any_bids: bool = True

    def has_bids(self, bids: Iterable[Bid]) -> bool:
        """What was found."""
        return self.any_bids

    def among(self, bids: Iterable[Bid]) -> Drawn | None:
        """What was found."""
        return self.hit
