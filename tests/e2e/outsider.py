"""docs/verify_auction.py as outsiders use it, and as a module whose questions a test answers falsely."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from types import ModuleType
from typing import Any
from uuid import UUID

from commands.postgres.connections import SyncConnection
from commands.postgres.event_store import all_stored_events
from portal.schema.fairness import ChainLink
from tests.conftest import RunningPortal
from tests.servers import ROOT

SCRIPT = ROOT / "docs/verify_auction.py"
Json = dict[str, Any]


def script(portal: RunningPortal, auction_id: str) -> subprocess.CompletedProcess[str]:
    """The script as an outsider runs it: alone, with nothing but the standard library."""
    command = (sys.executable, "-I", "-S", str(SCRIPT), portal.url, auction_id)
    return subprocess.run(command, check=False, capture_output=True, text=True)


def as_module() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("verify_auction", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def falsified(
    outsider: ModuleType, falsify: Callable[[list[Json]], list[Json]], *, rehash: bool = True
) -> Iterator[None]:
    """Every chain comes as `falsify` makes it of the real one, at once, with hashes that fit.

    Without `rehash` each event keeps the hash that it had.
    """
    ask, chains = outsider.Portal.ask, {}

    def answer(record: object, query: str, **variables: Any) -> Any:
        if "chain" not in query:
            return ask(record, query, **variables)
        stream = variables["s"]
        if stream not in chains:
            links = ask(record, query, **{**variables, "v": 0})["chain"]
            contents = [json.loads(link["content"]) | {"hash": link["hash"]} for link in links]
            chains[stream] = rechained(falsify(contents), rehash=rehash)
        return {"chain": chains[stream][variables["v"] :]}

    outsider.Portal.ask = answer
    yield
    outsider.Portal.ask = ask


def rechained(contents: list[Json], *, rehash: bool) -> list[Json]:
    """A chain over these contents; with the hashes that they had, if they are not to fit."""
    links, last = [], bytes(32)
    for content in contents:
        had = content.pop("hash")
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        last = sha256(last + text.encode()).digest()
        links.append({"content": text, "hash": last.hex() if rehash else had})
    return links


def chain_anew(connection: SyncConnection, stream_id: UUID) -> None:
    """Give the stream's events hashes that fit what they say now; the triggers must be off."""
    last = bytes(32)
    for row in all_stored_events(connection, stream_id):
        last = sha256(last + ChainLink.of(row).content.encode()).digest()
        connection.execute(
            "UPDATE events SET hash = %s WHERE stream_id = %s AND version = %s",
            (last, stream_id, row["version"]),
        )


def finding(outsider: ModuleType, portal: RunningPortal, auction_id: str) -> str:
    """What is found to be wrong; nothing is "nothing"."""
    try:
        list(outsider.check(outsider.Portal(portal.url), auction_id))
    except outsider.Wrong as wrong:
        return str(wrong)
    return "nothing"
