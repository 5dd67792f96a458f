"""A real SMTP server that tests can have refuse, hold back and hang up."""

import asyncio
import email
import logging
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller

from tests.conftest import until

# Its threads may outlive the output that a test's log lines go to.
logging.getLogger("mail.log").setLevel(logging.WARNING)


class Mailbox:
    """What the server took. `refuse` is its answer to each mail meanwhile; what is `held` it
    answers once released."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.port = 0
        self.refuse: str | None = None
        self.held: set[str] = set()
        self.waiting: list[str] = []
        self.sessions: set[object] = set()

    def sent_to(self, address: str) -> list[EmailMessage]:
        """The mails that were taken for that address."""
        return [mail for mail in self.mails if mail["To"] == address]

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        self.sessions.add(session.peer)
        if self.refuse:
            return self.refuse
        [recipient] = envelope.rcpt_tos
        if recipient in self.held:
            self.waiting.append(recipient)
            await until(lambda: recipient not in self.held, 60)
        parsed = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        return "250 OK"


class MailServer(Controller):
    """On a port that the system picks."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # the library has no types
