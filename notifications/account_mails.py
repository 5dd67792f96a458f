"""Mails about an account: confirm an address, choose a new password, an address was changed."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.template.loader import render_to_string
from django.utils.crypto import constant_time_compare, salted_hmac

from commands.postgres.addresses import Address, address_of, confirm, take_due_confirmations
from commands.postgres.connections import Pool, SyncConnection, WebConnection
from notifications.outgoing import Content, composes
from notifications.postgres.mails import ENQUEUE, ENQUEUE_RESET, Outgoing, enqueue_parameters

CONFIRM, RESET, MOVED = "CONFIRM_EMAIL", "PASSWORD_RESET", "EMAIL_CHANGED"
# How long the links are valid, in seconds.
CONFIRM_WITHIN = 7 * 24 * 3600
RESET_WITHIN = 3600


def ask_for_confirmations(pool: Pool, user_id: UUID | None = None) -> bool:
    """Enqueue the confirmation mails that are due, of one user or of all; whether there were any."""
    with pool.connection() as connection, connection.transaction():
        due = take_due_confirmations(connection, user_id)
        for each in due:
            connection.execute(ENQUEUE, enqueue_parameters(each, CONFIRM, {}))
    return bool(due)


async def enqueue(
    connection: WebConnection, user_id: UUID, kind: str, context: Mapping[str, Any]
) -> None:
    """Enqueue a mail of that kind to the user, in the caller's transaction."""
    await connection.execute(ENQUEUE, enqueue_parameters(user_id, kind, context))


async def enqueue_resets(connection: WebConnection, who: str) -> bool:
    """Enqueue mails with a link for a new password to users of that name or address; whether there were any."""
    asked = await connection.execute(ENQUEUE_RESET, {"who": who, "kind": RESET})
    return await asked.fetchone() is not None


@composes(CONFIRM)
def confirmation(connection: SyncConnection, mail: Outgoing) -> Content | None:
    """The mail that asks to confirm the address; None if it is confirmed already."""
    known = address_of(connection, mail.user_id)
    if known is None or known.address is None or known.confirmed_at:
        return None
    link = f"{_base()}/confirm-email/{confirmation_token(mail.user_id, known.address)}"
    return _content(
        "Is this your address?",
        "Somebody gave this address at the auction house. If it was you, please confirm it: until "
        "then no other mail is sent here. If it was not, do nothing.",
        link,
        "Confirm this address",
        to=known.address,
    )


@composes(RESET)
def reset(connection: SyncConnection, mail: Outgoing) -> Content | None:
    """The mail with a link for a new password; it goes to confirmed addresses only."""
    known = address_of(connection, mail.user_id)
    if known is None or known.confirmed_at is None:
        return None
    link = f"{_base()}/#/reset/{reset_token(mail.user_id, known)}"
    return _content(
        "Choose a new password",
        f"Somebody asked for a new password for {mail.username}. The link is good once, for an "
        "hour. If it was not you, do nothing: the password stays as it is.",
        link,
        "Choose a new password",
    )


@composes(MOVED)
def moved(_connection: SyncConnection, mail: Outgoing) -> Content | None:
    """The mail to the former address, after the address was changed."""
    return _content(
        "Your address was changed",
        "Mail of the auction house goes to another address from now on. If it was not you who "
        "changed it, sign in, change your password and put the address back.",
        f"{_base()}/#/account",
        "Your account",
        to=mail.context["to"],
    )


def confirmation_token(user_id: UUID, address: str) -> str:
    """The signed token in a confirmation link, bound to the user and the address."""
    return signing.dumps([str(user_id), _digest(CONFIRM, address)], salt=CONFIRM)


def confirmed(connection: SyncConnection, token: str) -> bool:
    """Confirm the address of the token; False if it is not the user's any more. BadSignature."""
    user_id, digest = signing.loads(token, salt=CONFIRM, max_age=CONFIRM_WITHIN)
    known = address_of(connection, UUID(user_id))
    if known is None or known.address is None:
        return False
    if not constant_time_compare(digest, _digest(CONFIRM, known.address)):
        return False
    return confirm(connection, UUID(user_id), known.address)


def reset_token(user_id: UUID, known: Address) -> str:
    """The signed token in a link for a new password; void once the password or address is changed."""
    return signing.dumps([str(user_id), _reset_digest(known)], salt=RESET)


def read_reset_token(token: str) -> UUID:
    """The user and digest in the token; BadSignature if it is too old or forged. See also reset_fits."""
    return UUID(signing.loads(token, salt=RESET, max_age=RESET_WITHIN)[0])


def reset_fits(token: str, known: Address) -> bool:
    """Whether the password and address are still those that the token was made for."""
    digest = signing.loads(token, salt=RESET, max_age=RESET_WITHIN)[1]
    return known.confirmed_at is not None and constant_time_compare(digest, _reset_digest(known))


def _reset_digest(known: Address) -> str:
    return _digest(RESET, f"{known.password_hash}\0{known.address}")


def _digest(purpose: str, value: str) -> str:
    return salted_hmac(purpose, value, algorithm="sha256").hexdigest()


def _base() -> str:
    return settings.PUBLIC_URL.rstrip("/")


def _content(subject: str, text: str, link: str, label: str, to: str | None = None) -> Content:
    context = {"message": text, "link": link, "label": label}
    return Content(
        subject=subject,
        text=f"{text}\n\n{link}\n",
        html=render_to_string("notifications/account_mail.html", context),
        to=to,
    )
