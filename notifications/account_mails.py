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
# How long the links are good, in seconds.
CONFIRM_WITHIN = 7 * 24 * 3600
RESET_WITHIN = 3600


def ask_for_confirmations(pool: Pool, user_id: UUID | None = None) -> bool:
    """Enqueue the mails that are due, of one user or of any; whether there were some."""
    with pool.connection() as connection, connection.transaction():
        due = take_due_confirmations(connection, user_id)
        for each in due:
            connection.execute(ENQUEUE, enqueue_parameters(each, CONFIRM, {}))
    return bool(due)


async def enqueue(
    connection: WebConnection, user_id: UUID, kind: str, context: Mapping[str, Any]
) -> None:
    """A mail that a web process asks for, in the transaction that makes it due."""
    await connection.execute(ENQUEUE, enqueue_parameters(user_id, kind, context))


async def enqueue_resets(connection: WebConnection, who: str) -> bool:
    """Mails to those of that name or confirmed address, unless one is on its way; whether there are any."""
    asked = await connection.execute(ENQUEUE_RESET, {"who": who, "kind": RESET})
    return await asked.fetchone() is not None


@composes(CONFIRM)
def confirmation(connection: SyncConnection, mail: Outgoing) -> Content | None:
    """To the address that is to be confirmed; None once it is."""
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
    """To the confirmed address alone."""
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
    """To the address that mail went to before."""
    return _content(
        "Your address was changed",
        "Mail of the auction house goes to another address from now on. If it was not you who "
        "changed it, sign in, change your password and put the address back.",
        f"{_base()}/#/account",
        "Your account",
        to=mail.context["to"],
    )


def confirmation_token(user_id: UUID, address: str) -> str:
    """What a link to confirm the address carries: bound to the user and this address."""
    return signing.dumps([str(user_id), _digest(CONFIRM, address)], salt=CONFIRM)


def confirmed(connection: SyncConnection, token: str) -> bool:
    """Confirm the address that the link is about; whether it is still the user's. BadSignature otherwise."""
    user_id, digest = signing.loads(token, salt=CONFIRM, max_age=CONFIRM_WITHIN)
    known = address_of(connection, UUID(user_id))
    if known is None or known.address is None:
        return False
    if not constant_time_compare(digest, _digest(CONFIRM, known.address)):
        return False
    return confirm(connection, UUID(user_id), known.address)


def reset_token(user_id: UUID, known: Address) -> str:
    """What a link to a new password carries: void once password or address are others."""
    return signing.dumps([str(user_id), _reset_digest(known)], salt=RESET)


def read_reset_token(token: str) -> UUID:
    """Whose password may be changed, if reset_fits as well; BadSignature if the link is old or not ours."""
    return UUID(signing.loads(token, salt=RESET, max_age=RESET_WITHIN)[0])


def reset_fits(token: str, known: Address) -> bool:
    """Whether password and address are still those that the link was made for."""
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
