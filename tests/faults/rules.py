"""What auctions go by under faults: plain ones, and others by presets and by rules that combine."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

Json = dict[str, Any]

# How long bids may move the end of an auction of RULES, in seconds.
MOVED = 6.0
SOFT_CLOSE: Json = {"window": 3, "extension": 2, "times": 3}
BUY_NOW: Json = {"price": "60.00", "until": "30.00"}
# Somebody answers in time, and somebody does not.
SECOND_CHANCE: Json = {"confirmWithin": 2, "answerWithin": 1, "most": 2}
RULES: Sequence[Json | None] = (
    None,
    None,
    {"preset": "ENGLISH", "softClose": SOFT_CLOSE},
    {"startingPrice": "9.00", "reserve": "20.00"},
    {"reserve": "14.00", "increments": {"overLeader": [{"step": "0.50"}]}, "softClose": SOFT_CLOSE},
    {"proxyBids": True, "increments": {"overLeader": [{"step": "0.50"}]}, "softClose": SOFT_CLOSE},
    {"buyNow": BUY_NOW, "masked": {"namesWinner": True}},
    {"sealed": {"secondPrice": True}, "startingPrice": "9.00"},
    {"secondChance": SECOND_CHANCE, "softClose": SOFT_CLOSE},
    {"secondChance": SECOND_CHANCE, "reserve": "14.00", "masked": {"namesWinner": False}},
)


def is_masked(rules: Json) -> bool:
    """Whether bidders are known by aliases."""
    return "masked" in rules


def is_sealed(rules: Json) -> bool:
    """Whether amounts are hidden until the end."""
    return "sealed" in rules


def is_binding(rules: Json) -> bool:
    """Whether bidders can't delete their bids."""
    return "proxyBids" in rules


def least(rules: Json, leading: Decimal | None) -> Decimal:
    """The lowest amount that could be bid while the leading bid counted that much."""
    lowest = Decimal(rules.get("startingPrice", 0))
    if "increments" in rules and leading is not None:
        lowest = max(lowest, leading + Decimal(rules["increments"]["overLeader"][0]["step"]))
    if rules.get("preset") == "ENGLISH" and leading is not None:
        lowest = max(lowest, leading + 1)
    return lowest


def offered(rules: Json, leading: Decimal | None) -> bool:
    """Whether the auction could be bought at once while the leading bid counted that much."""
    rule = rules.get("buyNow")
    return rule is not None and (leading is None or leading < Decimal(rule["until"]))
