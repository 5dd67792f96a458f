"""The Witness port over HTTP: each checkpoint is POSTed to a URL, as JSON; any 2xx says that it was taken."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from socket import SHUT_RDWR
from threading import Timer
from urllib.parse import urlsplit

from commands.checkpoints.json_form import as_json
from commands.checkpoints.witnesses import NotTaken
from commands.postgres.checkpoints import Kept

# For the whole answer, however slowly it comes.
SECONDS = 5.0


class Webhook:
    """A witness at a URL, which may hold a secret and is never shown."""

    def __init__(self, url: str, seconds: float = SECONDS) -> None:
        self._url, self._seconds = urlsplit(url), seconds
        self.name = sha256(url.encode()).hexdigest()
        self.host = self._url.hostname or ""

    def take(self, checkpoint: Kept) -> None:
        """POST the checkpoint; redirects are not followed."""
        body = json.dumps(as_json(checkpoint)).encode()
        path = self._url.path or "/"
        target = f"{path}?{self._url.query}" if self._url.query else path
        connection = self._connection()
        try:
            with _ended_after(connection, self._seconds):
                connection.request("POST", target, body, {"Content-Type": "application/json"})
                status = connection.getresponse().status
        except (OSError, HTTPException, ValueError) as error:
            raise NotTaken(type(error).__name__) from error
        finally:
            connection.close()
        if not 200 <= status < 300:
            raise NotTaken(f"status {status}")

    def _connection(self) -> HTTPConnection:
        port, seconds = self._url.port, self._seconds
        if self._url.scheme == "https":
            context = ssl.create_default_context()
            return HTTPSConnection(self.host, port, timeout=seconds, context=context)
        return HTTPConnection(self.host, port, timeout=seconds)


@contextmanager
def _ended_after(connection: HTTPConnection, seconds: float) -> Iterator[None]:
    """Cut the connection then: its own timeout begins anew with each byte."""
    connection.connect()

    def cut() -> None:
        with suppress(OSError):
            connection.sock.shutdown(SHUT_RDWR)

    timer = Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
