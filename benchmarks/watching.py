"""Watchers: many WebSockets in a process of their own, which looks at frames without parsing them.

`python -m benchmarks.watching` reads one JSON object from standard input: url, query, variables (one object
for each watcher), and `last`, a version after which a watcher has all it waits for, or null. It writes
"ready" once each watcher has a result, and what came when standard input ends, or when all have the last.
"""

import asyncio
import base64
import json
import os
import re
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

VERSION = re.compile(rb'"version":(\d+)')
PING, CLOSE = 0x89, 0x88
# So many connections are opened at the same time.
AT_ONCE = 200
HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


@dataclass(slots=True)
class Seen:
    """What all watchers got: of each version of a subject, how many have it, and when the last one got it."""

    watchers: int
    last: int | None
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    times: dict[str, float] = field(default_factory=dict)
    firsts: int = 0
    complete: int = 0
    problems: list[str] = field(default_factory=list)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def problem(self, what: str) -> None:
        """Note it; there is nothing more to wait for."""
        self.problems.append(what)
        self.ready.set()
        self.over.set()

    def result(self, subject: str, version: int, *, first: bool) -> None:
        """Note what a watcher got."""
        self.firsts += first
        self.complete += version == self.last
        if self.last is None:
            self.counts[f"{subject} {version}"] += 1
            self.times[f"{subject} {version}"] = time.time()
        if first and self.firsts == self.watchers:
            self.ready.set()
        if self.complete == self.watchers:
            self.over.set()


class Watcher(asyncio.Protocol):
    """One WebSocket with one subscription."""

    def __init__(self, seen: Seen, query: str, variables: Mapping[str, Any]) -> None:
        self._seen = seen
        self._subject = str(variables["id"])
        payload = {"query": query, "variables": variables}
        self._subscribe = json.dumps({"id": "1", "type": "subscribe", "payload": payload})
        self._left = b""
        self._upgraded = False
        self._version = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(HANDSHAKE.format(base64.b64encode(os.urandom(16)).decode()).encode())

    def connection_lost(self, exc: Exception | None) -> None:
        """That is a problem while others watch."""
        self._seen.problem("a connection was lost")

    def data_received(self, data: bytes) -> None:
        """Take whole frames off what has come."""
        data = self._left + data if self._left else data
        if not self._upgraded:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._left = head
                return
            self._upgraded = True
            self._send(0x81, b'{"type":"connection_init"}')
        at = 0
        while frame := _frame(data, at):
            begin, end_at = frame
            self._frame(data[at], data[begin:end_at])
            at = end_at
        self._left = data[at:]

    def _frame(self, kind: int, content: bytes) -> None:
        if kind == PING:
            self._send(0x8A, content)
        elif kind == CLOSE:
            self._seen.problem(f"closed: {content[2:]!r}")
        elif content.startswith(b'{"id":"1","type":"next"'):
            self._result(content)
        elif b"connection_ack" in content:
            self._send(0x81, self._subscribe.encode())
        else:
            self._seen.problem(content[:300].decode())

    def _result(self, content: bytes) -> None:
        found = VERSION.search(content)
        assert found, content[:300]
        version = int(found[1])
        if version < self._version:
            self._seen.problem(f"version {version} came after {self._version}")
        self._seen.result(self._subject, version, first=self._version == 0)
        self._version = version

    def _send(self, kind: int, content: bytes) -> None:
        """A frame masked with zeros."""
        size = len(content)
        length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self._transport.write(bytes((kind,)) + length + b"\0\0\0\0" + content)


def _frame(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the content of the frame begins and ends, once it is whole."""
    if len(data) - at < 2:
        return None
    size, begin = data[at + 1], at + 2
    if size >= 126:
        begin += 2 if size == 126 else 8
        size = int.from_bytes(data[at + 2 : begin], "big")
    return (begin, begin + size) if len(data) >= begin + size else None


async def _watch(asked: Mapping[str, Any]) -> Seen:
    address, seen = urlsplit(asked["url"]), Seen(len(asked["variables"]), asked["last"])
    loop, opening = asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)

    async def one(variables: Mapping[str, Any]) -> None:
        async with opening:
            await loop.create_connection(
                lambda: Watcher(seen, asked["query"], variables), address.hostname, address.port
            )

    await asyncio.gather(*map(one, asked["variables"]))
    await seen.ready.wait()
    print("ready", flush=True)
    await (seen.over.wait() if seen.last else asyncio.to_thread(sys.stdin.read))
    return seen


class Watchers:
    """The process with the watchers, from here."""

    def __init__(
        self, url: str, query: str, variables: Sequence[Mapping[str, Any]], last: int | None = None
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.watching"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin
        asked = {"url": url, "query": query, "variables": list(variables), "last": last}
        self._process.stdin.write(f"{json.dumps(asked)}\n")
        self._process.stdin.flush()

    def ready(self) -> None:
        """Wait until each has a result."""
        assert self._process.stdout
        assert self._process.stdout.readline() == "ready\n"

    def seen(self) -> dict[str, Any]:
        """End them; what came, see Seen."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        # Not `communicate`: what came with the line before is in the file's buffer.
        content = self._process.stdout.read()
        self._process.wait()
        found: dict[str, Any] = json.loads(content)
        assert not found["problems"], found["problems"][:3]
        return found


def main() -> None:
    """Watch as standard input says."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    seen = asyncio.run(_watch(json.loads(sys.stdin.readline())))
    result = {"counts": seen.counts, "times": seen.times, "problems": seen.problems}
    print(json.dumps(result), flush=True)
    os._exit(0)  # The thousands of connections need no farewell.


if __name__ == "__main__":
    main()
