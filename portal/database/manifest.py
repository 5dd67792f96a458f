"""What a backup consists of: a file for each table, and a manifest with what each must hold."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FORMAT = 1
NAME = "manifest.json"
CHUNK = 1 << 20

# An app and the name of its migration.
Migration = tuple[str, str]


class Unusable(Exception):
    """A backup that can't be made, read or restored; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table's rows as a file: COPY's text, compressed with gzip."""

    table: str
    columns: Sequence[str]
    rows: int
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name in the backup's folder."""
        return f"{self.table}.copy.gz"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole backup: what was in the database at that moment (ISO 8601), by these migrations.

    Sequences have the last number that they gave, or passed over when they were made; null if there is none.
    """

    made_at: str
    migrations: Sequence[Migration]
    tables: Sequence[TableFile]
    sequences: Mapping[str, int | None]

    @property
    def events(self) -> int:
        """How many events the backup has."""
        return next(table.rows for table in self.tables if table.table == "events")

    @property
    def content(self) -> dict[str, Any]:
        """As JSON."""
        return {"format": FORMAT, **asdict(self)}

    @property
    def sha256(self) -> str:
        """The hash of all that the manifest says; with those of the files in it, of the whole backup."""
        return hashlib.sha256(_canonical(self.content)).hexdigest()


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, with its own hash."""
    content = {**manifest.content, "sha256": manifest.sha256}
    (folder / NAME).write_text(json.dumps(content, indent=1) + "\n")


def read(folder: Path) -> Manifest:
    """The folder's manifest, unchanged since it was written; Unusable otherwise."""
    try:
        content = json.loads((folder / NAME).read_bytes())
    except FileNotFoundError:
        raise Unusable(f"{folder} is no backup: it has no {NAME}") from None
    except ValueError:
        raise Unusable(f"{folder / NAME} is damaged: it is not JSON") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise Unusable(f"{folder / NAME} has a form that this release does not know")
    try:
        manifest = Manifest(
            content["made_at"],
            [(app, name) for app, name in content["migrations"]],
            [TableFile(**table) for table in content["tables"]],
            content["sequences"],
        )
    except (KeyError, TypeError, ValueError):
        raise Unusable(f"{folder / NAME} is damaged: something is missing in it") from None
    if manifest.sha256 != content.get("sha256"):
        raise Unusable(f"{folder / NAME} is damaged: its content does not have its hash")
    return manifest


def check_files(folder: Path, manifest: Manifest) -> None:
    """Unusable if a file of the backup is missing or is not as it was written."""
    for table in manifest.tables:
        file = folder / table.name
        if not file.is_file():
            raise Unusable(f"{file} is missing")
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        if found != table.sha256:
            raise Unusable(f"{file} is damaged: it does not have the hash that the manifest names")


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
