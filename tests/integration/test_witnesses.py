"""Witnesses over real HTTP: each checkpoint reaches them, whatever their servers do, and nothing else waits."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from commands.checkpoints import witnesses
from commands.checkpoints.json_form import from_json
from commands.checkpoints.webhook import Webhook
from commands.checkpoints.witnesses import BACKLOG, FIRST_PAUSE, LONGEST_PAUSE, pause_after, tell
from commands.http_exchange import Exchange
from commands.record.checkpoints import signed_by
from commands.tasks import SEND_CHECKPOINTS
from tests.integration.checkpointing import CheckpointedLog
from tests.integration.dying import run_and_die


class Server:
    """A witness's server; `answer` says how it answers."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.asked = threading.Event()
        self.go_on = threading.Event()
        self.answer: Callable[[BaseHTTPRequestHandler], None] = status(204)
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.received.append(json.loads(body))
                server.paths.append(self.path)
                server.asked.set()
                server.answer(self)

            def log_message(self, *_: object) -> None:
                """Not into the tests' output."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def numbers(self) -> list[int]:
        """The numbers of the checkpoints that came."""
        return [each["number"] for each in self.received]

    def webhook(self, seconds: float = 5.0, path: str = "take") -> Webhook:
        """The adapter for it; each path is another witness."""
        return Webhook(f"http://127.0.0.1:{self.http.server_port}/{path}?token=secret", seconds)


def status(code: int, *headers: tuple[str, str]) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answers with that status."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for header in headers:
            handler.send_header(*header)
        handler.end_headers()

    return answer


@pytest.fixture
def server() -> Iterator[Server]:
    """On a port of its own."""
    running = Server()
    yield running
    running.go_on.set()
    running.http.shutdown()
    running.http.server_close()


def due_now(log: CheckpointedLog) -> None:
    """The pauses are over."""
    with log.pool.connection() as connection:
        connection.execute("UPDATE witnesses SET due = clock_timestamp()")


def attempts(log: CheckpointedLog) -> list[int]:
    """How many failed, or are being made, of each witness."""
    with log.pool.connection() as connection:
        return [row["attempts"] for row in connection.execute("SELECT attempts FROM witnesses")]


def make(log: CheckpointedLog, count: int = 1) -> None:
    """So many checkpoints."""
    for _ in range(count):
        log.fill(1)
        log.make()


def test_each_new_checkpoint_reaches_it_once_signed(log: CheckpointedLog, server: Server) -> None:
    make(log, 2)
    assert tell(log.pool, [server.webhook()]) is False
    make(log, 2)
    tell(log.pool, [server.webhook()])
    tell(log.pool, [server.webhook()])
    assert server.numbers == [2, 3, 4], "from the newest one at first"
    assert server.paths == ["/take?token=secret"] * 3
    for each, expected in zip(server.received, log.every()[1:], strict=True):
        signed, key = from_json(each)
        assert signed == expected.signed
        assert signed_by(signed, key)


def refused(server: Server) -> None:
    """Nobody listens any more."""
    server.http.shutdown()
    server.http.server_close()


def never(server: Server) -> None:
    """It takes the request and says nothing."""
    server.answer = lambda _: void(server.go_on.wait())


def drips(server: Server) -> None:
    """It takes the checkpoint and says so byte by byte: no pause between two is long."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        with suppress(OSError):
            for byte in b"HTTP/1.1 200 OK\r\n\r\n":
                handler.wfile.write(bytes([byte]))
                server.go_on.wait(0.3)

    server.answer = answer


def garbage(server: Server) -> None:
    """What it says is no HTTP."""
    server.answer = lambda handler: void(handler.wfile.write(b"HELO\r\n\r\n"))


def void(_: object) -> None:
    """No value."""


FAILURES: dict[str, Callable[[Server], None]] = {
    "refuses connections": refused,
    "never answers": never,
    "answers byte by byte": drips,
    "speaks no HTTP": garbage,
    "500": lambda server: setattr(server, "answer", status(500)),
    "404": lambda server: setattr(server, "answer", status(404)),
    "a redirect": lambda server: setattr(
        server, "answer", status(302, ("Location", "http://127.0.0.1:9/"))
    ),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
def test_a_witness_that_fails_is_tried_again_later_and_others_get_theirs(
    log: CheckpointedLog, server: Server, failure: Callable[[Server], None]
) -> None:
    other = Server()
    make(log)
    failure(server)
    failing = server.webhook(seconds=0.5)
    tell(log.pool, [failing, other.webhook()])
    assert other.numbers == [1]
    assert sorted(attempts(log)) == [0, 1]
    make(log)
    before = len(server.received)
    tell(log.pool, [failing, other.webhook()])
    assert other.numbers == [1, 2]
    assert len(server.received) == before, "the pause is not over"
    due_now(log)
    tell(log.pool, [failing])
    assert sorted(attempts(log)) == [0, 2]
    refused(other)


def test_the_look_up_of_its_name_is_bounded_and_nothing_is_sent_after_it(
    log: CheckpointedLog, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def slow(host: str, *more: Any) -> Any:
        server.go_on.wait()
        return look_up("127.0.0.1", *more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    make(log)
    tell(log.pool, [Webhook(f"http://witness.example.org:{server.http.server_port}/", 0.2)])
    assert attempts(log) == [1]
    server.go_on.set()
    for thread in threading.enumerate():
        if isinstance(thread, Exchange):
            thread.join()
    assert server.numbers == []


def test_a_witness_may_speak_tls_if_its_certificate_is_good(
    log: CheckpointedLog, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
    secured = Webhook(f"https://127.0.0.1:{server.http.server_port}/take?token=secret")
    make(log)
    tell(log.pool, [secured])
    assert (server.numbers, attempts(log)) == ([], [1])
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    due_now(log)
    tell(log.pool, [secured])
    assert (server.numbers, attempts(log)) == ([1], [0])
    assert server.paths == ["/take?token=secret"]


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a witness")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    pem = serialization.Encoding.PEM
    files[0].write_bytes(certificate.public_bytes(pem))
    private = serialization.PrivateFormat.PKCS8
    files[1].write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()))
    return files


def test_what_it_missed_comes_in_order_once_it_is_back(
    log: CheckpointedLog, server: Server
) -> None:
    make(log)
    tell(log.pool, [server.webhook()])
    server.answer = status(503)
    make(log, 3)
    tell(log.pool, [server.webhook()])
    server.answer = status(200)
    due_now(log)
    tell(log.pool, [server.webhook()])
    assert server.numbers == [1, 2, 2, 3, 4]
    assert attempts(log) == [0]


def test_one_that_is_far_behind_gets_the_newest(
    log: CheckpointedLog, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert BACKLOG == 100
    monkeypatch.setattr(witnesses, "BACKLOG", 2)
    make(log)
    tell(log.pool, [server.webhook()])
    make(log, 3)
    tell(log.pool, [server.webhook()])
    assert server.numbers == [1, 4]


def test_a_turn_is_bounded(
    log: CheckpointedLog, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witnesses, "IN_A_TURN", 2)
    make(log)
    tell(log.pool, [server.webhook()])
    make(log, 3)
    assert tell(log.pool, [server.webhook()]) is True
    assert server.numbers == [1, 2, 3]
    assert tell(log.pool, [server.webhook()], seconds=-1) is True
    assert tell(log.pool, [server.webhook()]) is False
    assert server.numbers == [1, 2, 3, 4]


def test_each_gets_one_before_anybody_gets_the_next(log: CheckpointedLog, server: Server) -> None:
    two = [server.webhook(path=path) for path in ("one", "other")]
    make(log)
    tell(log.pool, two)
    make(log, 2)
    assert tell(log.pool, two) is False
    assert server.numbers == [1, 1, 2, 2, 3, 3]


def test_while_a_witness_holds_its_answer_checkpoints_go_on_and_nobody_else_sends_it(
    log: CheckpointedLog, server: Server
) -> None:
    make(log)
    never(server)
    sending = threading.Thread(target=tell, args=(log.pool, [server.webhook()]))
    sending.start()
    assert server.asked.wait(30)
    make(log, 2)
    tell(log.pool, [server.webhook()])
    assert server.numbers == [1]
    with log.pool.connection() as connection:
        idle = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in %'"
        assert connection.execute(idle).fetchall() == []
    server.go_on.set()
    sending.join()


def test_one_who_dies_while_sending_has_the_attempt_counted_and_it_is_sent_again(
    log: CheckpointedLog, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(log)
    url = f"http://127.0.0.1:{server.http.server_port}/take?token=secret"
    monkeypatch.setenv("WITNESS_URLS", url)
    run_and_die("after", "commands.checkpoints.webhook:Webhook.take", SEND_CHECKPOINTS)
    assert attempts(log) == [1]
    tell(log.pool, [server.webhook()])
    assert server.numbers == [1], "the lease goes on"
    due_now(log)
    tell(log.pool, [server.webhook()])
    assert server.numbers == [1, 1]
    assert attempts(log) == [0]


def test_pauses_double_up_to_an_hour() -> None:
    least, most = timedelta(seconds=7.5), LONGEST_PAUSE * 1.25
    pauses = [pause_after(attempts) for attempts in range(1, 2000)]
    assert all(least <= pause <= most for pause in pauses)
    assert FIRST_PAUSE * 0.75 <= pauses[0] <= FIRST_PAUSE * 1.25
    assert pauses[3] >= FIRST_PAUSE * 6
