"""On a replica set a majority confirms what is written, and only what a majority has is read."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.monitoring import CommandListener, CommandStartedEvent
from pytest_django import Settings

from portal.laptop.servers import package_folder
from projections.documents import WinnerDocument
from projections.errors import passes
from projections.mongo import connection
from projections.mongo.generations import drop_leftovers, live_generations, move_pointer
from projections.mongo.layout import COLLECTIONS
from projections.mongo.store import MongoDocuments
from tests.conftest import wait_until
from tests.contracts.sample_documents import auction, bid, user

WRITES = {"insert", "update", "delete", "createIndexes", "drop"}
READS = {"find", "aggregate"}


class Sent(CommandListener):
    """The commands that were sent."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, dict[str, Any]]] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.commands.append((event.command_name, dict(event.command)))

    def succeeded(self, event: object) -> None:
        """Not needed."""

    def failed(self, event: object) -> None:
        """Not needed."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A replica set of one member, the only one of its kind here."""
    folder = tmp_path_factory.mktemp("replica")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = package_folder("fiftyone") / "db" / "bin" / "mongod"
    options = (
        *("--dbpath", str(folder), "--bind_ip", "127.0.0.1", "--port", str(port)),
        *("--replSet", "house", "--nounixsocket", "--networkMessageCompressors", "disabled"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false", "--quiet"),
        *("--wiredTigerCacheSizeGB", "0.25", "--logpath", str(folder / "log")),
    )
    process = subprocess.Popen([program, *options])
    try:
        wait_until(lambda: initiated(port), 60, "the replica set")
        wait_until(lambda: is_primary(port), 60, "the primary")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def initiated(port: int) -> bool:
    """Whether the set knows its members; a client from before can't be used after."""
    members = {"_id": "house", "members": [{"_id": 0, "host": f"127.0.0.1:{port}"}]}
    with client(port) as found:
        try:
            found.admin.command("replSetInitiate", members)
        except PyMongoError as error:
            return getattr(error, "code", None) == 23  # already
    return True


def is_primary(port: int) -> bool:
    with client(port) as found:
        return bool(found.admin.command("hello")["isWritablePrimary"])


def client(port: int) -> MongoClient[dict[str, Any]]:
    return MongoClient("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=1000)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What the portal's connection sends in this test."""
    listener = Sent()
    options = {**connection.OPTIONS, "event_listeners": [listener]}
    monkeypatch.setattr(connection, "OPTIONS", options)
    return listener


def connected(settings: Settings, address: str, asked: str) -> Database[dict[str, Any]]:
    settings.MONGODB_URL = f"mongodb://{address}/house{asked}"
    return connection.connect()


ASKED = [
    "",
    "?replicaSet=house",
    "?w=1&journal=false",
    "?w=majority&journal=false",
    "?readPreference=secondaryPreferred&readConcernLevel=local",
]


@pytest.mark.parametrize("asked", ASKED)
def test_all_that_is_written_waits_for_a_majority_and_all_that_is_read_has_one(
    address: str, settings: Settings, sent: Sent, asked: str
) -> None:
    database = connected(settings, address, asked)
    everything(database)
    written = [command for name, command in sent.commands if name in WRITES]
    assert {name for name, _ in sent.commands} >= WRITES | READS
    confirmed = {"w": "majority", "j": True, "wtimeout": connection.MAJORITY_WAIT}
    for command in written:
        wanted = dict(confirmed)
        if (
            "createIndexes" in command
        ):  # It takes as long as there are documents, with a time-out for all.
            del wanted["wtimeout"]
            assert "maxTimeMS" in command
        assert command.get("writeConcern") == wanted, command
    for name, command in sent.commands:
        if name in READS:
            assert command["readConcern"] == {"level": "majority"}, command
            assert command.get("$readPreference", {"mode": "primary"}) == {"mode": "primary"}
    database.client.close()


def everything(database: Database[dict[str, Any]]) -> None:
    """Each kind of write and read there is, the erasure of a name in two generations among them."""
    live, other = (MongoDocuments(database, dict.fromkeys(COLLECTIONS, n)) for n in (1, 2))
    lamp, alice = auction(), user()
    for documents in (live, other):
        documents.create_indexes()
        documents.save_users([alice])
    live.save_bids([bid(lamp.id)])
    live.save_auctions([(lamp, 0)])
    live.save_auctions([(replace(lamp, version=2), 1)])
    live.save_winner(WinnerDocument(lamp.id, lamp.title, bid(lamp.id), lamp.ends_at))
    assert live.top_bids(lamp.id, 2, 5)
    assert live.versions("auction", [lamp.id]) == {lamp.id: 2}
    gone = replace(alice, version=2, username=None, deleted=True)
    live.save_users([gone])
    assert other.user(alice.id) == gone
    live.restore_auction(lamp, [bid(lamp.id)])
    move_pointer(database, "users", 2)
    assert drop_leftovers(database, "users") == {1}
    assert live_generations(database)["users"] == 2
    database.client.drop_database(database.name)


def test_what_too_few_members_confirm_is_tried_again(address: str, settings: Settings) -> None:
    database = connected(settings, address, "?w=2&wtimeoutMS=200")
    documents = MongoDocuments(database, dict.fromkeys(COLLECTIONS, 1))
    lamp = auction()
    writes: tuple[Callable[[], None], ...] = (
        lambda: documents.save_bids([bid(lamp.id)]),
        lambda: documents.save_auctions([(lamp, 0)]),
        lambda: documents.save_auctions([(replace(lamp, version=2), 1)]),
        lambda: documents.save_users([user()]),
        lambda: move_pointer(database, "users", 1),
    )
    for write in writes:
        with pytest.raises(PyMongoError) as refused:
            write()
        assert passes(refused.value), refused.value
    database.client.close()


@pytest.mark.parametrize(
    ("asked", "w"),
    [("", "majority"), ("?w=0", "majority"), ("?w=1", "majority"), ("?w=majority", "majority"),
     ("?w=3", 3), ("?w=twoDatacentres", "twoDatacentres")],
)  # fmt: skip
def test_a_url_may_ask_for_more_members_not_for_fewer(
    settings: Settings, asked: str, w: int | str
) -> None:
    database = connected(settings, "127.0.0.1:1", asked)
    assert database.write_concern.document["w"] == w
    assert database.write_concern.document["j"] is True
    database.client.close()
