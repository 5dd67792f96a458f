"""What users change about their own account."""

import asyncio

from django.core.exceptions import ValidationError

from commands import passwords
from commands.inbox.invalid import InvalidInput
from commands.models import User
from commands.postgres.connections import AsyncPool
from commands.postgres.sessions import end_others
from commands.postgres.users import Credentials, credentials_of_id, replace_hash
from portal.signin.sessions import announce_end
from portal.signin.tokens import InvalidToken, Viewer

CHANGED_MEANWHILE = "the password was changed meanwhile; sign in with the new one"


async def credentials(pool: AsyncPool, viewer: Viewer) -> Credentials:
    """What the viewer signs in with; InvalidToken once they are deleted."""
    async with pool.connection() as connection:
        known = await credentials_of_id(connection, viewer.user_id)
    if known is None:
        raise InvalidToken("this user was deleted")
    return known


async def prove(known: Credentials, field: str, password: str) -> None:
    """InvalidInput of that field unless the password is the user's."""
    if not await asyncio.to_thread(passwords.fits, password, known.password_hash):
        raise InvalidInput(field, "this is not your password")


async def change_password(pool: AsyncPool, viewer: Viewer, known: Credentials, new: str) -> int:
    """A new password in place of the known one; how many other sessions of the viewer ended with it."""
    new_hash = await asyncio.to_thread(_new_hash, new, known)
    async with pool.connection() as connection, connection.transaction():
        if not await replace_hash(connection, known.user_id, known.password_hash, new_hash):
            raise InvalidInput("currentPassword", CHANGED_MEANWHILE)
        ended = await end_others(connection, known.user_id, viewer.session_id)
    await announce_end(user=known.user_id)
    return ended


def _new_hash(password: str, known: Credentials) -> str:
    try:
        passwords.check(password, User(username=known.username, email=known.email))
    except ValidationError as error:
        raise InvalidInput("newPassword", " ".join(error.messages)) from error
    return passwords.hashed(password)
