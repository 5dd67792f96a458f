"""One HTTP exchange with a server outside, bounded as a whole.

The bound is for the look-up of the name, each address that is tried, TLS, and the answer, however
slowly it comes. Redirects are not followed.
"""

import socket
import ssl
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from queue import Empty, SimpleQueue
from threading import Event, Thread
from urllib.parse import SplitResult

PORTS = {"http": 80, "https": 443}
JSON = "application/json"


def get(url: SplitResult, seconds: float, longest: int) -> tuple[int, bytes]:
    """The status and the content of a GET's answer.

    ValueError if the content is longer than so many bytes; OSError (TimeoutError) or HTTPException
    without an answer in time.
    """
    return _exchanged(Exchange("GET", url, None, {"Accept": JSON}, seconds, longest), seconds)


def post(url: SplitResult, body: bytes, seconds: float) -> int:
    """The status of the answer to a POST of JSON, whose content is not read; errors as of `get`."""
    posting = Exchange("POST", url, body, {"Content-Type": JSON}, seconds, None)
    return _exchanged(posting, seconds)[0]


def _exchanged(exchange: "Exchange", seconds: float) -> tuple[int, bytes]:
    exchange.start()
    try:
        answer = exchange.answer.get(timeout=seconds)
    except Empty:
        exchange.cut()
        raise TimeoutError("no answer in time") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


class Exchange(Thread):
    """An exchange in a thread of its own, because nothing else bounds the look-up of a name."""

    def __init__(
        self,
        method: str,
        url: SplitResult,
        body: bytes | None,
        headers: dict[str, str],
        seconds: float,
        longest: int | None,
    ) -> None:
        super().__init__(daemon=True)
        self.answer: SimpleQueue[tuple[int, bytes] | Exception] = SimpleQueue()
        self._url, self._seconds, self._longest = url, seconds, longest
        target = f"{url.path or '/'}{'?' if url.query else ''}{url.query}"
        self._request = (method, target, body, headers)
        self._over = Event()
        self._line: socket.socket | None = None

    def run(self) -> None:
        """Connect, ask, and take the answer."""
        try:
            self.answer.put(self._answered())
        except (OSError, HTTPException, ValueError) as error:
            self.answer.put(error)
        finally:
            if self._line:
                self._line.close()

    def cut(self) -> None:
        """End what still goes on; nothing is sent any more."""
        self._over.set()
        if self._line:
            with suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)

    def _answered(self) -> tuple[int, bytes]:
        host, port = self._url.hostname or "", self._url.port or PORTS[self._url.scheme]
        connected = socket.create_connection((host, port), timeout=self._seconds)
        # TLS takes the socket over: this one stays in hand.
        self._line = connected.dup()
        with self._secured(connected, host) as line:
            if self._over.is_set():
                raise TimeoutError
            connection = HTTPConnection(self._url.netloc)
            connection.sock = line
            connection.request(*self._request)
            with connection.getresponse() as answer:
                # Without a bound the content is not wanted.
                content = answer.read(self._longest + 1) if self._longest else b""
            if self._longest and len(content) > self._longest:
                raise ValueError(f"its answer has more than {self._longest} bytes")
            return answer.status, content

    def _secured(self, connected: socket.socket, host: str) -> socket.socket:
        if self._url.scheme == "http":
            return connected
        return ssl.create_default_context().wrap_socket(connected, server_hostname=host)
