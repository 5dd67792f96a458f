"""Documents as MongoDB stores them.

Times are text with microseconds in UTC, because BSON's dates end at milliseconds; such text
sorts as the times do. Money is Decimal128.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import asdict, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal
from unicodedata import normalize
from uuid import UUID

from bson.decimal128 import Decimal128

from commands.domain.hidden import HIDDEN
from commands.domain.pauses import Pause
from commands.domain.rules.reserve import ReservePrice
from commands.domain.rules.table import Rules, name_of
from commands.record.codec import decode_rules, encode_rules, shown_rules
from commands.record.unknown import Unknown
from projections.documents import (
    AuctionDocument,
    BidderDocument,
    BidDocument,
    Details,
    Draw,
    HouseDecision,
    Moment,
    OfferDocument,
    OfferStep,
    Purchase,
    SaleDocument,
    UserDocument,
    WinnerDocument,
)

Bson = dict[str, Any]
State = Literal["open", "paused", "closed", "cancelled"]
# In the place of a rule's name: of auctions without any rule beside the plain ones, and of all others.
PLAIN, RULED = "plain", "ruled"

_TIMES = {"starts_at", "ends_at", "first_ends_at", "placed_at", "announced_at"}
_DECISIONS = ("cancelled", "closed_early", "paused")
# What is stored in another form, or only where there is any.
_BY_THEMSELVES = {
    "top_bids",
    "winner",
    "rules",
    "first_ends_at",
    "bought",
    "reserve_met",
    "reserve",
    "pauses",
    "first",
    "details_version",
    *_DECISIONS,
}
_AMOUNTS = {"amount", "effective_amount"}
_AUCTION_FIELDS = {field.name for field in fields(AuctionDocument)}
# What is stored of an auction beside its own fields, also by releases of before.
_BESIDE = {"_id", "listed", "leading_amount", "title_words", "rule_set"}
# The fields that documents are stored with, by what they are of.
STORED_FIELDS: Mapping[str, Set[str]] = {
    "auctions": _AUCTION_FIELDS | _BESIDE,
    "bids": {field.name for field in fields(BidDocument)} | {"_id", "live", "sealed_amount"},
}


def moment(value: datetime) -> str:
    """A time as text that sorts in the order of times."""
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def words(title: str) -> list[str]:
    """The title's different words, folded, by which a search finds it."""
    return sorted(set(folded(title)))


def folded(text: str) -> list[str]:
    """The text's words in their order, case-folded and in one normal form."""
    return normalize("NFC", text).casefold().split()


def from_bid(bid: BidDocument) -> Bson:
    """The bid's document, with `live` for the indexes."""
    amount = Decimal128(bid.amount)
    stored: Bson = {
        "_id": bid.id,
        "auction_id": bid.auction_id,
        "bidder_id": bid.bidder_id,
        "amount": amount,
        "effective_amount": Decimal128(bid.effective_amount) if bid.doubled else amount,
        "placed_at": moment(bid.placed_at),
        "placed_version": bid.placed_version,
        "reached_version": bid.reached_version,
        "doubled": bid.doubled,
        "deleted_version": bid.deleted_version,
        "version": bid.version,
        "live": not bid.deleted,
    }
    if bid.removed:
        stored["removed"] = _from_decision(bid.removed)
    if bid.number:
        stored["number"] = bid.number
    if bid.automatic:
        stored["automatic"] = True
    if bid.commitment:
        # By the last one it is found as it was until it was revealed; see past.
        stored |= {
            "commitment": bid.commitment,
            "hidden": bid.hidden,
            "salt": bid.salt,
            "sealed_amount": Decimal128(HIDDEN),
        }
    return stored


def bid_to_change(stored: Mapping[str, Any]) -> BidDocument:
    """As to_bid, for writing it again; Unknown if a newer release has stored more of it, which would be lost."""
    return to_bid(_whole(stored, "bids"))


def _whole(stored: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    if unknown := stored.keys() - STORED_FIELDS[what]:
        raise Unknown(f"field {min(unknown)} in documents of {what}")
    return stored


def to_bid(stored: Mapping[str, Any]) -> BidDocument:
    """The bid in a stored document."""
    return BidDocument(
        id=stored["_id"],
        auction_id=stored["auction_id"],
        bidder_id=stored["bidder_id"],
        amount=stored["amount"].to_decimal(),
        effective_amount=stored["effective_amount"].to_decimal(),
        placed_at=datetime.fromisoformat(stored["placed_at"]),
        placed_version=stored["placed_version"],
        reached_version=stored["reached_version"],
        doubled=stored["doubled"],
        deleted_version=stored["deleted_version"],
        version=stored["version"],
        removed=_to_decision(stored["removed"]) if "removed" in stored else None,
        number=stored.get("number"),
        commitment=stored.get("commitment"),
        hidden=stored.get("hidden", False),
        salt=stored.get("salt"),
        automatic=stored.get("automatic", False),
    )


def _from_decision(decision: HouseDecision) -> Bson:
    return _stored(asdict(decision))


def _to_decision(stored: Mapping[str, Any]) -> HouseDecision:
    return HouseDecision(**{**stored, "at": datetime.fromisoformat(stored["at"])})


def _from_details(details: Details) -> Bson:
    stored = _stored(
        {
            "title": details.title,
            "description": details.description,
            "starts_at": details.starts_at,
            "ends_at": details.ends_at,
        }
    )
    if details.rules:
        stored["rules"] = encode_rules(details.rules)
    if details.paused:
        stored["paused"] = _from_decision(details.paused)
    if details.pauses:
        stored["pauses"] = _from_pauses(details.pauses)
    return stored


def _to_details(stored: Mapping[str, Any], rules: Callable[[Bson], Rules]) -> Details:
    return Details(
        title=stored["title"],
        description=stored["description"],
        starts_at=datetime.fromisoformat(stored["starts_at"]),
        ends_at=datetime.fromisoformat(stored["ends_at"]),
        rules=rules(stored.get("rules", {})),
        paused=_to_decision(stored["paused"]) if "paused" in stored else None,
        pauses=_to_pauses(stored.get("pauses", ())),
    )


def _from_pauses(pauses: Iterable[Pause]) -> list[list[str]]:
    return [[moment(each.since), moment(each.until)] for each in pauses]


def _to_pauses(stored: Iterable[Iterable[str]]) -> tuple[Pause, ...]:
    return tuple(Pause(*map(datetime.fromisoformat, each)) for each in stored)


def from_bidder(bidder: BidderDocument) -> Bson:
    """The bidder's document, keyed by auction and bidder."""
    return {
        "_id": {"auction_id": bidder.auction_id, "bidder_id": bidder.bidder_id},
        "live": bidder.live,
        "version": bidder.version,
    }


def to_bidder(stored: Mapping[str, Any]) -> BidderDocument:
    """The bidder in a stored document."""
    return BidderDocument(**stored["_id"], live=stored["live"], version=stored["version"])


def from_winner(winner: WinnerDocument) -> Bson:
    """The winner's document, keyed by the auction."""
    stored: Bson = {
        "_id": winner.auction_id,
        "auction_title": winner.auction_title,
        "bid": from_bid(winner.bid),
        "announced_at": moment(winner.announced_at),
        "version": winner.version,
    }
    if winner.user_id:
        stored["user_id"] = winner.user_id
    if winner.price is not None:
        stored["price"] = Decimal128(winner.price)
    if winner.sale:
        stored["sale"] = {
            "failed_version": winner.sale.failed_version,
            "offers": [_from_offer(offer) for offer in winner.sale.offers],
        }
    return stored


def _from_offer(offer: OfferDocument) -> Bson:
    stored = {field.name: getattr(offer, field.name) for field in fields(offer)}
    return _stored(stored | {"steps": [_stored(asdict(step)) for step in offer.steps]})


def _to_sale(stored: Mapping[str, Any]) -> SaleDocument:
    offers = tuple(_to_offer(offer) for offer in stored["offers"])
    return SaleDocument(offers, stored["failed_version"])


def _to_offer(stored: Mapping[str, Any]) -> OfferDocument:
    times = {name: datetime.fromisoformat(stored[name]) for name in ("until", "at")}
    steps = tuple(
        OfferStep(**{**step, "at": datetime.fromisoformat(step["at"])}) for step in stored["steps"]
    )
    return OfferDocument(
        **{**stored, **times, "amount": stored["amount"].to_decimal(), "steps": steps}
    )


def to_winner(stored: Mapping[str, Any]) -> WinnerDocument:
    """The winner in a stored document."""
    return WinnerDocument(
        auction_id=stored["_id"],
        auction_title=stored["auction_title"],
        bid=to_bid(stored["bid"]),
        announced_at=datetime.fromisoformat(stored["announced_at"]),
        user_id=stored.get("user_id"),
        price=stored["price"].to_decimal() if "price" in stored else None,
        sale=_to_sale(stored["sale"]) if "sale" in stored else None,
    )


def from_auction(auction: AuctionDocument) -> Bson:
    """The auction's document, with its title's words for searching."""
    own = {
        field.name: getattr(auction, field.name)
        for field in fields(auction)
        if field.name not in _BY_THEMSELVES
    }
    # Of an auction with the plain rules alone nothing of them is kept.
    if auction.rules:
        own["rules"] = encode_rules(auction.rules)
    if auction.first_ends_at:
        own["first_ends_at"] = auction.first_ends_at
    if auction.reserve_met:
        own["reserve_met"] = True
    if auction.reserve:
        own["reserve"] = {"amount": str(auction.reserve.amount), "salt": auction.reserve.salt}
    if auction.bought:
        own["bought"] = _stored(asdict(auction.bought))
    for name in _DECISIONS:
        if decision := getattr(auction, name):
            own[name] = _from_decision(decision)
    if auction.first:
        own["first"] = _from_details(auction.first)
        own["details_version"] = auction.details_version
    if auction.pauses:
        own["pauses"] = _from_pauses(auction.pauses)
    return {
        **_plain(_stored(own)),
        **listing(auction),
        "title_words": words(auction.title),
        "top_bids": [from_bid(bid) for bid in auction.top_bids],
        "winner": from_winner(auction.winner) if auction.winner else None,
    }


def listing(auction: AuctionDocument) -> Bson:
    """What lists of auctions are filtered and sorted by, beside the auction's own fields.

    Without live bids the leading amount is zero.
    """
    leading = auction.top_bids[0].effective_amount if auction.top_bids else Decimal("0.00")
    return {"listed": lists_with(auction), "leading_amount": Decimal128(leading)}


def lists_with(auction: AuctionDocument) -> list[str]:
    """The names of the lists that an auction is in: by its state, of the plain ones, or of those with each of its rules."""
    state = _state(auction)
    names = [name_of(rule) for rule in auction.rules]
    return [list_name(state, name) for name in ([RULED, *names] if names else [PLAIN])]


def _state(auction: AuctionDocument) -> State:
    if auction.cancelled:
        return "cancelled"
    if auction.closed:
        return "closed"
    return "paused" if auction.paused else "open"


def list_name(state: State, rule: str) -> str:
    """The name of the list of auctions in that state that have that rule."""
    return f"{state} {rule}"


def auction_to_change(stored: Mapping[str, Any]) -> AuctionDocument:
    """The auction in a stored document, for writing it again; Unknown if a newer release has stored more of it."""
    return _auction(_whole(stored, "auctions"), decode_rules)


def to_auction(stored: Mapping[str, Any]) -> AuctionDocument:
    """The auction in a stored document, as far as this release knows it."""
    return _auction(stored, shown_rules)


def _auction(stored: Mapping[str, Any], rules: Callable[[Bson], Rules]) -> AuctionDocument:
    values = _read(stored, _AUCTION_FIELDS)
    values["top_bids"] = tuple(to_bid(bid) for bid in stored["top_bids"])
    values["winner"] = to_winner(stored["winner"]) if stored["winner"] else None
    values["rules"] = rules(stored.get("rules", {}))
    if reserve := stored.get("reserve"):
        values["reserve"] = ReservePrice(Decimal(reserve["amount"]), reserve["salt"])
    if bought := stored.get("bought"):
        at = datetime.fromisoformat(bought["at"])
        values["bought"] = Purchase(bought["bid_id"], at, bought["version"])
    for name in _DECISIONS:
        if decision := stored.get(name):
            values[name] = _to_decision(decision)
    if first := stored.get("first"):
        values["first"] = _to_details(first, rules)
    values["pauses"] = _to_pauses(stored.get("pauses", ()))
    return AuctionDocument(**values)


def moment_key(auction_id: UUID, version: int) -> Bson:
    """The key of an auction's moment; keys sort by the auction, then by the version."""
    return {"auction_id": auction_id, "version": version}


def from_moment(then: Moment) -> Bson:
    """The moment's document, keyed by auction and version; without what is as in a moment that has none of it."""
    stored: Bson = {
        "_id": moment_key(then.auction_id, then.version),
        "recorded_at": moment(then.recorded_at),
        "kind": then.kind,
        "bid_count": then.bid_count,
        "bidder_count": then.bidder_count,
    }
    # There are as many as events: what is left out is neither encoded nor stored.
    if then.leading:
        stored["leading"] = then.leading
    if then.led:
        stored["led"] = True
    if then.bid_id:
        stored["bid_id"] = then.bid_id
    if then.last_bid:
        stored["last_bid"] = then.last_bid
    if then.closed_version:
        stored["closed_version"] = then.closed_version
    if then.ends_at:
        stored["ends_at"] = moment(then.ends_at)
    if then.reserve_met:
        stored["reserve_met"] = True
    if then.draw:
        stored["draw"] = _drawn(then.draw)
    if then.details_version:
        stored["details_version"] = then.details_version
    if then.details:
        stored["details"] = _from_details(then.details)
    return stored


def _drawn(draw: Draw) -> Bson:
    # A product of weights may be larger than any number of BSON.
    return asdict(draw) | {"weight": str(draw.weight), "total_weight": str(draw.total_weight)}


def to_moment(stored: Mapping[str, Any]) -> Moment:
    """The moment in a stored document."""
    draw = stored.get("draw")
    values = {
        name: value for name, value in stored.items() if name not in {"_id", "draw", "details"}
    }
    for name in ("recorded_at", "ends_at"):
        if name in values:
            values[name] = datetime.fromisoformat(stored[name])
    return Moment(
        **stored["_id"],
        **values,
        draw=draw and Draw(**{name: int(value) for name, value in draw.items()}),
        details=_to_details(stored["details"], shown_rules) if "details" in stored else None,
    )


def from_user(user: UserDocument) -> Bson:
    """The user's document."""
    return _plain(asdict(user))


def to_user(stored: Mapping[str, Any]) -> UserDocument:
    """The user in a stored document."""
    return UserDocument(**_read(stored, {field.name for field in fields(UserDocument)}))


def _plain(values: Bson) -> Bson:
    return {"_id": values["id"], **{name: v for name, v in values.items() if name != "id"}}


def _stored(values: Bson) -> Bson:
    return {name: _stored_value(value) for name, value in values.items()}


def _stored_value(value: Any) -> Any:
    match value:
        case datetime():
            return moment(value)
        case Decimal():
            return Decimal128(value)
        case _:
            return value


def _read(stored: Mapping[str, Any], names: set[str]) -> Bson:
    values: Bson = {"id": stored["_id"]}
    for name, value in stored.items():
        if name in _TIMES:
            values[name] = datetime.fromisoformat(value)
        elif name in _AMOUNTS:
            values[name] = value.to_decimal()
        elif name in names:
            values[name] = value
    return values
