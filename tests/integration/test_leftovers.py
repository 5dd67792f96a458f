"""What a killed rebuild leaves: no name outlives its user there, and it is dropped when nobody rebuilds."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

import pytest

from commands.domain.commands import CreateUser, DeleteUser
from commands.ids import new_id
from commands.jobs import JobStatus
from commands.postgres.connections import SyncConnection
from commands.postgres.users import current_names
from commands.streams import Stream
from projections import projector
from projections.mongo.generations import GenerationDropped, leftovers, live_generations
from projections.mongo.layout import COLLECTIONS, ProjectionName, collection_name
from projections.tasks import audit_documents
from projections.upkeep.rebuild import drop_abandoned, rebuild
from projections.wiring import catch_up, database, live_documents
from tests.conftest import wait_until
from tests.integration.in_process import InProcessPortal
from tests.integration.killed_rebuilds import Moment, kill_rebuild


@pytest.fixture
def alice(in_process: InProcessPortal) -> Stream:
    """A user with a name and an address, whose documents are there."""
    stream = Stream("user", new_id())
    name = name_of(stream)
    sign_up = CreateUser(stream.id, name, f"{name}@example.org", "!", False)
    assert in_process.settled(stream, sign_up).status is JobStatus.SUCCEEDED
    catch_up(stream)
    return stream


def name_of(user: Stream) -> str:
    return f"alice{user.id.hex[-16:]}"


def delete(in_process: InProcessPortal, user: Stream) -> None:
    """Delete the user, and have it projected."""
    assert in_process.settled(user, DeleteUser(user.id)).status is JobStatus.SUCCEEDED
    catch_up(user)


def mentions(user: Stream) -> set[str]:
    """The collections in which the user's name or address occurs."""
    return {
        name
        for name in database().list_collection_names()
        if any(name_of(user) in str(document) for document in database()[name].find())
    }


def collections() -> set[str]:
    return {
        collection_name(base, generation)
        for projection, bases in COLLECTIONS.items()
        for generation in leftovers(database(), projection)
        for base in bases
    } & set(database().list_collection_names())


@pytest.mark.parametrize("moment", ["before the switch", "after the switch"])
def test_a_deleted_users_name_is_erased_from_every_generation(
    in_process: InProcessPortal, alice: Stream, moment: Moment
) -> None:
    kill_rebuild("users", moment)
    wait_until(lambda: live_documents().user(alice.id), what="the pointer to be followed")
    assert len(mentions(alice)) == 2, "there is something to erase"
    delete(in_process, alice)
    assert mentions(alice) == set()
    user = live_documents().user(alice.id)
    assert user
    assert user.deleted


def test_a_name_that_was_read_before_the_deletion_is_not_written_after_it(
    in_process: InProcessPortal, alice: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebuild reads the name; the user is deleted; the rebuild writes, and dies."""
    read = current_names

    def slowly(connection: SyncConnection, ids: Collection[UUID]) -> Mapping[UUID, str]:
        found = read(connection, ids)
        if alice.id in ids:
            monkeypatch.setattr(projector, "current_names", read)
            delete(in_process, alice)
        return found

    monkeypatch.setattr(projector, "current_names", slowly)

    class Died(Exception):
        pass

    def only_alice(streams: Iterable[Stream], *_: Any) -> Iterable[Stream]:
        return (stream for stream in streams if stream == alice)

    def die(*_: Any) -> None:
        raise Died

    monkeypatch.setattr("projections.upkeep.rebuild._catch_up", die)
    with pytest.raises(Died):
        rebuild("users", in_process.pool, database(), only_alice)
    assert leftovers(database(), "users")
    assert mentions(alice) == set()
    monkeypatch.undo()
    drop_abandoned(in_process.pool, database())


@pytest.mark.parametrize("projection", ["users", "auctions"])
@pytest.mark.parametrize("moment", ["halfway", "before the switch", "after the switch"])
def test_what_a_killed_rebuild_left_is_dropped_and_the_live_documents_stay(
    in_process: InProcessPortal, alice: Stream, projection: ProjectionName, moment: Moment
) -> None:
    auction = in_process.auction()
    in_process.bid(auction, alice.id, "5.00")
    catch_up(auction)
    kill_rebuild(projection, moment)
    wait_until(lambda: collections(), what="something to drop")
    live = live_generations(database())
    shown = live_documents().auction(auction.id), live_documents().user(alice.id)

    def dropped() -> bool:
        audit_documents()
        return not collections()

    wait_until(dropped, what="Postgres to let the killed one's lock go")
    assert live_generations(database()) == live
    assert (live_documents().auction(auction.id), live_documents().user(alice.id)) == shown
    again = rebuild(projection, in_process.pool, database(), lambda todo, *_: todo)
    assert live_generations(database())[projection] == again.generation
    assert (live_documents().auction(auction.id), live_documents().user(alice.id)) == shown


def test_what_a_rebuild_fills_is_not_dropped(in_process: InProcessPortal, alice: Stream) -> None:
    def meanwhile(streams: Iterable[Stream], *_: Any) -> Iterable[Stream]:
        yield from streams
        before = collections()
        drop_abandoned(in_process.pool, database())
        assert collections() == before != set()

    done = rebuild("users", in_process.pool, database(), meanwhile)
    assert live_generations(database())["users"] == done.generation
    wait_until(lambda: live_documents().user(alice.id))


def test_a_rebuild_that_was_taken_for_dead_does_not_switch_to_what_was_dropped(
    in_process: InProcessPortal, alice: Stream
) -> None:
    """Postgres went away and came back, and its lock with it."""
    before = live_generations(database())

    def loses_its_lock(streams: Iterable[Stream], *_: Any) -> Iterable[Stream]:
        yield from streams
        with in_process.pool.connection() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d "
                "ON d.oid = database WHERE locktype = 'advisory' AND datname = current_database() "
                "AND pid <> pg_backend_pid()"
            )
        drop_abandoned(in_process.pool, database())
        assert not collections()

    with pytest.raises(GenerationDropped):
        rebuild("users", in_process.pool, database(), loses_its_lock)
    assert live_generations(database()) == before
    assert live_documents().user(alice.id)
    drop_abandoned(in_process.pool, database())
    assert mentions(alice) == {collection_name("users", before["users"])}
    done = rebuild("users", in_process.pool, database(), lambda todo, *_: todo)
    assert done.generation > before["users"] + 1
