"""Fixtures for tests that call handlers and projectors in the test's own process, without workers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from pytest_django import Settings

from commands.postgres.connections import Pool
from commands.wiring import pool as process_pool
from portal.transfer.exporting import export_all
from portal.transfer.files import writing
from projections.ports import WITH_DOCUMENTS
from projections.projector import project
from projections.upkeep.every_stream import every_stream
from projections.wiring import _live
from tests.integration.checkpointing import CheckpointedLog
from tests.integration.elsewhere import Elsewhere, elsewhere
from tests.integration.in_process import InProcessPortal
from tests.integration.lived_in import live_in
from tests.integration.mailbox import Mailbox, MailServer
from tests.servers import empty_this_world


@pytest.fixture(scope="module", autouse=True)
def empty_databases() -> None:
    """Each file begins with an empty portal: what others left is neither in its way nor read by it."""
    connections.close_all()
    if process_pool.cache_info().currsize:
        process_pool().close()
    process_pool.cache_clear()
    _live.cache_clear()
    empty_this_world()


@pytest.fixture
def in_process(pool: Pool) -> InProcessPortal:
    """This process's own, with no tick committed to by an earlier test, whose cut-off would be old."""
    portal = InProcessPortal(pool)
    portal.give_up_open_tick()
    return portal


@pytest.fixture(scope="session")
def source() -> Iterator[Elsewhere]:
    """A portal with a history, which no test changes."""
    with elsewhere("source") as portal:
        live_in(InProcessPortal(portal.pool))
        with portal.pool.connection() as connection:
            every = list(every_stream(connection))
        for stream in every:
            if stream.kind in WITH_DOCUMENTS:
                project(stream, portal.pool, portal.documents)
        yield portal


@pytest.fixture(scope="session")
def exported(source: Elsewhere, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its record."""
    path = tmp_path_factory.mktemp("exported") / "record.jsonl"
    with writing(str(path)) as file, writing(f"{path}.users") as users:
        export_all(source.pool, file, users, lambda rows, _: rows)
    return path


@pytest.fixture(scope="session")
def people(exported: Path) -> Path:
    """What the record does not hold of its users."""
    return exported.with_name(f"{exported.name}.users")


@pytest.fixture
def mailbox(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, in_process: InProcessPortal
) -> Iterator[Mailbox]:
    """A mail server on a port of its own, and the portal set to use it; no other mail waits."""
    box = Mailbox()
    server = MailServer(box, hostname="127.0.0.1", port=0)
    server.start()
    box.port = server.port
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = server.port
    settings.EMAIL_USE_TLS = False
    settings.PUBLIC_URL = "https://auctions.example.org"
    for name in ("EMAIL_HOST", "EMAIL_PORT", "EMAIL_USE_TLS", "PUBLIC_URL"):
        monkeypatch.setenv(name, str(getattr(settings, name)))
    with in_process.pool.connection() as connection:
        connection.execute("DELETE FROM mails")
    yield box
    box.held.clear()
    server.stop()


@pytest.fixture
def log(pool: Pool) -> Iterator[CheckpointedLog]:
    """This process's, without checkpoints before and after."""
    found = CheckpointedLog(pool)
    found.forget()
    yield found
    found.forget()
