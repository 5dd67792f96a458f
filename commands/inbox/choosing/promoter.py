"""Choosing what the promoter does: nothing, or options of the auction's own."""

from decimal import Decimal, InvalidOperation

from commands.domain.promoter import CERTAIN
from commands.domain.rules.own_promoter import OwnPromoter
from commands.domain.rules.rule import Rule
from commands.inbox.choosing.section import Section, Text, Written
from commands.inbox.invalid import InvalidInput

# What names that there is none, or that it follows the portal's policies.
OFF, PORTAL = "off", "portal"
HOW = f'write "{OFF}", "{PORTAL}", or options such as chance=50 weight=by_amount exclude=leader limit=per_bidder:1'
OPTIONS = ("chance", "weight", "exclude", "limit")


def _read(written: Written, _preset: Rule | None) -> Rule | None:
    """ "off", "portal", or options: "chance=50 weight=by_amount,newcomers exclude=leader limit=per_bidder:1"."""
    text = written["promoter"]
    if text == PORTAL:
        return None
    if text == OFF:
        return OwnPromoter(off=True)
    found: dict[str, str] = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not (equals and value) or name not in OPTIONS or name in found:
            raise InvalidInput("promoter", f"{word[:40]!r} is no option; {HOW}")
        found[name] = value
    chance = _chance(found.pop("chance", str(CERTAIN)))
    weight, exclude, limit = (
        tuple(found[name].split(",")) if name in found else () for name in OPTIONS[1:]
    )
    return OwnPromoter(False, chance, weight or OwnPromoter().weight, exclude, limit)


def _chance(text: str) -> Decimal:
    try:
        chance, rounded = Decimal(text), round(Decimal(text), 2)
    except (InvalidOperation, ValueError):
        chance = rounded = Decimal("NaN")
    if not chance.is_finite():
        raise InvalidInput("promoter", f"{text[:40]!r} is no chance; {HOW}")
    return rounded if rounded == chance else chance


PROMOTER = Section(
    OwnPromoter,
    title="Promoter",
    purpose="Whether the promoter doubles bids, and by which options.",
    texts=(
        Text(
            "promoter",
            label="Draws",
            help=(
                "“off”, “portal”, or options of its own, such as chance=50 weight=by_amount,newcomers exclude=leader "
                "limit=per_bidder:1. Left empty: as the preset says, or else by the portal's policies."
            ),
            example="off|portal|chance=50 weight=by_amount",
            longest=300,
        ),
    ),
    read=_read,
)
