"""Verification: checks each stream's hash chain, decides its events again, and compares a replay with rows and documents."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from psycopg import IsolationLevel
from psycopg.rows import DictRow

from commands.domain import auction as auction_rules
from commands.domain import policies as policies_rules
from commands.domain import tick as tick_rules
from commands.domain import user as user_rules
from commands.domain.events import AuctionEvent, UserEvent
from commands.domain.policies import Policies
from commands.postgres.auctions import read_auction
from commands.postgres.connections import SyncConnection
from commands.postgres.event_store import all_stored_events, content_of, recorded_event
from commands.postgres.facts import facts_of
from commands.postgres.locks import lock, projecting
from commands.postgres.policies import read_policies
from commands.postgres.ticks import overdue, read_tick
from commands.postgres.users import current_names, read_user
from commands.promoter.checks import check_draws
from commands.record.chain import GENESIS, chain_hash
from commands.record.codec import decode_event
from commands.record.redeciding import redecide
from commands.streams import Stream, StreamKind
from projections.auctions import history_of
from projections.changes import documents_of, user_after
from projections.documents import AuctionDocument, BidDocument, UserDocument, WinnerDocument
from projections.errors import passes
from projections.ports import WITH_DOCUMENTS, Documents
from projections.upkeep.moments import moment_problem

STREAMS = """
SELECT stream_kind, stream_id FROM (
    SELECT stream_kind, stream_id FROM events
    UNION SELECT 'auction', id FROM auctions
    UNION SELECT 'user', id FROM users
    UNION SELECT 'tick', stream_id FROM promoter_ticks
) AS every ORDER BY stream_kind, stream_id
"""
# Between its statements the connection is idle while a long history is replayed. Nobody waits for that
# transaction: it only reads, so it holds up no reader of the global order.
UNHURRIED = "SET LOCAL idle_in_transaction_session_timeout = 0"


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference that was found. Documents can be repaired from the events."""

    stream: Stream
    what: str
    repairable: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for one stream.

    `behind` is by how many events its documents lag, which is no fault; `behind_since` when the
    first of these was recorded.
    """

    stream: Stream
    events: int
    findings: Sequence[Finding]
    behind: int = 0
    behind_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A stream's documents, read at one moment."""

    document: AuctionDocument | UserDocument | None
    winner: WinnerDocument | None = None
    bids: Mapping[UUID, BidDocument] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """The documents' version; 0 without documents."""
        return self.document.version if self.document else 0


def streams(connection: SyncConnection) -> list[Stream]:
    """Every stream that has events or a state row."""
    rows = connection.execute(STREAMS)
    return [Stream(cast(StreamKind, row["stream_kind"]), row["stream_id"]) for row in rows]


def documents_kept(documents: Documents) -> set[Stream]:
    """Every stream that has documents."""
    return {Stream(kind, id_) for kind in WITH_DOCUMENTS for id_ in documents.ids(kind)}


def orphans(kept: Set[Stream], known: Collection[Stream]) -> list[Finding]:
    """Findings for documents without a stream. `known` must have been read after `kept`."""
    what = "there are documents, but no events and no state row"
    return [Finding(stream, what) for stream in kept - set(known)]


def verify(
    connection: SyncConnection, stream: Stream, documents: Documents, *, decisions: bool = True
) -> Verdict:
    """Check one stream while the portal runs; without `decisions` only that its parts agree.

    Deciding again reads all of the stream's jobs, and each draw goes through all bids.
    """
    # Documents are read first, so they can be behind the events, but never ahead of them.
    found = _read(connection, stream, documents) if stream.kind in WITH_DOCUMENTS else None
    # Events and state rows as of one moment.
    connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    try:
        with connection.transaction():
            connection.execute(UNHURRIED)
            rows = all_stored_events(connection, stream.id)
            findings = [
                Finding(stream, problem)
                for problem in list(_chain_problems(rows))
                or _replay_problems(connection, stream, rows)
                or (_decision_problems(connection, stream, rows) if decisions else ())
            ]
            if found:
                findings = findings or _document_findings(
                    connection, stream, rows, found, documents
                )
    finally:
        connection.set_isolation_level(None)
    missing = rows[found.version :] if found else []
    return Verdict(
        stream,
        events=len(rows),
        findings=findings,
        behind=len(missing),
        behind_since=missing[0]["recorded_at"] if missing else None,
    )


def _read(connection: SyncConnection, stream: Stream, documents: Documents) -> Found:
    """The stream's documents, read while no process projects it."""
    with connection.transaction():
        connection.execute(UNHURRIED)
        lock(connection, projecting(stream.id))
        if stream.kind == "user":
            return Found(documents.user(stream.id))
        return Found(
            documents.auction(stream.id),
            documents.winner(stream.id),
            documents.bids_of(stream.id),
        )


def _chain_problems(rows: Sequence[DictRow]) -> Iterator[str]:
    previous = GENESIS
    for expected, row in enumerate(rows, 1):
        if row["version"] != expected:
            yield f"version {expected} is missing: {row['version']} stands in its place"
            return
        previous = chain_hash(previous, content_of(row))
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


def _decision_problems(
    connection: SyncConnection, stream: Stream, rows: Sequence[DictRow]
) -> list[str]:
    """Findings for events that the rules do not give, and draws that don't follow from the secret."""
    if stream.kind == "tick":
        return ["its secret should be revealed by now"] if overdue(connection, stream.id) else []
    if stream.kind != "auction":
        return []
    history = [recorded_event(row) for row in rows]
    facts = facts_of(connection, stream.id, settings.JOBS_KEPT)
    return [
        f"version {each.version} ({rows[each.version - 1]['type']}): {each.what}"
        for each in redecide(history, facts)
    ] or [
        f"the draw of tick {checked.tick} (version {checked.version}): {checked.problem}"
        for checked in check_draws(connection, history)
        if checked.problem
    ]


def _document_findings(
    connection: SyncConnection,
    stream: Stream,
    rows: Sequence[DictRow],
    found: Found,
    documents: Documents,
) -> list[Finding]:
    try:
        problems = _document_problems(connection, stream, rows, found, documents)
    except Exception as error:
        if passes(error):
            raise
        return [Finding(stream, f"no documents can be made of the events: {error!r}")]
    return [Finding(stream, problem, repairable=True) for problem in problems]


def _document_problems(
    connection: SyncConnection,
    stream: Stream,
    rows: Sequence[DictRow],
    found: Found,
    documents: Documents,
) -> list[str]:
    if found.version > len(rows):
        return [f"the document stands at version {found.version}, beyond the last event"]
    recorded = [recorded_event(row) for row in rows[: found.version]]
    if stream.kind == "user":
        events = [(cast(UserEvent, item.event), item.version) for item in recorded]
        expected = _expected_user(connection, stream.id, events)
        # The name is as of now; a document that is before the deletion may still have it.
        return _compared("user", expected, found.document) if found.version == len(rows) else []
    if found.document is None:
        return []
    history = history_of(recorded)
    auction, bids = documents_of(stream.id, history)
    problems = _compared("auction", auction, found.document)
    if problem := moment_problem(stream.id, history, documents):
        problems.append(problem)
    problems += _compared("winner", auction.winner, found.winner)
    return problems + _bid_problems(bids, found, behind=found.version < len(rows))


def _bid_problems(expected: Mapping[UUID, BidDocument], found: Found, *, behind: bool) -> list[str]:
    """Bids are written before their auction, so they may be ahead of an auction that is behind."""
    problems = []
    for bid_id in expected.keys() | found.bids.keys():
        bid = found.bids.get(bid_id)
        if behind and bid and bid.version > found.version:
            continue
        problems += _compared(f"bid {bid_id}", expected.get(bid_id), bid)
    return problems


def _expected_user(
    connection: SyncConnection, user_id: UUID, events: Sequence[tuple[UserEvent, int]]
) -> UserDocument | None:
    username = current_names(connection, [user_id]).get(user_id)
    user = None
    for event, version in events:
        user = user_after(user, event, version, username=username)
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
