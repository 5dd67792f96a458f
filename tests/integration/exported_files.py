"""Exported records as bytes: taken apart, and put together again with hashes that fit."""

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

Json = dict[str, Any]
HEADER = {"format": "auction portal record", "version": 1, "holds": "all"}


def events_in(file: bytes) -> Iterator[tuple[Json, str]]:
    """The contents of its events, with their hashes."""
    for line in file.splitlines()[1:-1]:
        found = json.loads(line)
        yield json.loads(found["content"]), found["hash"]


def lines_of(contents: Iterable[Json]) -> list[Json]:
    """The lines between the first and the last, chained anew."""
    last: dict[str, bytes] = {}
    lines = []
    for content in contents:
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        stream = content["stream_id"]
        last[stream] = sha256(last.get(stream, bytes(32)) + text.encode()).digest()
        lines.append({"content": text, "hash": last[stream].hex()})
    return lines


def framed(lines: Iterable[Json], **header: Any) -> bytes:
    """The file of these lines, with a last line that fits."""
    written = b"".join(as_line(line) for line in (HEADER | header, *lines))
    count = written.count(b"\n") - 1
    return written + as_line({"lines": count, "sha256": sha256(written).hexdigest()})


def file_of(contents: Iterable[Json]) -> bytes:
    """A file of events with these contents, in which everything fits."""
    return framed(lines_of(contents))


def as_line(value: Json) -> bytes:
    """As it stands in a file."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
