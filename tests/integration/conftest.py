"""Fixtures for tests that call handlers and projectors in the test's own process, without workers."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from commands.postgres.connections import Pool
from tests.integration.in_process import InProcessPortal
from tests.integration.mailbox import Mailbox, MailServer


@pytest.fixture
def in_process(pool: Pool) -> InProcessPortal:
    """This process's own."""
    return InProcessPortal(pool)


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
