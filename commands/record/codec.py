"""Commands and events to JSON and back, by their fields' types; older forms are upcast first.

A field with a default is absent while it has it. So a field that is added with a default needs no new
form: what was written before reads as it did. What a newer release wrote is never read in part: whoever does not know
all of it gets Unknown.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar, get_args, get_origin, get_type_hints
from uuid import UUID

from commands.domain import commands, events
from commands.domain.maximum import Maximum
from commands.domain.revisions import Revision
from commands.domain.rules.increments import Bracket
from commands.domain.rules.masked import Alias
from commands.domain.rules.rule import Rule
from commands.domain.rules.table import RULES, Rules, in_order, name_of
from commands.domain.rules.unknown import UnknownRule
from commands.domain.sale import Sale, SaleState
from commands.record.unknown import Unknown
from commands.record.upcasters import CURRENT_SCHEMA, upcast
from commands.streams import StreamKind

# The type names in the log and the inbox. They are explicit, so that classes can be renamed.
EVENT_TYPES: Mapping[str, type[events.Event]] = {
    "AuctionCreated": events.AuctionCreated,
    "BidPlaced": events.BidPlaced,
    "BoughtNow": events.BoughtNow,
    "SealedBidPlaced": events.SealedBidPlaced,
    "MaximumSet": events.MaximumSet,
    "MaximumEnded": events.MaximumEnded,
    "BidRevealed": events.BidRevealed,
    "BidNotRevealed": events.BidNotRevealed,
    "AuctionExtended": events.AuctionExtended,
    "ReserveMet": events.ReserveMet,
    "ReserveMissed": events.ReserveMissed,
    "ReserveRevealed": events.ReserveRevealed,
    "BidDeleted": events.BidDeleted,
    "BidRemoved": events.BidRemoved,
    "BidDoubled": events.BidDoubled,
    "NothingDrawn": events.NothingDrawn,
    "WinnerAnnounced": events.WinnerAnnounced,
    "AuctionEndedUnsold": events.AuctionEndedUnsold,
    "AuctionCancelled": events.AuctionCancelled,
    "AuctionClosedEarly": events.AuctionClosedEarly,
    "AuctionPaused": events.AuctionPaused,
    "AuctionResumed": events.AuctionResumed,
    "AuctionRevised": events.AuctionRevised,
    "LotOffered": events.LotOffered,
    "OfferAccepted": events.OfferAccepted,
    "OfferDeclined": events.OfferDeclined,
    "OfferLapsed": events.OfferLapsed,
    "SaleForfeited": events.SaleForfeited,
    "SaleFailed": events.SaleFailed,
    "UserCreated": events.UserCreated,
    "UserDeleted": events.UserDeleted,
    "UserBanned": events.UserBanned,
    "BanLifted": events.BanLifted,
    "ExposureLimited": events.ExposureLimited,
    "ExposureLimitLifted": events.ExposureLimitLifted,
    "TickCommitted": events.TickCommitted,
    "TickMade": events.TickMade,
    "DrawsAccepted": events.DrawsAccepted,
    "SecretRevealed": events.SecretRevealed,
    "TickGivenUp": events.TickGivenUp,
    "PolicyChanged": events.PolicyChanged,
    "PolicyWithdrawn": events.PolicyWithdrawn,
}
COMMAND_TYPES: Mapping[str, type[commands.Command]] = {
    "CreateAuction": commands.CreateAuction,
    "PlaceBid": commands.PlaceBid,
    "BuyNow": commands.BuyNow,
    "PlaceSealedBid": commands.PlaceSealedBid,
    "SetMaximum": commands.SetMaximum,
    "ClearMaximum": commands.ClearMaximum,
    "DeleteBid": commands.DeleteBid,
    "RemoveBid": commands.RemoveBid,
    "DoubleBid": commands.DoubleBid,
    "AnnounceWinner": commands.AnnounceWinner,
    "CancelAuction": commands.CancelAuction,
    "CloseAuctionNow": commands.CloseAuctionNow,
    "PauseAuction": commands.PauseAuction,
    "ResumeAuction": commands.ResumeAuction,
    "ReviseAuction": commands.ReviseAuction,
    "AnswerOffer": commands.AnswerOffer,
    "LapseOffer": commands.LapseOffer,
    "ForfeitSale": commands.ForfeitSale,
    "WithdrawBids": commands.WithdrawBids,
    "CreateUser": commands.CreateUser,
    "DeleteUser": commands.DeleteUser,
    "BanUser": commands.BanUser,
    "LiftBan": commands.LiftBan,
    "LimitExposure": commands.LimitExposure,
    "LiftExposureLimit": commands.LiftExposureLimit,
    "ChangePolicy": commands.ChangePolicy,
    "WithdrawPolicy": commands.WithdrawPolicy,
}
_STREAM_KINDS: Mapping[type[events.Event], StreamKind] = {
    **dict.fromkeys(get_args(events.AuctionEvent), "auction"),
    **dict.fromkeys(get_args(events.UserEvent), "user"),
    **dict.fromkeys(get_args(events.TickEvent), "tick"),
    **dict.fromkeys(get_args(events.PolicyEvent), "policies"),
}
# The events of auctions that every release knows which looks at what an auction needs (ADR 0043). One that is added later
# is not among them: a release that does not know it leaves auctions that have it to newer ones.
KNOWN_TO_ALL = frozenset(
    {
        "AuctionCreated",
        "BidPlaced",
        "AuctionExtended",
        "ReserveMet",
        "ReserveMissed",
        "ReserveRevealed",
        "BidDeleted",
        "BidRemoved",
        "BidDoubled",
        "NothingDrawn",
        "WinnerAnnounced",
        "AuctionEndedUnsold",
        "AuctionCancelled",
        "AuctionClosedEarly",
    }
)
_EVENT_NAMES = {kind: name for name, kind in EVENT_TYPES.items()}
_COMMAND_NAMES = {kind: name for name, kind in COMMAND_TYPES.items()}

Message = TypeVar("Message")
# An event or a command, or a part of one.
Encoded = events.Event | commands.Command | Rule | Bracket | Alias | Revision | Sale | Maximum
Json = dict[str, Any]

_DECODERS: Mapping[type, Callable[[Any], Any]] = {
    UUID: UUID,
    Decimal: Decimal,
    datetime: datetime.fromisoformat,
    str: str,
    int: int,
    bool: bool,
    events.NoDoubling: events.NoDoubling,
    SaleState: SaleState,
    Bracket: lambda data: _decoded(Bracket, data),
    Alias: lambda data: _decoded(Alias, data),
    Revision: lambda data: _decoded(Revision, data),
}


def event_name(event: events.Event) -> str:
    """The event's type in the log."""
    return _EVENT_NAMES[type(event)]


def command_name(command: commands.Command) -> str:
    """The command's type in the inbox."""
    return _COMMAND_NAMES[type(command)]


def kind_of(event: events.Event) -> StreamKind:
    """The kind of stream that such an event belongs to."""
    return _STREAM_KINDS[type(event)]


def encode(message: Encoded) -> Json:
    """The message's fields as JSON values: ids, money and times as text."""
    return {
        name: _encoded(value)
        for name, default in _WRITTEN[type(message)]
        if (value := getattr(message, name)) != default
    }


def encode_fields(message: events.Event, names: Iterable[str]) -> Json:
    """Those of the message's fields as JSON values; AttributeError if it has no such field."""
    return {name: _encoded(getattr(message, name)) for name in names}


def decode_event(name: str, schema_version: int, data: Json) -> events.Event:
    """The event of that type and schema version; Unknown."""
    present = CURRENT_SCHEMA.get(name, 1)
    if name not in EVENT_TYPES:
        raise Unknown(f"event {name}")
    if schema_version > present:
        raise Unknown(f"event {name} in form {schema_version}")
    if schema_version != present:
        data = upcast(name, schema_version, data)
    return _decoded(EVENT_TYPES[name], data)


def decode_command(name: str, data: Json) -> commands.Command:
    """The command of that type; Unknown."""
    if name not in COMMAND_TYPES:
        raise Unknown(f"command {name}")
    return _decoded(COMMAND_TYPES[name], data)


def encode_rules(rules: Rules) -> Json:
    """Each rule's fields as JSON values, by the rule's name."""
    return {name_of(rule): encode(rule) for rule in rules}


def decode_rules(data: Json) -> Rules:
    """The rules in their order; Unknown."""
    if unknown := sorted(data.keys() - RULES.keys()):
        raise Unknown(f"rule {unknown[0]}")
    return in_order(_decoded(RULES[name], fields) for name, fields in data.items())


def shown_rules(data: Json) -> Rules:
    """As decode_rules, for showing them alone: what this release does not know is last, by its name."""
    known, unknown = list[Rule](), list[Rule]()
    for name, own in data.items():
        try:
            known += decode_rules({name: own})
        except Unknown:
            unknown.append(UnknownRule(name))
    return (*in_order(known), *unknown)


def needed_by(recorded: Iterable[events.Event]) -> Sequence[str]:
    """What a release must know to decide an auction in which that happened, beside what all of them know."""
    names = {_EVENT_NAMES[type(event)] for event in recorded}
    return sorted(f"event {name}" for name in names - KNOWN_TO_ALL)


def is_known(what: str) -> bool:
    """Whether this release knows what another one found Unknown, or said to be needed."""
    match what.split():
        case ["event", name]:
            return name in EVENT_TYPES
        case ["event", name, "in", "form", form]:
            return name in EVENT_TYPES and int(form) <= CURRENT_SCHEMA.get(name, 1)
        case ["command", name]:
            return name in COMMAND_TYPES
        case ["rule", name]:
            return name in RULES
        case ["field", name, "of", kind]:
            return any(name == own for own, _ in _FIELDS.get(kind, ()))
        case _:
            return False


def decode_sale(data: Json) -> Sale:
    """The sale whose fields these are."""
    return _decoded(Sale, data)


def decode_maximum(data: Json) -> Maximum:
    """The maximum whose fields these are."""
    return _decoded(Maximum, data)


def canonical(value: Json) -> bytes:
    """The one way to write a JSON object, for hashing: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _encoded(value: Any) -> Any:
    match value:
        case UUID() | Decimal():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case str() | int() | None:
            return value
        case (Rule(), *_):
            return encode_rules(value)
        case tuple():
            return [_encoded(each) for each in value]
        case Bracket() | Alias():
            return encode(value)
        case Revision(rules=()):
            # No rule beside the plain ones, which is another thing than no word of them.
            return encode(replace(value, rules=None)) | {"rules": {}}
        case Revision():
            return encode(value)
        case _:
            raise TypeError(f"no JSON form for {type(value).__name__}")


def _decoded(kind: type[Message], data: Json) -> Message:
    values = {
        name: None if data[name] is None else read(data[name])
        for name, read, needed in _READERS[kind]
        if needed or name in data
    }
    if len(values) != len(data):
        raise Unknown(f"field {min(data.keys() - values.keys())} of {kind.__name__}")
    return kind(**values)


def _readers_of(kind: type[Message]) -> list[tuple[str, Callable[[Any], Any], bool]]:
    """Each field's name, what reads its JSON form (`X | None` reads as X), and whether it must be there."""
    needed = {name for name, default in _WRITTEN[kind] if default is MISSING}
    hints = get_type_hints(kind)
    return [(name, _reader(hints[name]), name in needed) for name, _ in _WRITTEN[kind]]


def _reader(hint: Any) -> Callable[[Any], Any]:
    if get_origin(hint) is tuple:
        if get_args(hint)[0] is Rule:
            return decode_rules
        read = _DECODERS[get_args(hint)[0]]
        return lambda values: tuple(read(value) for value in values)
    options = [option for option in get_args(hint) if option is not type(None)] or [hint]
    if get_origin(options[0]) is tuple:
        return _reader(options[0])
    return _DECODERS[options[0]]


_KINDS: Sequence[type[Any]] = (
    *EVENT_TYPES.values(),
    *COMMAND_TYPES.values(),
    *RULES.values(),
    Bracket,
    Alias,
    Revision,
    Sale,
    Maximum,
)
# Each field's name and default, MISSING without one.
_WRITTEN: Mapping[type, list[tuple[str, object]]] = {
    kind: [(field.name, field.default) for field in fields(kind)] for kind in _KINDS
}
_FIELDS = {kind.__name__: written for kind, written in _WRITTEN.items()}
_READERS: Mapping[type, list[tuple[str, Callable[[Any], Any], bool]]] = {
    kind: _readers_of(kind) for kind in _KINDS
}
