"""What MongoDB does for what this process asks it: each command, explained by the server itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from projections.wiring import database

# What makes up a read; the rest of a profiled command is how it was sent.
READS = {
    "find": ("find", "filter", "sort", "skip", "limit", "projection", "hint"),
    "aggregate": ("aggregate", "pipeline", "cursor", "hint"),
}


@dataclass(slots=True)
class Explained:
    """One read: the stages and indexes of its plan, and how much it looked at."""

    command: dict[str, Any]
    stages: set[str] = field(default_factory=set)
    indexes: set[str] = field(default_factory=set)
    keys: int = 0
    documents: int = 0

    def __post_init__(self) -> None:
        explain = {"explain": self.command, "verbosity": "executionStats"}
        self._look(database().command(explain, codec_options=database().codec_options))

    def _look(self, part: Any) -> None:
        """Into all that was run, the parts of a union included, but not into rejected plans."""
        match part:
            case list():
                for each in part:
                    self._look(each)
            case dict():
                if "totalKeysExamined" in part:
                    self.keys += part["totalKeysExamined"]
                    self.documents += part["totalDocsExamined"]
                self.stages |= {part["stage"]} if "stage" in part else set()
                self.indexes |= {part["indexName"]} if "indexName" in part else set()
                for name, each in part.items():
                    if name not in ("rejectedPlans", "allPlansExecution", "command"):
                        self._look(each)


@contextmanager
def reads() -> Iterator[list[Explained]]:
    """The reads of documents in this test's database meanwhile, the pointers' aside."""
    found: list[Explained] = []
    database().command("profile", 2)
    try:
        yield found
    finally:
        database().command("profile", 0)
        profiled = list(database()["system.profile"].find())
        database()["system.profile"].drop()
    for each in profiled:
        for name, parts in READS.items():
            command = each.get("command", {})
            if name in command and command[name] not in ("generations", "system.profile"):
                found.append(Explained({part: command[part] for part in parts if part in command}))
