"""What was verified, noted in a file, so that a killed run goes on behind it.

The first line says of which portal and which streams the notes are; each further line is a stream's
verdict. A line that was cut off is dropped, and its stream is verified again.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from commands.streams import Stream
from projections.upkeep.findings import Finding, Verdict


class OtherNotes(Exception):
    """The file is no notes, or those of another verification."""


class Notes:
    """A file of verdicts; those in it already are in `before`."""

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self.before: list[Verdict] = []
        self._path = path
        lines = _whole_lines(path)
        if lines:
            self._check(lines[0], about)
            self.before = [_verdict(line) for line in lines[1:]]
        else:
            self._write([about])

    def _check(self, line: str, about: dict[str, Any]) -> None:
        try:
            noted = json.loads(line)
        except ValueError as error:
            raise OtherNotes("it holds something else than notes of a verification") from error
        if noted != about:
            raise OtherNotes("it is of another portal, or of other streams")

    def add(self, verdicts: Sequence[Verdict]) -> None:
        """Note the verdicts."""
        self._write(
            [
                {
                    "kind": verdict.stream.kind,
                    "stream": str(verdict.stream.id),
                    "events": verdict.events,
                    "behind": verdict.behind,
                    "jobless": verdict.jobless,
                    "findings": [finding.what for finding in verdict.findings],
                }
                for verdict in verdicts
            ]
        )

    def _write(self, contents: Sequence[dict[str, Any]]) -> None:
        # In one write, so that whoever is killed leaves at most the beginning of it.
        with self._path.open("a") as file:
            file.write("".join(json.dumps(content) + "\n" for content in contents))


def _whole_lines(path: Path) -> list[str]:
    """The file's lines, after what was cut off is removed from it; none if there is no file."""
    if not path.exists():
        return []
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if len(whole) < len(text):
        if not whole and not text.startswith(b'{"'):
            raise OtherNotes("it holds something else than notes of a verification")
        with path.open("r+b") as file:
            file.truncate(len(whole))
    return whole.decode(errors="replace").splitlines()


def _verdict(line: str) -> Verdict:
    try:
        noted = json.loads(line)
        stream = Stream(noted["kind"], UUID(noted["stream"]))
        findings = [Finding(stream, what) for what in noted["findings"]]
        return Verdict(stream, noted["events"], findings, noted["behind"], jobless=noted["jobless"])
    except (ValueError, KeyError, TypeError) as error:
        raise OtherNotes("one of its lines is no verdict") from error
