"""The Witness port over HTTP: each checkpoint is POSTed to a URL, as JSON; any 2xx says that it was taken."""

import json
import socket
import ssl
from contextlib import suppress
from hashlib import sha256
from http.client import HTTPConnection, HTTPException
from queue import Empty, SimpleQueue
from threading import Event, Thread
from urllib.parse import SplitResult, urlsplit

from commands.checkpoints.json_form import as_json
from commands.checkpoints.witnesses import NotTaken
from commands.postgres.checkpoints import Kept

# For all of it: the look-up of the name, each address that is tried, and the answer, however slowly it comes.
SECONDS = 5.0
PORTS = {"http": 80, "https": 443}


class Webhook:
    """A witness at a URL, which may hold a secret and is never shown."""

    def __init__(self, url: str, seconds: float = SECONDS) -> None:
        self._url, self._seconds = urlsplit(url), seconds
        self.name = sha256(url.encode()).hexdigest()
        self.host = self._url.hostname or ""

    def take(self, checkpoint: Kept) -> None:
        """POST the checkpoint; redirects are not followed."""
        sending = Sending(self._url, json.dumps(as_json(checkpoint)).encode(), self._seconds)
        sending.start()
        status = sending.status()
        if not 200 <= status < 300:
            raise NotTaken(f"status {status}")


class Sending(Thread):
    """One POST in a thread of its own, because nothing else bounds the look-up of a name."""

    def __init__(self, url: SplitResult, body: bytes, seconds: float) -> None:
        super().__init__(daemon=True)
        self._url, self._body, self._seconds = url, body, seconds
        self._answer: SimpleQueue[int | Exception] = SimpleQueue()
        self._over = Event()
        self._line: socket.socket | None = None

    def status(self) -> int:
        """The answer's status; NotTaken without one in time. What still goes on then is cut."""
        try:
            answer = self._answer.get(timeout=self._seconds)
        except Empty:
            answer = TimeoutError()
            self._cut()
        if isinstance(answer, Exception):
            raise NotTaken(type(answer).__name__) from answer
        return answer

    def run(self) -> None:
        """Connect and POST."""
        try:
            self._answer.put(self._posted())
        except (OSError, HTTPException, ValueError) as error:
            self._answer.put(error)
        finally:
            if self._line:
                self._line.close()

    def _posted(self) -> int:
        host, port = self._url.hostname or "", self._url.port or PORTS[self._url.scheme]
        connected = socket.create_connection((host, port), timeout=self._seconds)
        # TLS takes the socket over: this one stays in hand.
        self._line = connected.dup()
        with self._secured(connected, host) as line:
            if self._over.is_set():
                raise TimeoutError
            connection = HTTPConnection(self._url.netloc)
            connection.sock = line
            target = f"{self._url.path or '/'}{'?' if self._url.query else ''}{self._url.query}"
            connection.request("POST", target, self._body, {"Content-Type": "application/json"})
            return connection.getresponse().status

    def _secured(self, connected: socket.socket, host: str) -> socket.socket:
        if self._url.scheme == "http":
            return connected
        return ssl.create_default_context().wrap_socket(connected, server_hostname=host)

    def _cut(self) -> None:
        self._over.set()
        if self._line:
            with suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)
