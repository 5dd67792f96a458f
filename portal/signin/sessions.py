"""Sign-in: access tokens (JWT) that name a session, and refresh tokens that change with every use.

An access token alone proves nothing for long: each request also asks whether its session and
its user are still there, so a deletion or a sign-out works at once.
"""

import asyncio
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.utils.crypto import salted_hmac

from commands.ids import new_id
from commands.inbox.requests import USERNAME
from commands.postgres.connections import AsyncPool
from commands.wake import publish

ALGORITHM = "HS256"
ISSUER = "auction-portal"
FORGED = "this is not an access token of this portal"

SIGN_IN = """
SELECT id, password, is_staff FROM users WHERE lower(username) = lower(%s) AND deleted_at IS NULL
"""
OPEN = """
INSERT INTO sessions (id, user_id, refresh_hash, created_at, expires_at)
SELECT %(id)s, id, %(hash)s, clock_timestamp(), clock_timestamp() + %(lifetime)s
FROM users WHERE id = %(user)s AND deleted_at IS NULL
RETURNING id
"""
CHECK = """
SELECT users.id, users.is_staff FROM sessions JOIN users ON users.id = sessions.user_id
WHERE sessions.id = %s AND users.id = %s AND sessions.revoked_at IS NULL
  AND sessions.expires_at > clock_timestamp() AND users.deleted_at IS NULL
"""
ROTATE = """
UPDATE sessions SET refresh_hash = %(new)s, expires_at = clock_timestamp() + %(lifetime)s
FROM users
WHERE sessions.id = %(id)s AND sessions.refresh_hash = %(old)s AND sessions.revoked_at IS NULL
  AND sessions.expires_at > clock_timestamp()
  AND users.id = sessions.user_id AND users.deleted_at IS NULL
RETURNING users.id, users.is_staff
"""
REVOKE = """
UPDATE sessions SET revoked_at = clock_timestamp() WHERE id = %s AND revoked_at IS NULL
RETURNING id
"""
REVOKE_WITH_TOKEN = REVOKE.replace("RETURNING", "AND refresh_hash = %s RETURNING")


class InvalidToken(Exception):
    """The token is not, or no longer, good for anything; the message says why."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in user and the session they are in."""

    user_id: UUID
    is_staff: bool
    session_id: UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session's tokens, fresh."""

    viewer: Viewer
    access_token: str
    refresh_token: str


async def sign_in(pool: AsyncPool, username: str, password: str) -> SignedIn | None:
    """A new session, or None if name or password are wrong (which of the two, nobody learns)."""
    if not USERNAME.fullmatch(username) or not password.isprintable():
        return None
    async with pool.connection() as connection:
        row = await (await connection.execute(SIGN_IN, (username,))).fetchone()
    if not await asyncio.to_thread(_password_fits, password, row["password"] if row else None):
        return None
    assert row is not None
    session_id, secret = new_id(), secrets.token_urlsafe(32)
    async with pool.connection() as connection:
        opened = await connection.execute(
            OPEN,
            {
                "id": session_id,
                "user": row["id"],
                "hash": _hash(secret),
                "lifetime": settings.REFRESH_TOKEN_LIFETIME,
            },
        )
        if await opened.fetchone() is None:
            return None
    return _signed_in(row["id"], row["is_staff"], session_id, secret)


def counted_name(username: str) -> str:
    """What failed sign-ins under a name are counted by; nothing for what can't be a name."""
    return username.lower() if USERNAME.fullmatch(username) else ""


def _password_fits(password: str, encoded: str | None) -> bool:
    if encoded is None:
        # As much work as for a user who exists, so that the time tells nothing.
        make_password(password)
        return False
    return check_password(password, encoded)


async def refresh(pool: AsyncPool, refresh_token: str) -> SignedIn:
    """New tokens for the session; the old refresh token is spent.

    InvalidToken for any other. One that was spent already was stolen, from or by whoever
    comes second: the session ends.
    """
    session_id, old = _parse_refresh(refresh_token)
    secret = secrets.token_urlsafe(32)
    async with pool.connection() as connection:
        rotated = await connection.execute(
            ROTATE,
            {
                "id": session_id,
                "old": _hash(old),
                "new": _hash(secret),
                "lifetime": settings.REFRESH_TOKEN_LIFETIME,
            },
        )
        row = await rotated.fetchone()
        if row is None:
            revoked = await (await connection.execute(REVOKE, (session_id,))).fetchone()
    if row is None:
        if revoked:
            await _announce_end(session_id)
        raise InvalidToken("this refresh token is spent, revoked or expired; sign in again")
    return _signed_in(row["id"], row["is_staff"], session_id, secret)


async def sign_out(pool: AsyncPool, refresh_token: str) -> bool:
    """End the session; whether there was one to end."""
    try:
        session_id, secret = _parse_refresh(refresh_token)
    except InvalidToken:
        return False
    async with pool.connection() as connection:
        cursor = await connection.execute(REVOKE_WITH_TOKEN, (session_id, _hash(secret)))
        ended = await cursor.fetchone() is not None
    if ended:
        await _announce_end(session_id)
    return ended


async def authenticate(pool: AsyncPool, access_token: str) -> Viewer:
    """Who the token speaks for now; InvalidToken if it is forged or expired, or session or user are gone."""
    viewer = claimed(access_token)
    async with pool.connection() as connection:
        asked = await connection.execute(CHECK, (viewer.session_id, viewer.user_id))
        row = await asked.fetchone()
    if row is None:
        raise InvalidToken("this session has ended; sign in again")
    return replace(viewer, is_staff=row["is_staff"])


def claimed(access_token: str) -> Viewer:
    """Whom the token names, by its signature alone, and never as staff; InvalidToken if forged or expired."""
    claims = _claims(access_token)
    try:
        user_id, session_id = UUID(claims["sub"]), UUID(claims["sid"])
    except (ValueError, AttributeError):
        raise InvalidToken(FORGED) from None
    return Viewer(user_id, False, session_id, datetime.fromtimestamp(claims["exp"], UTC))


def _claims(access_token: str) -> dict[str, Any]:
    try:
        return jwt.decode(
            access_token,
            signing_key(),
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            options={"require": ["sub", "sid", "exp", "iat", "iss"]},
        )
    except jwt.ExpiredSignatureError:
        raise InvalidToken("this access token has expired; refresh the session") from None
    except jwt.InvalidTokenError:
        raise InvalidToken(FORGED) from None


def _signed_in(user_id: UUID, is_staff: bool, session_id: UUID, secret: str) -> SignedIn:
    now = datetime.now(UTC)
    expires_at = now + settings.ACCESS_TOKEN_LIFETIME
    claims = {
        "iss": ISSUER,
        "sub": str(user_id),
        "sid": str(session_id),
        "iat": now,
        "exp": expires_at,
    }
    return SignedIn(
        Viewer(user_id, is_staff, session_id, expires_at.replace(microsecond=0)),
        access_token=jwt.encode(claims, signing_key(), algorithm=ALGORITHM),
        refresh_token=f"{session_id}.{secret}",
    )


def signing_key() -> str:
    """What access tokens are signed with; it follows from the secret key."""
    return salted_hmac("portal.access-token", "HS256", algorithm="sha256").hexdigest()


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
