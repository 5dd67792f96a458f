"""The rules of an auction, as data and in plain English, and the input that chooses them."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

import strawberry

from commands.domain.promoter import CERTAIN
from commands.domain.rules import buy_now, increments, masked, sealed, soft_close, table
from commands.domain.rules.own_lot import OwnLot as OwnLotRule
from commands.domain.rules.own_promoter import OwnPromoter
from commands.domain.rules.presets import rules_of
from commands.domain.rules.proxy_bids import ProxyBids
from commands.domain.rules.reserve import Reserve
from commands.domain.rules.rule import Rule
from commands.domain.rules.second_chance import SecondChance as SecondChanceRule
from commands.domain.rules.starting_price import StartingPrice
from commands.domain.rules.withdrawal import Withdrawal as WithdrawalRule
from portal.schema.enums import Preset

Kind = TypeVar("Kind", bound=Rule)


@strawberry.type(description="A line of a table of increments.")
class Bracket:
    start: Decimal = strawberry.field(
        description="It goes from this amount up to the next line's start."
    )
    step: Decimal = strawberry.field(description="By how much a bid must be higher there.")


@strawberry.type(
    description="By how much a bid must be higher; an empty table asks for nothing beside the plain rules."
)
class Increments:
    over_leader: list[Bracket] = strawberry.field(description="Higher than the leading bid.")
    over_own: list[Bracket] = strawberry.field(description="Higher than the bidder's own highest.")

    @classmethod
    def of(cls, rule: increments.Increments) -> "Increments":
        """In the API's form."""
        return cls(over_leader=_brackets(rule.over_leader), over_own=_brackets(rule.over_own))


@strawberry.type(
    description="A price at which anybody may buy, which ends the auction at once. Whether it is offered now says Auction.buyNowPrice."
)
class BuyNow:
    price: Decimal = strawberry.field(description="What the buyer pays.")
    until: Decimal | None = strawberry.field(
        description="It is offered until the leading bid counts so much; null: until the first bid."
    )


@strawberry.type(
    description="A bid shortly before the end moves the end; what decides is when it was accepted."
)
class SoftClose:
    window: int = strawberry.field(description="So many seconds before the end.")
    extension: int = strawberry.field(description="By so many seconds.")
    times: int | None = strawberry.field(description="So often at most.")
    hard_end: datetime | None = strawberry.field(description="Never beyond this moment.")


@strawberry.type(description="Bidders may delete their own bids only for a time, or never.")
class Withdrawal:
    within: int = strawberry.field(
        description="So many seconds after the bid was accepted; 0 means never."
    )


@strawberry.type(description="Whoever the lot belongs to can't bid.")
class OwnLot:
    owners: list[UUID] = strawberry.field(
        description="The ids of the users who can't, such as its seller and its consignors."
    )
    staff: bool = strawberry.field(description="Whether nobody of the house can.")


@strawberry.type(
    description="Amounts are hidden until the end, and each bidder has one live bid; the highest wins."
)
class Sealed:
    second_price: bool = strawberry.field(
        description=(
            "Whether the winner pays the second highest amount, but no less than a starting price or a reserve; "
            "their own amount if there is none of these."
        )
    )


@strawberry.type(
    description='Others see "Bidder 1", "Bidder 2" and so on in the place of names; the house sees names.'
)
class Masked:
    names_winner: bool = strawberry.field(
        description="Whether the winner's name is shown once the auction is closed."
    )


@strawberry.type(
    description="The promoter is off here, or draws by options of the auction's own, whatever the portal's policies say."
)
class Promoter:
    off: bool = strawberry.field(description="Whether no tick draws here.")
    chance: Decimal = strawberry.field(
        description="The chance that a tick draws here, in per cent."
    )
    weight: list[str] = strawberry.field(
        description="What a bid's weight in the draw is: the product of these options."
    )
    exclude: list[str] = strawberry.field(description="The bids that take no part in the draw.")
    limit: list[str] = strawberry.field(
        description='How many bids may be doubled at most, each as "name:number".'
    )

    @classmethod
    def of(cls, rule: OwnPromoter) -> "Promoter":
        """In the API's form."""
        return cls(
            off=rule.off,
            chance=rule.chance if not rule.off else Decimal(0),
            weight=[] if rule.off else list(rule.weight),
            exclude=list(rule.exclude),
            limit=list(rule.limit),
        )


@strawberry.type(
    description="The winner confirms in time, or the lot is offered to the next bidder; see Auction.sale."
)
class SecondChance:
    confirm_within: int = strawberry.field(
        description="So many seconds after the announcement the winner has."
    )
    answer_within: int = strawberry.field(description="So many seconds each of the next ones has.")
    most: int = strawberry.field(description="So many bidders beside the winner are asked at most.")


@strawberry.type(
    description="What an auction goes by beside the plain rules; a rule it has not is null."
)
class Rules:
    starting_price: Decimal | None = strawberry.field(description="No bid is lower.")
    increments: Increments | None = strawberry.field(description="By how much a bid is higher.")
    reserve: str | None = strawberry.field(
        description=(
            'The commitment to a hidden reserve: the SHA-256, in hex, of {"amount":"100.00","salt":"…"} with '
            "what `Auction.reserve` reveals at the end."
        )
    )
    buy_now: BuyNow | None = strawberry.field(
        description="A price at which it can be bought at once."
    )
    proxy_bids: bool = strawberry.field(
        description="Whether a bidder can set a private maximum, up to which the auction bids for them; see Auction.myMaximum."
    )
    sealed: Sealed | None = strawberry.field(description="Amounts are hidden until the end.")
    soft_close: SoftClose | None = strawberry.field(
        description="How a bid shortly before the end moves the end."
    )
    withdrawal: Withdrawal | None = strawberry.field(
        description="How long a bidder may delete a bid; null means until the auction ends. See Bid.deletableUntil."
    )
    masked: Masked | None = strawberry.field(
        description="Bidders are known to each other by numbers alone; see Bidder."
    )
    promoter: Promoter | None = strawberry.field(
        description="What its draws follow; null means the portal's policies, see promoterPolicy."
    )
    own_lot: OwnLot | None = strawberry.field(
        description="Who can't bid, because the lot is theirs."
    )
    second_chance: SecondChance | None = strawberry.field(
        description="Who is offered the lot if the winner does not confirm; null means that who wins buys it."
    )
    must_lead: bool = strawberry.field(
        description="Whether a bid is placed only if it would lead; then nextBids has the lowest first."
    )
    sentences: list[str] = strawberry.field(
        description="All rules in plain English, the plain ones too, in an order to be read in."
    )

    @classmethod
    def of(cls, rules: table.Rules) -> "Rules":
        """In the API's form."""
        starting, steps = _one(rules, StartingPrice), _one(rules, increments.Increments)
        soft, withdrawal = _one(rules, soft_close.SoftClose), _one(rules, WithdrawalRule)
        reserve, own = _one(rules, Reserve), _one(rules, OwnLotRule)
        hidden = _one(rules, sealed.Sealed)
        mask = _one(rules, masked.Masked)
        buying, promoter = table.buy_now(rules), table.own_promoter(rules)
        chance = _one(rules, SecondChanceRule)
        return cls(
            starting_price=starting.amount if starting else None,
            increments=Increments.of(steps) if steps else None,
            reserve=reserve.commitment if reserve else None,
            buy_now=BuyNow(**asdict(buying)) if buying else None,
            proxy_bids=table.proxy_bids(rules),
            sealed=Sealed(**asdict(hidden)) if hidden else None,
            soft_close=SoftClose(**asdict(soft)) if soft else None,
            withdrawal=Withdrawal(within=withdrawal.within) if withdrawal else None,
            masked=Masked(**asdict(mask)) if mask else None,
            promoter=Promoter.of(promoter) if promoter else None,
            own_lot=OwnLot(owners=list(own.owners), staff=own.staff) if own else None,
            second_chance=SecondChance(**asdict(chance)) if chance else None,
            must_lead=table.must_lead(rules),
            sentences=list(table.sentences(rules)),
        )


@strawberry.input(description="A line of a table of increments.")
class BracketInput:
    start: Decimal | None = strawberry.field(
        default=None,
        description=(
            "It goes from this amount up to the next line's start. Null in the first line, which goes from 0."
        ),
    )
    step: Decimal = strawberry.field(description="By how much a bid must be higher there.")


@strawberry.input(
    description="Sealed bids; they go neither with increments nor with anything else that shows amounts."
)
class SealedInput:
    second_price: bool = strawberry.field(
        default=False, description="Whether the winner pays the second highest amount."
    )


@strawberry.input(
    description=(
        "By how much a bid must be higher, by one or two tables. Without any it is the house's own "
        "table, over the leading bid."
    )
)
class IncrementsInput:
    over_leader: list[BracketInput] | None = strawberry.field(
        default=None, description="At most 30 lines: higher than the leading bid."
    )
    over_own: list[BracketInput] | None = strawberry.field(
        default=None, description="At most 30 lines: higher than the bidder's own highest."
    )


@strawberry.input(
    description="How a bid shortly before the end moves the end; `times`, `hardEnd` or both say where that ends."
)
class SoftCloseInput:
    window: int = strawberry.field(description="So many seconds before the end, at most a day.")
    extension: int = strawberry.field(description="By so many seconds, at most a day.")
    times: int | None = strawberry.field(default=None, description="So often at most, up to 1,000.")
    hard_end: datetime | None = strawberry.field(
        default=None, description="Never beyond this moment, which is after endsAt."
    )


@strawberry.input(description="A price at which anybody may buy, which ends the auction at once.")
class BuyNowInput:
    price: Decimal = strawberry.field(
        description="What the buyer pays: more than the starting price."
    )
    until: Decimal | None = strawberry.field(
        default=None,
        description="Offered until the leading bid counts so much, which is less than the price; null: until the first bid.",
    )


@strawberry.input(description="How long bidders may delete their own bids.")
class WithdrawalInput:
    within: int | None = strawberry.field(
        default=None,
        description=(
            "So many seconds after the bid was accepted, at most 30 days; 0 means never, null until the auction ends, as "
            "without this rule."
        ),
    )


@strawberry.input(
    description="What the promoter does in the auction, for good, whatever the portal's policies say."
)
class PromoterInput:
    off: bool = strawberry.field(
        default=False, description="Whether no tick draws here; then there are no options."
    )
    chance: Decimal = strawberry.field(
        default=CERTAIN, description="The chance that a tick draws here, in per cent, up to 100."
    )
    weight: list[str] | None = strawberry.field(
        default=None,
        description="Options whose product a bid's weight is, see docs; null: each bid the same.",
    )
    exclude: list[str] | None = strawberry.field(
        default=None, description="Options by which bids take no part."
    )
    limit: list[str] | None = strawberry.field(
        default=None, description='Options by which no more are doubled, each as "name:number".'
    )


@strawberry.input(description="Who can't bid, because the lot is theirs.")
class OwnLotInput:
    owners: list[UUID] | None = strawberry.field(
        default=None,
        description="The ids of at most 20 users, such as its seller and its consignors. They must exist.",
    )
    staff: bool = strawberry.field(default=False, description="Whether nobody of the house can.")


@strawberry.input(description="Who is offered the lot if the winner does not confirm.")
class SecondChanceInput:
    confirm_within: int = strawberry.field(
        description="So many seconds after the announcement the winner has, at most 30 days."
    )
    answer_within: int = strawberry.field(
        description="So many seconds each of the next ones has, at most 30 days."
    )
    most: int = strawberry.field(
        default=3, description="So many bidders beside the winner are asked at most, 1 to 20."
    )


@strawberry.input(
    description='Others see "Bidder 1", "Bidder 2" and so on in the place of names; the house sees names.'
)
class MaskedInput:
    names_winner: bool = strawberry.field(
        default=False,
        description="Whether the winner's name is shown once the auction is closed; otherwise never.",
    )


@strawberry.input(
    description="What an auction goes by beside the plain rules, for good once there was a bid; each rule can be left out."
)
class RulesInput:
    preset: Preset = strawberry.field(
        default=Preset.PLAIN,
        description="Rules that go together; those that are given take the place of its own.",
    )
    starting_price: Decimal | None = strawberry.field(default=None, description="No bid is lower.")
    increments: IncrementsInput | None = strawberry.field(
        default=None, description="By how much a bid is higher than what there is."
    )
    reserve: Decimal | None = strawberry.field(
        default=None,
        description="Hidden until the end: nobody wins with a lower bid. Public is only whether it is met.",
    )
    buy_now: BuyNowInput | None = strawberry.field(
        default=None, description="A price at which it can be bought at once."
    )
    proxy_bids: bool = strawberry.field(
        default=False,
        description="Whether a bidder can set a private maximum; it needs increments over the leading bid.",
    )
    sealed: SealedInput | None = strawberry.field(
        default=None, description="Amounts are hidden until the end."
    )
    soft_close: SoftCloseInput | None = strawberry.field(
        default=None, description="How a bid shortly before the end moves the end."
    )
    withdrawal: WithdrawalInput | None = strawberry.field(
        default=None, description="How long bidders may delete their own bids."
    )
    masked: MaskedInput | None = strawberry.field(
        default=None, description="Bidders are known to each other by numbers alone."
    )
    promoter: PromoterInput | None = strawberry.field(
        default=None,
        description="What the promoter does here; null: as the preset says, or else by the portal's policies.",
    )
    own_lot: OwnLotInput | None = strawberry.field(
        default=None, description="Who can't bid, because the lot is theirs."
    )
    second_chance: SecondChanceInput | None = strawberry.field(
        default=None, description="Who is offered the lot if the winner does not confirm in time."
    )


def chosen(given: RulesInput | None) -> table.Rules:
    """The rules that were chosen, in their order; they are not checked yet."""
    given = given or RulesInput()
    steps, soft = given.increments, given.soft_close
    over_leader, over_own = (
        (_table(steps.over_leader), _table(steps.over_own)) if steps else ((), ())
    )
    if steps and not (over_leader or over_own):
        over_leader = increments.HOUSE_TABLE
    kept, own, chance = given.withdrawal, given.own_lot, given.second_chance
    withdrawal = WithdrawalRule(kept.within) if kept and kept.within is not None else None
    return rules_of(
        given.preset.value,
        starting_price=given.starting_price,
        over_leader=over_leader,
        over_own=over_own,
        buy_now=buy_now.BuyNow(**asdict(given.buy_now)) if given.buy_now else None,
        proxy_bids=ProxyBids() if given.proxy_bids else None,
        sealed=sealed.Sealed(**asdict(given.sealed)) if given.sealed else None,
        soft_close=soft_close.SoftClose(**asdict(soft)) if soft else None,
        withdrawal=withdrawal,
        promoter=_promoter(given.promoter) if given.promoter else None,
        own_lot=OwnLotRule(tuple(own.owners or ()), own.staff) if own else None,
        second_chance=SecondChanceRule(**asdict(chance)) if chance else None,
        without={WithdrawalRule} if kept and not withdrawal else (),
        masked=masked.Masked(**asdict(given.masked)) if given.masked else None,
    )


def _promoter(given: PromoterInput) -> OwnPromoter:
    weight, none = OwnPromoter().weight, tuple[str, ...]()
    return OwnPromoter(
        given.off,
        given.chance,
        tuple(given.weight) if given.weight is not None else weight,
        tuple(given.exclude or none),
        tuple(given.limit or none),
    )


def _one(rules: table.Rules, kind: type[Kind]) -> Kind | None:
    return next((rule for rule in rules if isinstance(rule, kind)), None)


def _brackets(lines: Sequence[increments.Bracket]) -> list[Bracket]:
    return [Bracket(start=line.start, step=line.step) for line in lines]


def _table(lines: Sequence[BracketInput] | None) -> increments.Table:
    return tuple(
        increments.Bracket(line.start if line.start is not None else increments.NOTHING, line.step)
        for line in lines or ()
    )
