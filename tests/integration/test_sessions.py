"""The table of sessions: who waits for whom, and what is removed when."""

import asyncio
import re
import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from commands.ids import new_id
from commands.inbox.sweeping import endings
from commands.postgres.connections import Pool, SyncConnection, WebConnection, new_async_pool
from commands.postgres.pruning import prune
from commands.postgres.sessions import (
    END_BEYOND,
    END_OTHERS,
    FORGET_ENDED,
    MOST_OPEN,
    OF_USER,
    Claim,
    Lifetimes,
    Owner,
    advance,
    end_beyond,
    end_others,
    open_session,
    owners_of,
    sessions_of,
)
from commands.postgres.users import replace_hash
from tests.integration.in_process import InProcessPortal

DAY = timedelta(days=1)
KEPT: timedelta = settings.ENDED_SESSIONS_KEPT
LIFETIMES = Lifetimes(idle=DAY, longest=DAY)
# What in_process gives as everybody's hash.
OLD = "!"


async def opened(connection: WebConnection, user_id: UUID, session_id: UUID) -> bool:
    """Whether somebody whose password was right a moment ago gets a session."""
    seed = secrets.token_bytes(32)
    return await open_session(connection, session_id, user_id, OLD, seed, LIFETIMES)


async def test_no_session_is_opened_with_a_password_that_is_being_changed(
    in_process: InProcessPortal,
) -> None:
    user_id, before, during = in_process.user(), new_id(), new_id()
    async with new_async_pool() as pool, pool.connection() as one, pool.connection() as two:
        assert await opened(one, user_id, before)
        async with one.transaction():
            assert await replace_hash(one, user_id, OLD, "?")
            signing_in = asyncio.create_task(opened(two, user_id, during))
            await asyncio.sleep(0.2)
            assert not signing_in.done(), "it waits to see whether the password is changed"
            assert await end_others(one, user_id, None) == 1
        assert await signing_in is False
        assert [await owner_of(one, each, user_id) for each in (before, during)] == [None, None]


async def owner_of(connection: WebConnection, session_id: UUID, user_id: UUID) -> Owner | None:
    """Whose session it is, if it goes on."""
    claim = Claim(session_id, user_id)
    return (await owners_of(connection, [claim])).get(claim)


async def test_a_password_is_changed_once_the_sign_ins_before_it_can_be_ended(
    in_process: InProcessPortal,
) -> None:
    user_id, session_id = in_process.user(), new_id()
    async with new_async_pool() as pool, pool.connection() as one, pool.connection() as two:
        async with two.transaction():
            assert await opened(two, user_id, session_id)
            changing = asyncio.create_task(change(one, user_id))
            await asyncio.sleep(0.2)
            assert not changing.done(), "it waits until the session can be seen"
        assert await changing == 1
        assert await owner_of(one, session_id, user_id) is None


async def change(connection: WebConnection, user_id: UUID) -> int:
    """The user's sessions that another password ended."""
    async with connection.transaction():
        assert await replace_hash(connection, user_id, OLD, "?")
        return await end_others(connection, user_id, None)


async def test_a_user_has_so_many_sessions_and_a_new_one_ends_those_used_longest_ago(
    in_process: InProcessPortal,
) -> None:
    alice, bob = in_process.user(), in_process.user()
    first, *others = [new_id() for _ in range(MOST_OPEN)]
    async with new_async_pool() as pool, pool.connection() as connection:
        assert await opened(connection, bob, bobs := new_id())
        for session_id in (first, *others):
            assert await opened(connection, alice, session_id)
        assert await end_beyond(connection, alice) == 0
        await advance(connection, first, 1, LIFETIMES)

        async def sign_in(session_id: UUID) -> int:
            async with pool.connection() as own:
                assert await opened(own, alice, session_id)
                return await end_beyond(own, alice)

        new = [new_id() for _ in range(5)]
        assert sum(await asyncio.gather(*map(sign_in, new))) == len(new)
        left = await sessions_of(connection, alice, 2 * MOST_OPEN, None)
        assert {each.id for each in left} == {first, *others[len(new) :], *new}
        assert await owner_of(connection, bobs, bob)


def test_sessions_that_go_on_are_found_without_those_that_ended(
    in_process: InProcessPortal, pool: Pool
) -> None:
    alice = in_process.user()
    with pool.connection() as connection, connection.transaction(force_rollback=True):
        # Of her 5,000 sessions a few go on; of others, who need not exist, so do 20,000.
        connection.execute(
            "INSERT INTO sessions (id, user_id, seed, generation, created_at, used_at, expires_at)"
            " SELECT gen_random_uuid(), CASE WHEN n < 50 THEN %s ELSE gen_random_uuid() END, '', 0,"
            " now(), now(), now() + n * interval '1 minute' FROM generate_series(-5000, 20000) AS n",
            (alice,),
        )
        connection.execute("ANALYZE sessions")
        values = {"user": alice, "most": 50, "limit": 20, "before": None, "id": None, "kept": None}
        for query in (END_BEYOND, OF_USER, END_OTHERS):
            found = plan(connection, query, values)
            assert "sessions_of_user_going_on" in found, found
            assert re.search(r"Index Cond: \(\(user_id = .*expires_at > ", found), found
            assert "Seq Scan" not in found, found
        assert "sessions_ended" in plan(
            connection, FORGET_ENDED, {"age": KEPT + DAY * 6, "limit": 1}
        )


def plan(connection: SyncConnection, query: str, values: Any) -> str:
    """How Postgres would run it."""
    rows = connection.execute(f"EXPLAIN {query}", values).fetchall()
    return "\n".join(row["QUERY PLAN"] for row in rows)


def test_sessions_that_ended_long_ago_are_removed(in_process: InProcessPortal, pool: Pool) -> None:
    user_id, ends = in_process.user(), {}
    with pool.connection() as connection:
        for ended_for in (-DAY, KEPT - DAY, KEPT + DAY):
            ends[session_id := new_id()] = ended_for
            connection.execute(
                "INSERT INTO sessions (id, user_id, seed, generation, created_at, used_at, expires_at)"
                " SELECT %s, %s, '', 0, now, now, now - %s FROM clock_timestamp() AS now",
                (session_id, user_id, ended_for),
            )
        for key, ended_for in (("over", DAY), ("not over", -DAY)):
            connection.execute(
                "INSERT INTO django_session VALUES (%s, '', clock_timestamp() - %s)",
                (key, ended_for),
            )
    prune(pool, endings(), 10)
    with pool.connection() as connection:
        left = connection.execute("SELECT id FROM sessions WHERE user_id = %s", (user_id,))
        assert {row["id"] for row in left} == {
            each for each, ended_for in ends.items() if ended_for < KEPT
        }
        left = connection.execute("DELETE FROM django_session RETURNING session_key")
        assert [row["session_key"] for row in left] == ["not over"]
