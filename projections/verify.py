"""Proving that events, state rows and documents agree: the chain is checked, each stream replayed and compared."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from psycopg import IsolationLevel
from psycopg.rows import DictRow

from commands.codec import decode_event
from commands.domain import auction as auction_rules
from commands.domain import policies as policies_rules
from commands.domain import tick as tick_rules
from commands.domain import user as user_rules
from commands.domain.events import AuctionEvent, UserEvent
from commands.domain.policies import Policies
from commands.draws import check_draws
from commands.hash_chain import GENESIS, link
from commands.ports import WITH_DOCUMENTS, Stream, StreamKind
from commands.postgres.auctions import read_auction
from commands.postgres.event_store import content_of, recorded_event
from commands.postgres.policies import read_policies
from commands.postgres.pool import SyncConnection
from commands.postgres.ticks import read_tick
from commands.postgres.users import personal_data, read_user
from projections.documents import Recorded, UserDocument, documents_of, user_after
from projections.ports import Documents

EVENTS = """
SELECT stream_kind, stream_id, version, type, schema_version, data,
       causation_id, correlation_id, recorded_at, hash
FROM events WHERE stream_id = %s ORDER BY version
"""
STREAMS = """
SELECT stream_kind, stream_id FROM (
    SELECT stream_kind, stream_id FROM events
    UNION SELECT 'auction', id FROM auctions
    UNION SELECT 'user', id FROM users
    UNION SELECT 'tick', stream_id FROM promoter_ticks
) AS every ORDER BY stream_kind, stream_id
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that should not be."""

    stream: Stream
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one stream; `behind` is by how many events its documents lag, which is no fault."""

    stream: Stream
    events: int
    findings: Sequence[Finding]
    behind: int = 0


def streams(connection: SyncConnection) -> list[Stream]:
    """Every stream that has events or a state row."""
    rows = connection.execute(STREAMS)
    return [Stream(cast(StreamKind, row["stream_kind"]), row["stream_id"]) for row in rows]


def verify(connection: SyncConnection, stream: Stream, documents: Documents) -> Verdict:
    """Check one stream while the portal runs."""
    # The document first: it can then be behind the events, but never ahead of them.
    document = _document(documents, stream) if stream.kind in WITH_DOCUMENTS else None
    # Events and state rows as of one moment.
    connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    try:
        with connection.transaction():
            rows = connection.execute(EVENTS, (stream.id,)).fetchall()
            problems = list(_chain_problems(rows))
            if not problems:
                problems += _replay_problems(connection, stream, rows)
            if not problems and stream.kind == "auction":
                problems += _draw_problems(connection, rows)
            if not problems:
                problems += _document_problems(connection, stream, rows, document, documents)
    finally:
        connection.set_isolation_level(None)
    version = document.version if document else 0
    return Verdict(
        stream,
        events=len(rows),
        findings=[Finding(stream, problem) for problem in problems],
        behind=max(len(rows) - version, 0) if stream.kind in WITH_DOCUMENTS else 0,
    )


def _document(documents: Documents, stream: Stream) -> Any:
    read = documents.auction if stream.kind == "auction" else documents.user
    return read(stream.id)


def _chain_problems(rows: Sequence[DictRow]) -> Iterator[str]:
    previous = GENESIS
    for expected, row in enumerate(rows, 1):
        if row["version"] != expected:
            yield f"version {expected} is missing: {row['version']} stands in its place"
            return
        previous = link(previous, content_of(row))
        if previous != bytes(row["hash"]):
            yield f"version {expected} ({row['type']}) does not fit the chain: it was changed"
            return


def _replay_problems(
    connection: SyncConnection, stream: Stream, rows: Sequence[DictRow]
) -> list[str]:
    try:
        events = [decode_event(row["type"], row["schema_version"], row["data"]) for row in rows]
        replayed = _replayed(stream, events) if events else None
    except Exception as error:
        return [f"the events can't be replayed: {error!r}"]
    state = _STATE[stream.kind](connection, stream.id)
    if replayed == state:
        return []
    return [f"the state row differs from the replayed events: {_difference(replayed, state)}"]


_STATE: Mapping[StreamKind, Callable[[SyncConnection, UUID], object]] = {
    "auction": read_auction,
    "user": read_user,
    "tick": read_tick,
    "policies": lambda connection, _: read_policies(connection),
}
_EVOLVE: Mapping[StreamKind, Callable[[Any, Any], object]] = {
    "user": user_rules.evolve,
    "tick": tick_rules.evolve,
    "policies": policies_rules.evolve,
}


def _replayed(stream: Stream, events: Sequence[Any]) -> object:
    if stream.kind == "auction":
        return auction_rules.replay(cast(Sequence[AuctionEvent], events))
    state: Any = Policies() if stream.kind == "policies" else None
    for event in events:
        state = _EVOLVE[stream.kind](state, event)
    return state


def _draw_problems(connection: SyncConnection, rows: Sequence[DictRow]) -> list[str]:
    """Draws that are not those which the house committed to."""
    return [
        f"the draw of tick {checked.draw.tick} (version {checked.version}): {checked.problem}"
        for checked in check_draws(connection, [recorded_event(row) for row in rows])
        if checked.problem
    ]


def _document_problems(
    connection: SyncConnection,
    stream: Stream,
    rows: Sequence[DictRow],
    document: Any,
    documents: Documents,
) -> list[str]:
    if document is None:
        return []
    recorded = [recorded_event(row) for row in rows]
    if document.version > len(recorded):
        return [f"the document stands at version {document.version}, beyond the last event"]
    if stream.kind == "user":
        events = [(cast(UserEvent, r.event), r.version) for r in recorded[: document.version]]
        expected = _expected_user(connection, stream.id, events)
        return _compared("user", expected, document) if document.version == len(rows) else []
    history = [
        Recorded(cast(AuctionEvent, item.event), item.version, item.recorded_at)
        for item in recorded
    ]
    expected_auction, _ = documents_of(stream.id, history[: document.version])
    problems = _compared("auction", expected_auction, document)
    if document.version == len(rows):
        _, bids = documents_of(stream.id, history)
        found = documents.bids(bids.keys())
        for bid_id, bid in bids.items():
            problems += _compared(f"bid {bid_id}", bid, found.get(bid_id))
    return problems


def _expected_user(
    connection: SyncConnection, user_id: UUID, events: Sequence[tuple[UserEvent, int]]
) -> UserDocument | None:
    username, email = personal_data(connection, user_id)
    user = None
    for event, version in events:
        user = user_after(user, event, version, username=username, email=email)
    return user


def _compared(name: str, expected: object, found: object) -> list[str]:
    if expected == found:
        return []
    return [f"the document of {name} differs from its events: {_difference(expected, found)}"]


def _difference(expected: object, found: object) -> str:
    """The first fields in which two dataclasses differ."""
    if expected is None or found is None:
        return f"expected {_brief(expected)}, found {_brief(found)}"
    names = getattr(type(expected), "__dataclass_fields__", {})
    parts = [
        f"{name} should be {_brief(getattr(expected, name))}, is {_brief(getattr(found, name))}"
        for name in names
        if getattr(expected, name) != getattr(found, name)
    ]
    return "; ".join(parts[:3])


def _brief(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
