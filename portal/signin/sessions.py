"""Signing in and out, and refresh tokens, which change with every use."""

import asyncio
import secrets
from dataclasses import dataclass, replace
from hashlib import sha256
from uuid import UUID

from django.conf import settings

from commands import passwords
from commands.ids import new_id
from commands.inbox.requests import USERNAME
from commands.postgres.connections import AsyncPool
from commands.postgres.sessions import open_session, owner_of, revoke, rotate
from commands.postgres.users import credentials_of
from commands.wake import publish
from portal.signin.tokens import InvalidToken, Viewer, claimed, issue


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session's tokens, fresh."""

    viewer: Viewer
    access_token: str
    refresh_token: str


async def sign_in(pool: AsyncPool, username: str, password: str) -> SignedIn | None:
    """A new session, or None if name or password are wrong (which of the two, nobody learns)."""
    if not USERNAME.fullmatch(username):
        return None
    async with pool.connection() as connection:
        known = await credentials_of(connection, username)
    expected = known.password_hash if known else None
    if not await asyncio.to_thread(passwords.fits, password, expected):
        return None
    assert known is not None
    session_id, secret = new_id(), secrets.token_urlsafe(32)
    async with pool.connection() as connection:
        opened = await open_session(
            connection, session_id, known.user_id, _hash(secret), settings.REFRESH_TOKEN_LIFETIME
        )
    return _signed_in(known.user_id, known.is_staff, session_id, secret) if opened else None


def counted_name(username: str) -> str:
    """What failed sign-ins under a name are counted by; nothing for what can't be a name."""
    return username.lower() if USERNAME.fullmatch(username) else ""


async def refresh(pool: AsyncPool, refresh_token: str) -> SignedIn:
    """New tokens for the session; the old refresh token is spent.

    InvalidToken for any other. One that was spent already was stolen, from or by whoever
    comes second: the session ends.
    """
    session_id, old = _parse_refresh(refresh_token)
    secret = secrets.token_urlsafe(32)
    async with pool.connection() as connection:
        owner = await rotate(
            connection, session_id, _hash(old), _hash(secret), settings.REFRESH_TOKEN_LIFETIME
        )
        revoked = owner is None and await revoke(connection, session_id)
    if revoked:
        await _announce_end(session_id)
    if owner is None:
        raise InvalidToken("this refresh token is spent, revoked or expired; sign in again")
    return _signed_in(owner.id, owner.is_staff, session_id, secret)


async def sign_out(pool: AsyncPool, refresh_token: str) -> bool:
    """End the session; whether there was one to end."""
    try:
        session_id, secret = _parse_refresh(refresh_token)
    except InvalidToken:
        return False
    async with pool.connection() as connection:
        ended = await revoke(connection, session_id, _hash(secret))
    if ended:
        await _announce_end(session_id)
    return ended


async def authenticate(pool: AsyncPool, access_token: str) -> Viewer:
    """Who the token speaks for now; InvalidToken if it is forged or expired, or session or user are gone."""
    viewer = claimed(access_token)
    async with pool.connection() as connection:
        owner = await owner_of(connection, viewer.session_id, viewer.user_id)
    if owner is None:
        raise InvalidToken("this session has ended; sign in again")
    return replace(viewer, is_staff=owner.is_staff)


def _signed_in(user_id: UUID, is_staff: bool, session_id: UUID, secret: str) -> SignedIn:
    access_token, viewer = issue(user_id, is_staff, session_id)
    return SignedIn(viewer, access_token, f"{session_id}.{secret}")


def _hash(secret: str) -> bytes:
    return sha256(secret.encode(errors="replace")).digest()


def _parse_refresh(token: str) -> tuple[UUID, str]:
    session_id, _, secret = token.partition(".")
    try:
        return UUID(session_id), secret
    except ValueError:
        raise InvalidToken("this is not a refresh token of this portal") from None


async def _announce_end(session_id: UUID) -> None:
    await asyncio.to_thread(publish, "sessions", {"session": str(session_id)})
