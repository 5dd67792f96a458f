"""Requests of people, checked for their shape and made into submissions for the inbox.

Whether a rule of the auction allows a command is decided later, by the domain.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.crypto import salted_hmac

from commands import passwords
from commands.addresses import UndeliverableAddress, deliverable
from commands.domain.amounts import InvalidAmount, amount
from commands.domain.commands import (
    CancelAuction,
    ChangePolicy,
    CloseAuctionNow,
    Command,
    CreateAuction,
    CreateUser,
    DeleteBid,
    DeleteUser,
    PlaceBid,
    RemoveBid,
    WithdrawPolicy,
)
from commands.domain.policies import STREAM as POLICIES_STREAM
from commands.domain.promoter import EXCLUSIONS, LIMITS, WEIGHTS
from commands.domain.rules.rule import InvalidRule
from commands.domain.rules.table import Rules, check
from commands.ids import new_id
from commands.inbox.deadlines import deadline
from commands.inbox.invalid import InvalidInput
from commands.inbox.keys import stored_key
from commands.inbox.text import checked_text
from commands.jobs import Submission
from commands.record.codec import command_name, encode, encode_rules
from commands.streams import Stream

USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,29}")
POLICIES = Stream("policies", POLICIES_STREAM)
ANONYMOUS = "anonymous"
KEY = re.compile(r"[\x21-\x7e]{1,200}")
# Why the house did something to an auction, for everybody to read.
LONGEST_REASON = 500
NONCE = re.compile(r"[\x21-\x7e]{1,64}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what ties the request together: a user (or nobody, or the house itself).

    With a `session_id` it is still to be checked whether that session of theirs goes on.
    """

    user_id: UUID | None
    scope: str
    correlation_id: UUID = field(default_factory=new_id)
    session_id: UUID | None = None

    @classmethod
    def user(cls, user_id: UUID, correlation_id: UUID | None = None) -> "Caller":
        """A signed-in user; idempotency keys are separate for each user."""
        return cls(user_id, f"user:{user_id}", correlation_id or new_id())

    @classmethod
    def anonymous(cls, correlation_id: UUID | None = None) -> "Caller":
        """A caller who is not signed in."""
        return cls(None, ANONYMOUS, correlation_id or new_id())

    @classmethod
    def operator(cls) -> "Caller":
        """An operator at the command line."""
        return cls(None, "operator")


def create_user(
    caller: Caller,
    *,
    username: str,
    password: str,
    email: str | None = None,
    is_staff: bool = False,
    idempotency_key: str | None = None,
    expires_in: float | None = None,
) -> Submission:
    """A sign-up. Takes some hundredths of a second of processor time: it hashes the password."""
    if not USERNAME.fullmatch(username):
        raise InvalidInput(
            "username",
            "a username is 3 to 30 letters, digits, dots, dashes or underscores, "
            "and begins with a letter or digit",
        )
    email = _email(email)
    _check_password(password, username, email)
    command = CreateUser(
        user_id=new_id(),
        username=username,
        email=email,
        password_hash=_password_hash(password, username, idempotency_key),
        is_staff=is_staff,
    )
    content = {
        "username": username,
        "email": email,
        "is_staff": is_staff,
        "password_hash": command.password_hash,
    }
    return _submission(
        caller, Stream("user", command.user_id), command, content, idempotency_key, expires_in
    )


def delete_user(
    caller: Caller,
    *,
    user_id: UUID,
    idempotency_key: str | None = None,
    expires_in: float | None = None,
) -> Submission:
    """The command to delete a user."""
    return _submission(
        caller,
        Stream("user", user_id),
        DeleteUser(user_id),
        {"user_id": str(user_id)},
        idempotency_key,
        expires_in,
    )


def create_auction(
    caller: Caller,
    *,
    title: str,
    description: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime,
    rules: Rules = (),
    idempotency_key: str | None = None,
    expires_in: float | None = None,
) -> Submission:
    """The command to create an auction, with a new id for it; InvalidInput."""
    try:
        check(rules)
    except InvalidRule as error:
        raise InvalidInput("rules", str(error)) from error
    command = CreateAuction(
        auction_id=new_id(),
        title=checked_text("title", title, 200),
        description=checked_text("description", description, 5000, lines=True)
        if description
        else "",
        starts_at=_moment("startsAt", starts_at) if starts_at else None,
        ends_at=_moment("endsAt", ends_at),
        created_by=caller.user_id,
        rules=rules,
    )
    content: dict[str, Any] = {
        "title": command.title,
        "description": command.description,
        "starts_at": starts_at and starts_at.isoformat(),
        "ends_at": ends_at.isoformat(),
    }
    if rules:
        content["rules"] = encode_rules(rules)
    return _submission(
        caller,
        Stream("auction", command.auction_id),
        command,
        content,
        idempotency_key,
        expires_in,
    )


def cancel_auction(
    caller: Caller,
    *,
    auction_id: UUID,
    reason: str,
    idempotency_key: str | None = None,
    expires_in: float | None = None,
) -> Submission:
    """The command to close an auction without a winner; InvalidInput for a wrong reason."""
    reason = checked_text("reason", reason, LONGEST_REASON)
    return _submission(
        caller,
        Stream("auction", auction_id),
        CancelAuction(auction_id, reason, caller.user_id),
        {"cancelled": str(auction_id), "reason": reason},
        idempotency_key,
        expires_in,
    )


def close_auction_now(
    caller: Caller,
    *,
    auction_id: UUID,
    reason: str,
    idempotency_key: str | None = None,
    expires_in: float | None = None,
) -> Submission:
    """The command to end an auction at the moment of acceptance; InvalidInput for a wrong reason."""
    reason = checked_text("reason", reason, LONGEST_REASON)
    return _submission(
        caller,
        Stream("auction", auction_id),
        CloseAuctionNow(auction_id, reason, caller.user_id),
        {"closed": str(auction_id), "reason": reason},
        idempotency_key,
        expires_in,
    )


def place_bid(
    caller: Caller,
    *,
    bidder_id: UUID,
    auction_id: UUID,
    amount_text: str,
    nonce: str | None = None,
    idempotency_key: str | None = None,
    expires_in: float | None = None,
) -> Submission:
    """The command to place a bid, with a new id for it; InvalidInput for a wrong amount or nonce."""
    try:
        offered = amount(amount_text)
    except InvalidAmount as error:
        raise InvalidInput("amount", str(error)) from error
    if nonce is not None and not NONCE.fullmatch(nonce):
        raise InvalidInput("nonce", "a nonce is 1 to 64 printable ASCII characters, without spaces")
    command = PlaceBid(auction_id, new_id(), bidder_id, offered, nonce)
    content = {"auction_id": str(auction_id), "amount": str(offered)}
    if nonce is not None:
        content["nonce"] = nonce
    return _submission(
        caller, Stream("auction", auction_id), command, content, idempotency_key, expires_in
    )


def delete_bid(
    caller: Caller,
    *,
    bidder_id: UUID,
    auction_id: UUID,
    bid_id: UUID,
    idempotency_key: str | None = None,
    expires_in: float | None = None,
) -> Submission:
    """The command to delete a bid of the bidder's own."""
    return _submission(
        caller,
        Stream("auction", auction_id),
        DeleteBid(auction_id, bid_id, bidder_id),
        {"auction_id": str(auction_id), "bid_id": str(bid_id)},
        idempotency_key,
        expires_in,
    )


def remove_bid(
    caller: Caller,
    *,
    auction_id: UUID,
    bid_id: UUID,
    reason: str,
    idempotency_key: str | None = None,
    expires_in: float | None = None,
) -> Submission:
    """The command to delete anybody's bid in the house's name; InvalidInput for a wrong reason."""
    reason = checked_text("reason", reason, LONGEST_REASON)
    return _submission(
        caller,
        Stream("auction", auction_id),
        RemoveBid(auction_id, bid_id, reason, caller.user_id),
        {"auction_id": str(auction_id), "removed": str(bid_id), "reason": reason},
        idempotency_key,
        expires_in,
    )


def change_policy(
    caller: Caller,
    *,
    auction_id: UUID | None = None,
    chance: Decimal,
    weight: Sequence[str],
    exclude: Sequence[str] = (),
    limit: Sequence[str] = (),
    idempotency_key: str | None = None,
) -> Submission:
    """The command to change the promoter's options; limits are "name:number"; InvalidInput."""
    if not (chance.is_finite() and 0 <= chance <= 100 and chance == round(chance, 2)):
        raise InvalidInput("chance", "a chance is 0 to 100 per cent, with at most two places")
    if not weight:
        raise InvalidInput("weight", "a promoter weighs bids by at least one option")
    _known("weight", weight, WEIGHTS)
    _known("exclude", exclude, EXCLUSIONS)
    _known("limit", [term.partition(":")[0] for term in limit], LIMITS)
    if not all(re.fullmatch(r"[a-z_]+:[0-9]{1,6}", term) for term in limit):
        raise InvalidInput("limit", 'a limit is written "name:number", e.g. per_bidder:1')
    command = ChangePolicy(
        auction_id, round(chance, 2), tuple(weight), tuple(exclude), tuple(limit)
    )
    return _submission(caller, POLICIES, command, encode(command), idempotency_key, None)


def withdraw_policy(
    caller: Caller, *, auction_id: UUID | None = None, idempotency_key: str | None = None
) -> Submission:
    """The command to remove an auction's policy or, without an auction, the portal's."""
    command = WithdrawPolicy(auction_id)
    return _submission(caller, POLICIES, command, encode(command), idempotency_key, None)


def _known(name: str, given: Sequence[str], options: Collection[str]) -> None:
    for option in given:
        if option not in options:
            known = ", ".join(options)
            raise InvalidInput(name, f"there is no option {option!r}; there are {known}")
    if len(set(given)) < len(given):
        raise InvalidInput(name, "each option is given once")


def _submission(
    caller: Caller,
    stream: Stream,
    command: Command,
    content: dict[str, Any],
    key: str | None,
    expires_in: float | None,
) -> Submission:
    if key is not None and not KEY.fullmatch(key):
        raise InvalidInput(
            "idempotencyKey", "an idempotency key is 1 to 200 printable ASCII characters"
        )
    return Submission(
        stream=stream,
        command=command,
        content=content,
        scope=caller.scope,
        submitted_by=caller.user_id,
        session_id=caller.session_id,
        idempotency_key=_stored(caller, key, content) if key else None,
        correlation_id=caller.correlation_id,
        expires_after=deadline(command_name(command), expires_in),
    )


def _stored(caller: Caller, key: str, content: dict[str, Any]) -> str:
    # Anonymous callers share one scope, so their keys count only together with the content.
    return stored_key(caller.scope, key, content if caller.scope == ANONYMOUS else None)


def _moment(name: str, value: datetime) -> datetime:
    if value.tzinfo is None:
        raise InvalidInput(name, "a time needs its zone, e.g. 2030-01-31T18:00:00Z")
    return value


def _email(value: str | None) -> str | None:
    try:
        return deliverable(value) if value else None
    except UndeliverableAddress as error:
        raise InvalidInput("email", str(error)) from error


def _check_password(password: str, username: str, email: str | None) -> None:
    from commands.models import User

    try:
        passwords.check(password, User(username=username, email=email))
    except ValidationError as error:
        raise InvalidInput("password", " ".join(error.messages)) from error


def _password_hash(password: str, username: str, key: str | None) -> str:
    """Argon2. With an idempotency key the salt follows from key, name and secret, so that a
    repeated request has an equal hash, and one with another password has not."""
    salt = (
        salted_hmac("createUser", f"{username}\0{key}", algorithm="sha256").hexdigest()[:32]
        if key
        else None
    )
    return passwords.hashed(password, salt)
