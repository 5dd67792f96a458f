"""JSON Lines that show whether they are whole and unchanged.

The first line says what the file is and holds. The last one counts those between, and has the SHA-256 of
all lines before it. Equal content gives equal bytes.
"""

import zlib
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, BinaryIO

import orjson

VERSION = 1
# Bytes of a line. No event is nearly as long.
LONGEST = 2**24

Json = dict[str, Any]


class Refused(Exception):
    """A line that is not as it must be."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line


def framed(kind: str, holds: str, between: Iterable[Json]) -> Iterator[bytes]:
    """The lines of a file of that kind."""
    digest, count = sha256(), 0
    line = _line({"format": kind, "version": VERSION, "holds": holds})
    for each in between:
        yield line
        digest.update(line)
        line = _line(each)
        count += 1
    yield line
    digest.update(line)
    yield _line({"lines": count, "sha256": digest.hexdigest()})


def _line(value: Json) -> bytes:
    return orjson.dumps(value) + b"\n"


class Lines:
    """Reads such a file. `number` lines were read so far, and `digest` is the SHA-256 of these."""

    def __init__(self, file: BinaryIO, kind: str, holds: str) -> None:
        self.number, self.digest = 0, b""
        self._file, self._kind, self._holds = file, kind, holds
        self._running, self._before = sha256(), b""

    def __iter__(self) -> Iterator[Json]:
        """The objects between the first and the last line; Refused at a line that is not right.

        Once all are read, the file is known to be whole.
        """
        self._check_first(self._next())
        while "sha256" not in (found := self._next()):
            yield found
        count = self.number - 2
        if found.get("lines") != count:
            raise self.refused(f"{count} lines stand between it and the first: some are missing")
        if found["sha256"] != self._before.hex():
            raise self.refused("the SHA-256 of the lines before it is another: they were changed")
        if self._file.read(1):
            raise Refused(self.number + 1, "something follows the last line")

    def refused(self, reason: str) -> Refused:
        """A refusal of the line that was read last."""
        return Refused(self.number, reason)

    def _check_first(self, header: Json) -> None:
        if header.get("format") != self._kind:
            raise self.refused(f"this is no file of the format {self._kind!r}")
        if header.get("version") != VERSION:
            version = str(header.get("version"))[:20]
            raise self.refused(f"it has version {version}; this release reads version {VERSION}")
        if header.get("holds") != self._holds:
            held = str(header.get("holds"))[:40]
            raise self.refused(f"it holds {held}, not {self._holds}")

    def _next(self) -> Json:
        try:
            line = self._file.readline(LONGEST)
        except (EOFError, OSError, zlib.error) as error:
            raise Refused(self.number + 1, f"the file can't be read on: {error}") from error
        if not line.endswith(b"\n"):
            reason = "it is too long" if len(line) == LONGEST else "the file was cut off here"
            raise Refused(self.number + 1, reason)
        self.number += 1
        self._running.update(line)
        self._before, self.digest = self.digest, self._running.digest()
        try:
            found = orjson.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self.refused("it is no JSON object")
        return found
