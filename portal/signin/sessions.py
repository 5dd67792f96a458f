"""Signing in and out, refreshing sessions, listing them and ending others."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.conf import settings

from commands import passwords
from commands.ids import new_id
from commands.inbox.requests import USERNAME
from commands.postgres import sessions as rows
from commands.postgres.connections import AsyncPool, WebConnection
from commands.postgres.sessions import Claim, Lifetimes, LockedSession, OpenSession, Owner
from commands.postgres.users import credentials_of
from commands.wake import publish
from portal.signin.tokens import (
    InvalidToken,
    RefreshToken,
    Viewer,
    claimed,
    issue,
    read_refresh_token,
    refresh_token,
)
from portal.web.together import Together

SESSION_ENDED = "this session has ended; sign in again"
# Sessions checked in one statement for those who ask at the same time.
MOST_CHECKED = 500


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A viewer with the new tokens of their session."""

    viewer: Viewer
    access_token: str
    refresh_token: str


async def sign_in(pool: AsyncPool, username: str, password: str) -> SignedIn | None:
    """Open a session; None if the name or the password is wrong.

    If the user has too many sessions then, those used longest ago end.
    """
    if not USERNAME.fullmatch(username):
        return None
    async with pool.connection() as connection:
        known = await credentials_of(connection, username)
    expected = known.password_hash if known else None
    if not await asyncio.to_thread(passwords.matches, password, expected):
        return None
    assert known is not None
    session_id, seed = new_id(), secrets.token_bytes(32)
    async with pool.connection() as connection:
        opened = await rows.open_session(
            connection, session_id, known.user_id, known.password_hash, seed, _lifetimes()
        )
        # If the process is killed here, there is one session too many until the next sign-in.
        ended = await rows.end_beyond(connection, known.user_id) if opened else 0
    if ended:
        await announce_end(user=known.user_id)
    return _signed_in(known.user_id, known.is_staff, session_id, seed, 0) if opened else None


def counted_name(username: str) -> str:
    """The key that failed sign-ins under a name are counted by; empty for a text that can't be a name."""
    return username.lower() if USERNAME.fullmatch(username) else ""


async def refresh(pool: AsyncPool, text: str) -> SignedIn:
    """New tokens for the session; the refresh token is then used up.

    A token used within the last REFRESH_GRACE gives the same next token again: the answer may have been
    lost, or two tabs refreshed at once. One used earlier may have been stolen: the session ends, and
    InvalidToken is raised. InvalidToken also for any other token, which ends nothing.
    """
    given = read_refresh_token(text)
    async with pool.connection() as connection, connection.transaction():
        session = await rows.lock_session(
            connection, given.session_id, _lifetimes(), settings.REFRESH_GRACE
        )
        if session is None or not given.genuine(session.seed):
            raise InvalidToken("this refresh token is not good, or its session has ended; sign in")
        number = await _successor(connection, given, session)
    if number is None:
        await announce_end(session=given.session_id)
        raise InvalidToken("this refresh token was spent before, so its session ended; sign in")
    return _signed_in(session.user_id, session.is_staff, given.session_id, session.seed, number)


async def _successor(
    connection: WebConnection, given: RefreshToken, session: LockedSession
) -> int | None:
    """The number of the next token; None if the session was ended because the token had been used."""
    # A higher number than the session's is possible after a backup was restored.
    if given.number >= session.generation:
        await rows.advance(connection, given.session_id, given.number + 1, _lifetimes())
        return given.number + 1
    if given.number == session.generation - 1 and session.in_grace:
        return session.generation
    await rows.end(connection, given.session_id)
    return None


async def sign_out(pool: AsyncPool, text: str) -> bool:
    """End the session of the refresh token, used or not; whether there was one to end."""
    try:
        given = read_refresh_token(text)
    except InvalidToken:
        return False
    async with pool.connection() as connection, connection.transaction():
        session = await rows.lock_session(
            connection, given.session_id, _lifetimes(), settings.REFRESH_GRACE
        )
        if session is None or not given.genuine(session.seed):
            return False
        await rows.end(connection, given.session_id)
    await announce_end(session=given.session_id)
    return True


class SessionChecks:
    """Finds out whose sessions go on, for all who ask at the same time in one statement."""

    def __init__(self, pool: AsyncPool) -> None:
        self._pool = pool
        self._together = Together(self.owners_of, MOST_CHECKED)

    async def owner_of(self, claim: Claim) -> Owner | None:
        """The user, if the session is theirs and open now, and they were not deleted; else None."""
        return await self._together.ask(claim)

    async def owners_of(self, claims: Sequence[Claim]) -> Mapping[Claim, Owner]:
        """Those of the claims that are true now."""
        async with self._pool.connection() as connection:
            return await rows.owners_of(connection, claims)


async def authenticate(checks: SessionChecks, access_token: str) -> Viewer:
    """The viewer of the token; InvalidToken if it is forged or expired, or its session or user is gone."""
    viewer = claimed(access_token)
    owner = await checks.owner_of(viewer.claim)
    if owner is None:
        raise InvalidToken(SESSION_ENDED)
    return replace(viewer, is_staff=owner.is_staff)


async def own_sessions(
    pool: AsyncPool, viewer: Viewer, limit: int, before: tuple[datetime, UUID] | None
) -> list[OpenSession]:
    """The viewer's open sessions after that place, the newest sign-in first."""
    async with pool.connection() as connection:
        return await rows.sessions_of(connection, viewer.user_id, limit, before)


async def end_own(pool: AsyncPool, viewer: Viewer, session_id: UUID) -> bool:
    """End a session of the viewer; whether it was an open one of theirs."""
    async with pool.connection() as connection:
        ended = await rows.end(connection, session_id, viewer.user_id)
    if ended:
        await announce_end(session=session_id)
    return ended


async def end_others(pool: AsyncPool, viewer: Viewer) -> int:
    """End the viewer's sessions except the current one; how many there were."""
    async with pool.connection() as connection:
        ended = await rows.end_others(connection, viewer.user_id, viewer.session_id)
    await announce_end(user=viewer.user_id)
    return ended


async def announce_end(**subjects: UUID) -> None:
    """Publish that sessions of a user, or one session, ended, so that their sockets check their sign-in."""
    message = {name: str(value) for name, value in subjects.items()}
    await asyncio.to_thread(publish, "sessions", message)


def _lifetimes() -> Lifetimes:
    return Lifetimes(idle=settings.REFRESH_TOKEN_LIFETIME, longest=settings.SESSION_LIFETIME)


def _signed_in(
    user_id: UUID, is_staff: bool, session_id: UUID, seed: bytes, number: int
) -> SignedIn:
    access_token, viewer = issue(user_id, is_staff, session_id)
    return SignedIn(viewer, access_token, refresh_token(session_id, seed, number))
