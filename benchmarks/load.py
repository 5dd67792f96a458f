"""Load on a web process: from `wrk` if it is installed, else from Python, which says so."""

import asyncio
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SCRIPT = Path(__file__).with_name("load.lua")
THREADS = 2


@dataclass(frozen=True, slots=True)
class Request:
    """A GraphQL request, with the access token of whoever sends it."""

    query: str
    variables: dict[str, Any]
    token: str = ""

    def line(self) -> str:
        """As the load's file has it."""
        body = json.dumps({"query": self.query, "variables": self.variables})
        return f"{self.token}\t{body}"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a load; times in seconds."""

    client: str
    requests: int
    seconds: float
    failed: int
    p50: float
    p99: float
    worst: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


def load(url: str, requests: Sequence[Request], connections: int, seconds: float) -> Answered:
    """Send the requests, over and over, as fast as they are answered."""
    with tempfile.NamedTemporaryFile("w", suffix=".requests") as file:
        file.writelines(f"{request.line()}\n" for request in requests)
        file.flush()
        if wrk := shutil.which("wrk"):
            return _from_wrk(wrk, url, file.name, connections, seconds)
        lines = Path(file.name).read_text().splitlines()
        return asyncio.run(_from_python(url, lines, connections, seconds))


def _from_wrk(wrk: str, url: str, file: str, connections: int, seconds: float) -> Answered:
    threads = min(THREADS, connections)
    words = [wrk, f"-t{threads}", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "10s"]
    words += ["-s", str(SCRIPT), url, "--", file, str(threads)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    if done.stderr:
        print(f"    {done.stderr.splitlines()[0]}")
    return Answered("wrk", **json.loads(done.stdout.strip().splitlines()[-1]))


async def _from_python(
    url: str, lines: Sequence[str], connections: int, seconds: float
) -> Answered:
    every, times = itertools.cycle(lines), list[float]()
    started = time.perf_counter()
    failed = await asyncio.gather(
        *(_post_until(url, every, started + seconds, times) for _ in range(connections))
    )
    took, times = time.perf_counter() - started, sorted(times)
    return Answered(
        "a Python client",
        len(times),
        took,
        sum(failed),
        times[len(times) // 2],
        times[int(len(times) * 0.99)],
        times[-1],
    )


class Connection:
    """One connection that is kept, for requests one after the other."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, line: str) -> bool:
        """Send a request, given as the load's file has it; whether its answer was good."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        reader, writer = self._streams
        writer.write(self._request(line))
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().split(b"content-length:")[1].split(b"\r\n")[0]
        body = await reader.readexactly(int(length))
        return b" 200 " in head[:20] and b'"errors"' not in body

    def close(self) -> None:
        """Close it."""
        if self._streams:
            self._streams[1].close()

    def _request(self, line: str) -> bytes:
        token, _, body = line.partition("\t")
        sign_in = f"Authorization: Bearer {token}\r\n" if token else ""
        return (
            f"POST {self._parts.path} HTTP/1.1\r\nHost: {self._parts.netloc}\r\n"
            f"Content-Type: application/json\r\n{sign_in}"
            f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
        ).encode()


async def _post_until(url: str, lines: Iterator[str], ends: float, times: list[float]) -> int:
    connection, failed = Connection(url), 0
    while (started := time.perf_counter()) < ends:
        failed += not await connection.post(next(lines))
        times.append(time.perf_counter() - started)
    connection.close()
    return failed
