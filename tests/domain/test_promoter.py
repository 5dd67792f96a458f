"""The promoter's options, alone and together, and that draws follow the weights they give."""

from collections import Counter
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.domain.promoter import (
    EXCLUSIONS,
    HALF_VALUES,
    LIMITS,
    WEIGHTS,
    BidsInDraw,
    Exclusion,
    Policy,
    Promoter,
    Weight,
    by_amount,
    by_bidder_activity,
    constant,
    either,
    leader,
    newcomers,
    overtaken,
    per_auction,
    per_bidder,
    product,
    seed_of,
    staff,
    underdogs,
)
from commands.domain.state import replay
from commands.promoter.labels import EXCLUSION_LABELS, LIMIT_LABELS, WEIGHT_LABELS
from tests.domain.scenario import (
    ALICE,
    BOB,
    CHARLIE,
    CREATED,
    FIRST,
    FOURTH,
    SECOND,
    THIRD,
    deleted,
    doubled,
    placed,
)

FIFTH = UUID("b1d00000-0000-4000-8000-000000000005")
# Bob came first and leads with his second bid; Alice's first bid is doubled, her second deleted.
HISTORY = (
    CREATED,
    placed(FIRST, BOB, "10.00"),
    placed(SECOND, ALICE, "20.00"),
    placed(THIRD, CHARLIE, "15.00"),
    placed(FOURTH, BOB, "60.00"),
    doubled(SECOND, ALICE, "40.00"),
    placed(FIFTH, ALICE, "45.00"),
)
BIDS = BidsInDraw(tuple(replay(HISTORY).bids.values()), staff=frozenset({CHARLIE}))
SURE = bytes(16)


def weighed(promoter: Promoter, among: BidsInDraw = BIDS) -> dict[UUID, int]:
    """What each bid that can be hit weighs."""
    return {bid.id: weight for bid, weight in promoter.weights(among)}


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (constant, {FIRST: 1, THIRD: 1, FOURTH: 1, FIFTH: 1}),
        (by_amount, {FIRST: 1000, THIRD: 1500, FOURTH: 6000, FIFTH: 4500}),
        (by_bidder_activity, {FIRST: 2, THIRD: 1, FOURTH: 2, FIFTH: 2}),
        (underdogs, {FIRST: 5001, THIRD: 4501, FOURTH: 1, FIFTH: 1501}),
        (newcomers, {FIRST: 1, THIRD: 3, FOURTH: 1, FIFTH: 2}),
        (product(newcomers, by_bidder_activity), {FIRST: 2, THIRD: 3, FOURTH: 2, FIFTH: 4}),
        (product(), {FIRST: 1, THIRD: 1, FOURTH: 1, FIFTH: 1}),
    ],
)
def test_each_weight_alone_and_multiplied(weight: Weight, expected: dict[UUID, int]) -> None:
    assert weighed(Promoter(weight=weight)) == expected


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        (leader, {THIRD, FIFTH}),
        (staff, {FIRST, FOURTH, FIFTH}),
        (overtaken, {THIRD, FOURTH, FIFTH}),
        (either(leader, staff), {FIFTH}),
        (either(leader, staff, per_bidder(1)), set()),
        (either(), {FIRST, THIRD, FOURTH, FIFTH}),
    ],
)
def test_each_exclusion_alone_and_together(exclude: Exclusion, left: set[UUID]) -> None:
    assert set(weighed(Promoter(exclude=exclude))) == left


@pytest.mark.parametrize(
    ("limit", "left"),
    [
        (per_auction(2), {FIRST, THIRD, FOURTH, FIFTH}),
        (per_auction(1), set()),
        (per_auction(0), set()),
        (per_bidder(2), {FIRST, THIRD, FOURTH, FIFTH}),
        (per_bidder(1), {FIRST, THIRD, FOURTH}),
        (either(per_auction(9), per_bidder(1)), {FIRST, THIRD, FOURTH}),
    ],
)
def test_each_limit_alone_and_together(limit: Exclusion, left: set[UUID]) -> None:
    assert set(weighed(Promoter(limit=limit))) == left


def test_a_doubled_bid_counts_towards_the_limits_after_its_deletion() -> None:
    among = BidsInDraw(tuple(replay([*HISTORY, deleted(SECOND, ALICE)]).bids.values()))
    assert set(weighed(Promoter(limit=per_bidder(1)), among)) == {FIRST, THIRD, FOURTH}
    assert weighed(Promoter(limit=per_auction(1)), among) == {}


def test_a_policy_names_its_options() -> None:
    policy = Policy(
        Decimal("50.00"), ("newcomers", "by_bidder_activity"), ("leader",), ("per_bidder:1",)
    )
    promoter = Promoter.of(policy)
    assert promoter.chance == Decimal("50.00")
    assert weighed(promoter) == {THIRD: 3}
    assert weighed(Promoter.of(Policy())) == weighed(Promoter())


@pytest.mark.parametrize(
    "policy",
    [
        Policy(weight=("nonsense",)),
        Policy(exclude=("nonsense",)),
        Policy(limit=("nonsense:1",)),
        Policy(limit=("per_bidder:many",)),
    ],
)
def test_an_unknown_option_is_an_error(policy: Policy) -> None:
    with pytest.raises((KeyError, ValueError)):
        Promoter.of(policy)


@pytest.mark.parametrize(
    ("chance", "first_half", "on"),
    [
        ("0.00", 0, False),
        ("100.00", HALF_VALUES - 1, True),
        ("0.01", HALF_VALUES // 10_000, True),
        ("0.01", HALF_VALUES // 10_000 + 1, False),
        ("50.00", HALF_VALUES // 2 - 1, True),
        ("50.00", HALF_VALUES // 2, False),
    ],
)
def test_the_first_half_of_the_seed_decides_whether_there_is_a_draw(
    chance: str, first_half: int, on: bool
) -> None:
    assert Promoter(chance=Decimal(chance)).is_on(first_half.to_bytes(16) + SURE) is on


def test_a_draw_without_anything_to_hit_hits_nothing() -> None:
    assert Promoter(exclude=lambda bid, among: True).draw(BIDS, bytes(32)) is None
    assert Promoter().draw(BidsInDraw(()), bytes(32)) is None


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32), st.integers(1, 9))
def test_the_seed_depends_on_all_it_is_made_of(secret: bytes, chain: bytes, tick: int) -> None:
    seed = seed_of(secret, chain, tick)
    assert len(seed) == 32
    assert seed == seed_of(secret, chain, tick)
    others = [
        seed_of(sha256(secret).digest(), chain, tick),
        seed_of(secret, sha256(chain).digest(), tick),
        seed_of(secret, chain, tick + 1),
    ]
    assert seed not in others


# What chi-squared exceeds by chance once in a thousand times, by degrees of freedom.
ONCE_IN_A_THOUSAND = {1: 10.83, 2: 13.82, 3: 16.27}
DRAWS = 20_000


def seeds() -> list[bytes]:
    """As the portal makes them, from secrets and chain hashes that are the same in every run."""
    return [
        seed_of(sha256(b"secret %d" % n).digest(), sha256(b"chain %d" % n).digest(), n)
        for n in range(DRAWS)
    ]


def chi_squared(found: Counter[object], expected: dict[object, float]) -> float:
    """How far the counts are from what was expected."""
    return sum((found[each] - wanted) ** 2 / wanted for each, wanted in expected.items())


@pytest.mark.parametrize(
    "promoter",
    [
        *(pytest.param(Promoter(weight=weight), id=name) for name, weight in WEIGHTS.items()),
        pytest.param(
            Promoter(weight=product(by_amount, newcomers), exclude=leader), id="a mixture"
        ),
    ],
)
def test_draws_follow_the_weights(promoter: Promoter) -> None:
    weights = weighed(promoter)
    drawn: Counter[object] = Counter()
    for seed in seeds():
        hit = promoter.draw(BIDS, seed)
        assert hit is not None
        assert (hit.weight, hit.total_weight) == (weights[hit.bid.id], sum(weights.values()))
        drawn[hit.bid.id] += 1
    total = sum(weights.values())
    expected: dict[object, float] = {bid: DRAWS * w / total for bid, w in weights.items()}
    assert set(drawn) == set(weights)
    assert chi_squared(drawn, expected) < ONCE_IN_A_THOUSAND[len(weights) - 1]


def test_there_are_as_many_draws_as_the_chance_says_and_they_hit_as_without_it() -> None:
    promoter = Promoter(chance=Decimal("12.50"))
    on = [seed for seed in seeds() if promoter.is_on(seed)]
    came = Counter[object]({"on": len(on), "off": DRAWS - len(on)})
    assert chi_squared(came, {"on": DRAWS / 8, "off": DRAWS * 7 / 8}) < ONCE_IN_A_THOUSAND[1]
    hits = Counter[object](hit.bid.id for seed in on if (hit := promoter.draw(BIDS, seed)))
    expected: dict[object, float] = {bid: len(on) / 4 for bid in weighed(promoter)}
    assert chi_squared(hits, expected) < ONCE_IN_A_THOUSAND[3]


def test_every_option_has_a_label_for_people() -> None:
    assert WEIGHT_LABELS.keys() == WEIGHTS.keys()
    assert EXCLUSION_LABELS.keys() == EXCLUSIONS.keys()
    assert LIMIT_LABELS.keys() == LIMITS.keys()
