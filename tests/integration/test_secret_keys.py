"""Keys of users and auctions: made once, kept apart, and destroyed with their owner."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest

from commands.domain.commands import DeleteUser
from commands.ids import new_id
from commands.jobs import JobStatus
from commands.postgres.connections import Pool, new_async_pool
from commands.postgres.secret_keys import (
    key_for_auction,
    key_for_auction_async,
    key_for_user,
    key_for_user_async,
    keys_of,
)
from commands.postgres.users import lock_user
from commands.record.sealing import KEY_BYTES, Unsealable, seal, unseal
from commands.streams import Stream
from portal.database.granting import grant
from portal.database.owner import names_of_roles, owners_connection
from tests.integration.in_process import InProcessPortal
from tests.integration.test_database_roles import signed_in
from tests.waiting import wait_until

WAITS = """
SELECT 1 FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%secret_keys%'
"""


def delete(in_process: InProcessPortal, user_id: UUID) -> None:
    job = in_process.settled(Stream("user", user_id), DeleteUser(user_id))
    assert job.status is JobStatus.SUCCEEDED


def made_for_user(pool: Pool, user_id: UUID) -> bytes | None:
    with pool.connection() as connection:
        return key_for_user(connection, user_id)


def stored(pool: Pool, *owners: UUID) -> dict[UUID, bytes]:
    with pool.connection() as connection:
        return dict(keys_of(connection, owners))


def test_an_owner_keeps_the_first_key(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), new_id()
    with in_process.pool.connection() as connection:
        first = {
            alice: key_for_user(connection, alice),
            bob: key_for_user(connection, bob),
            auction: key_for_auction(connection, auction),
        }
        assert key_for_user(connection, alice) == first[alice]
        assert key_for_auction(connection, auction) == first[auction]
    assert stored(in_process.pool, *first, new_id()) == first
    assert len(set(first.values())) == 3
    assert all(key and len(key) == KEY_BYTES for key in first.values())


def test_many_who_ask_at_once_get_one_key(in_process: InProcessPortal) -> None:
    alice = in_process.user()
    with ThreadPoolExecutor(6) as threads:
        keys = list(threads.map(lambda _: made_for_user(in_process.pool, alice), range(12)))
    assert set(keys) == set(stored(in_process.pool, alice).values())


async def test_the_web_process_finds_and_makes_the_same_keys(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), new_id()
    pool = new_async_pool()
    await pool.open()
    try:
        async with pool.connection() as connection:
            made = {
                alice: await key_for_user_async(connection, alice),
                auction: await key_for_auction_async(connection, auction),
            }
            assert await key_for_user_async(connection, alice) == made[alice]
            assert await key_for_user_async(connection, new_id()) is None
    finally:
        await pool.close()
    assert stored(in_process.pool, alice, auction) == made


def test_deleting_a_user_destroys_what_was_sealed_with_their_key(
    in_process: InProcessPortal,
) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), new_id()
    keys = {owner: made_for_user(in_process.pool, owner) for owner in (alice, bob)}
    mine = keys[alice]
    assert mine
    sealed = seal(mine, {"amount": "12.00"}, auction)
    delete(in_process, alice)
    assert stored(in_process.pool, alice, bob) == {bob: keys[bob]}
    assert made_for_user(in_process.pool, alice) is None, "nobody gets a key after that"
    with pytest.raises(Unsealable):
        unseal(keys[bob] or b"", sealed, auction)


def test_a_user_who_never_was_gets_no_key(in_process: InProcessPortal) -> None:
    assert made_for_user(in_process.pool, new_id()) is None


def test_no_key_is_made_while_a_deletion_is_under_way(in_process: InProcessPortal) -> None:
    alice = in_process.user()
    with ThreadPoolExecutor(1) as threads, in_process.pool.connection() as deleting:
        with deleting.transaction():
            lock_user(deleting, alice)
            made = threads.submit(made_for_user, in_process.pool, alice)
            with in_process.pool.connection() as watching:
                wait_until(lambda: watching.execute(WAITS).fetchone(), 30, "it waits for the lock")
            deleting.execute("UPDATE users SET deleted_at = now() WHERE id = %s", (alice,))
        assert made.result() is None
    assert stored(in_process.pool, alice) == {}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE secret_keys SET key = ''",
        "SELECT FROM secret_keys FOR UPDATE",
        "TRUNCATE secret_keys",
    ],
)
def test_the_portals_processes_change_no_key(in_process: InProcessPortal, statement: str) -> None:
    with owners_connection() as owner:
        grant(owner, names_of_roles())
    with signed_in(names_of_roles().writer) as writer:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            writer.execute(statement.encode())
        writer.execute("INSERT INTO secret_keys (owner_id, key) VALUES (%s, '')", (new_id(),))
        writer.execute("DELETE FROM secret_keys WHERE key = ''")


def test_auditors_see_no_key() -> None:
    with owners_connection() as owner:
        grant(owner, names_of_roles())
    with (
        signed_in(names_of_roles().reader) as reader,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        reader.execute("SELECT FROM secret_keys")
