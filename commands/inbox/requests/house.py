"""Requests of auctioneers: to create an auction, and to intervene in one."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Unpack
from uuid import UUID

from commands.domain.commands import (
    CancelAuction,
    CloseAuctionNow,
    CreateAuction,
    ForfeitSale,
    PauseAuction,
    RemoveBid,
    ResumeAuction,
    ReviseAuction,
)
from commands.domain.revisions import Revision
from commands.domain.rules.rule import InvalidRule
from commands.domain.rules.table import Rules, buy_now, check, in_order
from commands.ids import new_id
from commands.inbox.hiding import HiddenReserve
from commands.inbox.invalid import InvalidInput
from commands.inbox.requests.asking import Caller, How, submission
from commands.inbox.text import checked_text
from commands.jobs import Submission
from commands.record.codec import encode, encode_rules
from commands.streams import Stream

Intervention = (
    CancelAuction | CloseAuctionNow | PauseAuction | ResumeAuction | RemoveBid | ForfeitSale
)
# Why the house did something to an auction, for everybody to read.
LONGEST_REASON = 500


def create_auction(
    caller: Caller,
    *,
    title: str,
    description: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime,
    rules: Rules = (),
    reserve: HiddenReserve | None = None,
    **how: Unpack[How],
) -> Submission:
    """The command to create an auction, with a new id for it, or the one that its reserve is hidden for; InvalidInput."""
    command = CreateAuction(
        auction_id=reserve.auction_id if reserve else new_id(),
        title=checked_text("title", title, 200),
        description=_description(description),
        starts_at=_moment("startsAt", starts_at) if starts_at else None,
        ends_at=_moment("endsAt", ends_at),
        created_by=caller.user_id,
        rules=_checked_rules(rules, reserve),
    )
    content: dict[str, Any] = {
        "title": command.title,
        "description": command.description,
        "starts_at": starts_at and starts_at.isoformat(),
        "ends_at": ends_at.isoformat(),
    }
    if rules:
        content["rules"] = encode_rules(rules)
    if reserve:
        content["reserve"] = reserve.fingerprint
    return submission(caller, Stream("auction", command.auction_id), command, content, **how)


def revise_auction(
    caller: Caller,
    *,
    auction_id: UUID,
    title: str | None = None,
    description: str | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    rules: Rules | None = None,
    reserve: HiddenReserve | None = None,
    **how: Unpack[How],
) -> Submission:
    """The command to change what is given, the rest stays; an empty description is one. InvalidInput.

    The rules, with the reserve, take the place of all that the auction has.
    """
    changes = Revision(
        title=checked_text("title", title, 200) if title is not None else None,
        description=_description(description) if description is not None else None,
        starts_at=_moment("startsAt", starts_at) if starts_at else None,
        ends_at=_moment("endsAt", ends_at) if ends_at else None,
        rules=_checked_rules(rules, reserve) if rules is not None else None,
    )
    if not changes.given:
        raise InvalidInput("input", "a revision needs something that it changes")
    content: dict[str, Any] = {"revised": str(auction_id), **encode(replace(changes, rules=None))}
    if rules is not None:
        content["rules"] = encode_rules(rules)
    if reserve:
        content["reserve"] = reserve.fingerprint
    command = ReviseAuction(auction_id, changes, caller.user_id)
    return submission(caller, Stream("auction", auction_id), command, content, **how)


def cancel_auction(
    caller: Caller, *, auction_id: UUID, reason: str, **how: Unpack[How]
) -> Submission:
    """The command to close an auction without a winner; InvalidInput for a wrong reason."""
    command = CancelAuction(auction_id, _checked_reason(reason), caller.user_id)
    return _intervention(caller, command, {"cancelled": str(auction_id)}, how)


def close_auction_now(
    caller: Caller, *, auction_id: UUID, reason: str, **how: Unpack[How]
) -> Submission:
    """The command to end an auction at the moment of acceptance; InvalidInput for a wrong reason."""
    command = CloseAuctionNow(auction_id, _checked_reason(reason), caller.user_id)
    return _intervention(caller, command, {"closed": str(auction_id)}, how)


def pause_auction(
    caller: Caller, *, auction_id: UUID, reason: str, **how: Unpack[How]
) -> Submission:
    """The command to have time stand still from the moment of acceptance; InvalidInput for a wrong reason."""
    command = PauseAuction(auction_id, _checked_reason(reason), caller.user_id)
    return _intervention(caller, command, {"paused": str(auction_id)}, how)


def resume_auction(
    caller: Caller, *, auction_id: UUID, reason: str, **how: Unpack[How]
) -> Submission:
    """The command to have time go on from the moment of acceptance; InvalidInput for a wrong reason."""
    command = ResumeAuction(auction_id, _checked_reason(reason), caller.user_id)
    return _intervention(caller, command, {"resumed": str(auction_id)}, how)


def remove_bid(
    caller: Caller, *, auction_id: UUID, bid_id: UUID, reason: str, **how: Unpack[How]
) -> Submission:
    """The command to delete anybody's bid in the house's name; InvalidInput for a wrong reason."""
    command = RemoveBid(auction_id, bid_id, _checked_reason(reason), caller.user_id)
    content = {"auction_id": str(auction_id), "removed": str(bid_id)}
    return _intervention(caller, command, content, how)


def forfeit_sale(
    caller: Caller, *, auction_id: UUID, bid_id: UUID, reason: str, **how: Unpack[How]
) -> Submission:
    """The command to take the lot from that bid's bidder in the house's name; InvalidInput for a wrong reason."""
    command = ForfeitSale(auction_id, bid_id, _checked_reason(reason), caller.user_id)
    content = {"auction_id": str(auction_id), "forfeited": str(bid_id)}
    return _intervention(caller, command, content, how)


def _checked_reason(reason: str) -> str:
    return checked_text("reason", reason, LONGEST_REASON)


def _intervention(
    caller: Caller, command: Intervention, content: Mapping[str, str], how: How
) -> Submission:
    stream = Stream("auction", command.auction_id)
    return submission(caller, stream, command, {**content, "reason": command.reason}, **how)


def _description(text: str) -> str:
    return checked_text("description", text, 5000, lines=True) if text else ""


def _checked_rules(rules: Rules, reserve: HiddenReserve | None) -> Rules:
    """The rules with the one that hides the reserve; InvalidInput if they can't be chosen so."""
    chosen = in_order([*rules, reserve.rule()]) if reserve else rules
    try:
        check(chosen)
    except InvalidRule as error:
        raise InvalidInput("rules", str(error)) from error
    if reserve and (buying := buy_now(rules)) and buying.price < reserve.amount:
        raise InvalidInput("rules", "a buy-now price is not lower than the reserve")
    return chosen


def _moment(name: str, value: datetime) -> datetime:
    if value.tzinfo is None:
        raise InvalidInput(name, "a time needs its zone, e.g. 2030-01-31T18:00:00Z")
    return value
