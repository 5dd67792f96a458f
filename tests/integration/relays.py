"""A relay of drand on a port of its own, with a chain whose key the tests have."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from py_arkworks_bls12381 import G1Point, G2Point, Scalar

from commands.beacon.bls import DST
from commands.beacon.drand import Chain, DrandBeacon

KEY = Scalar(0x1234_5678_9ABC_DEF0)
CHAIN = Chain(
    hash="c0" * 32,
    public_key=(G2Point() * KEY).to_compressed_bytes(),
    genesis=datetime(2020, 1, 1, tzinfo=UTC),
    period=timedelta(microseconds=1),
)


def signature(number: int) -> bytes:
    """The value of the chain's round."""
    message = sha256(number.to_bytes(8)).digest()
    return (G1Point.hash_to_curve(message, DST) * KEY).to_compressed_bytes()


def answer_of(number: int, value: bytes) -> bytes:
    """What a relay says of a round."""
    randomness = sha256(value).hexdigest()
    said = {"round": number, "randomness": randomness, "signature": value.hex()}
    return json.dumps(said).encode()


def honest(number: int) -> bytes:
    """What an honest relay says."""
    return answer_of(number, signature(number))


class Handler(BaseHTTPRequestHandler):
    """Answers as the relay was told to."""

    server: "Relay"

    def do_GET(self) -> None:
        """A round."""
        self.server.asked.append(self.path)
        self.server.respond(self)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


class Relay(ThreadingHTTPServer):
    """A relay; `says` gives its answer to a round's number."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.says: Callable[[int], bytes] = honest
        self.status = 200
        self.asked: list[str] = []
        self.silent = threading.Event()
        self.silent.set()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def respond(self, handler: Handler) -> None:
        """Say it once it is no longer silent."""
        self.silent.wait(30)
        content = self.says(int(handler.path.rpartition("/")[2]))
        handler.send_response(self.status)
        if self.status == 302:
            handler.send_header("Location", f"{self.url}/elsewhere/1")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        # Who does not want the rest closes the connection.
        try:
            handler.wfile.write(content)
        except OSError:
            return

    def beacon(self, *others: str, seconds: float = 20.0) -> DrandBeacon:
        """The beacon that asks the others first, and then this relay."""
        return DrandBeacon(CHAIN, [*others, self.url], seconds)


@contextmanager
def running_relay() -> Iterator[Relay]:
    """A relay that answers."""
    relay = Relay()
    thread = threading.Thread(target=relay.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield relay
    finally:
        relay.silent.set()
        relay.shutdown()
        relay.server_close()
        thread.join()
