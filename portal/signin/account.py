"""Changing and resetting passwords, and changing the email address."""

import asyncio

from django.core.exceptions import ValidationError
from django.core.signing import BadSignature

from commands import passwords
from commands.addresses import LONGEST, UndeliverableAddress, deliverable
from commands.inbox.invalid import InvalidInput
from commands.models import User
from commands.postgres.addresses import change_address, own_address
from commands.postgres.connections import AsyncPool
from commands.postgres.sessions import end_others
from commands.postgres.users import Credentials, credentials_of_id, replace_hash
from commands.queues import MAILS
from commands.wake import wake
from notifications import account_mails as mails
from notifications.tasks import SEND_MAILS
from portal.signin.sessions import announce_end
from portal.signin.tokens import InvalidToken, Viewer

VOID = "this link is not good any more; ask for another"
# How long `request_reset` takes, in seconds, whether there is such a user or not.
RESET_TAKES = 0.5
CHANGED_MEANWHILE = "the password was changed meanwhile; sign in with the new one"


async def credentials(pool: AsyncPool, viewer: Viewer) -> Credentials:
    """The viewer's name, address and password hash; InvalidToken if the user was deleted."""
    async with pool.connection() as connection:
        known = await credentials_of_id(connection, viewer.user_id)
    if known is None:
        raise InvalidToken("this user was deleted")
    return known


async def prove(known: Credentials, field: str, password: str) -> None:
    """InvalidInput of that field unless the password is the user's."""
    if not await asyncio.to_thread(passwords.matches, password, known.password_hash):
        raise InvalidInput(field, "this is not your password")


async def change_password(pool: AsyncPool, viewer: Viewer, known: Credentials, new: str) -> int:
    """Set a new password, and end the viewer's other sessions; how many there were.

    InvalidInput for a bad password, or if it was changed since `known` was read.
    """
    new_hash = await asyncio.to_thread(_new_hash, new, known)
    async with pool.connection() as connection, connection.transaction():
        if not await replace_hash(connection, known.user_id, known.password_hash, new_hash):
            raise InvalidInput("currentPassword", CHANGED_MEANWHILE)
        ended = await end_others(connection, known.user_id, viewer.session_id)
    await announce_end(user=known.user_id)
    return ended


def acceptable(text: str | None) -> str | None:
    """The address in the form that mail servers accept, None for an empty one; InvalidInput if none would accept it."""
    try:
        return deliverable(text) if text else None
    except UndeliverableAddress as error:
        raise InvalidInput("email", str(error)) from error


async def change_email(pool: AsyncPool, known: Credentials, address: str | None) -> None:
    """Set another address, or none. It gets a mail with a link to confirm it; a confirmed old address gets a notice."""
    async with pool.connection() as connection, connection.transaction():
        old = await own_address(connection, known.user_id)
        if old is not None and old.address == address and old.confirmed_at:
            return
        if not await change_address(connection, known.user_id, known.password_hash, address):
            raise InvalidInput("password", CHANGED_MEANWHILE)
        if address:
            await mails.enqueue(connection, known.user_id, mails.CONFIRM, {})
        if old is not None and old.confirmed_at and old.address:
            await mails.enqueue(connection, known.user_id, mails.MOVED, {"to": old.address})
    await _send_mails()


async def request_reset(pool: AsyncPool, who: str) -> None:
    """Mail a link to the users with that name or confirmed address; takes the same time if there are none."""
    async with asyncio.TaskGroup() as both:
        both.create_task(asyncio.sleep(RESET_TAKES))
        both.create_task(_enqueue_resets(pool, who))


async def _enqueue_resets(pool: AsyncPool, who: str) -> None:
    if not who.isprintable() or len(who) > LONGEST:
        return
    async with pool.connection() as connection:
        due = await mails.enqueue_resets(connection, who)
    if due:
        await _send_mails()


async def reset_password(pool: AsyncPool, token: str, new: str) -> None:
    """Set a new password with the token of a mailed link, which then becomes invalid; all the user's sessions end."""
    try:
        user_id = mails.read_reset_token(token)
        async with pool.connection() as connection:
            address = await own_address(connection, user_id)
            known = await credentials_of_id(connection, user_id)
        fits = address is not None and mails.reset_fits(token, address)
    except (BadSignature, ValueError) as error:
        raise InvalidInput("token", VOID) from error
    if not fits or known is None:
        raise InvalidInput("token", VOID)
    new_hash = await asyncio.to_thread(_new_hash, new, known)
    async with pool.connection() as connection, connection.transaction():
        if not await replace_hash(connection, user_id, known.password_hash, new_hash):
            raise InvalidInput("token", VOID)
        await end_others(connection, user_id, None)
    await announce_end(user=user_id)


async def _send_mails() -> None:
    await asyncio.to_thread(wake, SEND_MAILS, (), MAILS)


def _new_hash(password: str, known: Credentials) -> str:
    try:
        passwords.check(password, User(username=known.username, email=known.email))
    except ValidationError as error:
        raise InvalidInput("newPassword", " ".join(error.messages)) from error
    return passwords.hashed(password)
