"""Verification: checks each stream's hash chain, decides its events again, and compares a replay with rows and documents."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from psycopg.rows import DictRow

from commands.domain import policies as policies_rules
from commands.domain import tick as tick_rules
from commands.domain import user as user_rules
from commands.domain.events import (
    Event,
    ExposureLimited,
    ExposureLimitLifted,
    UserDeleted,
    UserEvent,
)
from commands.domain.policies import Policies
from commands.domain.user import limit_after
from commands.postgres.connections import SyncConnection
from commands.postgres.exposure_history import bids_and_ends, not_noted
from commands.postgres.policies import read_policies
from commands.postgres.tick_records import record_of_tick
from commands.postgres.ticks import overdue, read_tick
from commands.postgres.users import current_names, read_user
from commands.promoter.checks import round_problem, unnamed
from commands.record.codec import decode_event
from commands.record.exposures import Limited, over_limit
from commands.record.unknown import unknown_behind
from commands.streams import Stream, StreamKind
from projections.changes import user_after
from projections.documents import UserDocument
from projections.errors import passes
from projections.ports import Documents
from projections.upkeep.findings import Finding, Verdict, compared, compared_rows
from projections.upkeep.one_moment import Chain, held, of_one_moment, pages
from projections.upkeep.verify_auction import verify_auction


def verify(
    connection: SyncConnection,
    stream: Stream,
    documents: Documents,
    *,
    decisions: bool = True,
    moments_since: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Verdict:
    """Check one stream while the portal runs; without `decisions` only that its parts agree.

    What this release does not know it can't judge: that is a finding, which a newer one need not have.

    Deciding again reads all of the stream's jobs, and each draw goes through all bids; of a user who ever had a limit on
    their exposure it goes through all that they bid. Events from
    position `moments_since` on must say when their command was accepted. `progress` is told how many
    events were verified since it was told last.
    """
    watched = progress or _unwatched
    try:
        if stream.kind != "auction":
            return _verify_other(connection, stream, documents, decisions, watched)
        return verify_auction(
            connection, stream, documents,
            decisions=decisions, moments_since=moments_since, progress=watched,
        )  # fmt: skip
    except Exception as error:
        if not (unknown := unknown_behind(error)):
            raise
        what = f"only a newer release can verify it: {unknown}"
        return Verdict(stream, events=0, findings=[Finding(stream, what, unknown=True)])


def _verify_other(
    connection: SyncConnection,
    stream: Stream,
    documents: Documents,
    decisions: bool,
    progress: Callable[[int], object],
) -> Verdict:
    """Check a stream that is no auction; all its events are in memory at once."""
    # Documents are read first, so they can be behind the events, but never ahead of them.
    found = _document(connection, stream, documents) if stream.kind == "user" else None
    with of_one_moment(connection):
        rows = [row for page in pages(connection, stream.id) for row in page]
        findings = [Finding(stream, problem) for problem in _problems(connection, stream, rows)]
        if stream.kind == "user":
            if decisions:
                findings = findings or _over_limit(connection, stream, rows)
            findings = findings or _user_findings(connection, stream, rows, found)
    progress(len(rows))
    missing = rows[found.version if found else 0 :] if stream.kind == "user" else []
    return Verdict(
        stream,
        events=len(rows),
        findings=findings,
        behind=len(missing),
        behind_since=missing[0]["recorded_at"] if missing else None,
    )


def _unwatched(_events: int) -> None:
    """Nobody wants to know how far it is."""


def _document(
    connection: SyncConnection, stream: Stream, documents: Documents
) -> UserDocument | None:
    """The user's document, read while no process projects it."""
    with held(connection, stream):
        return documents.user(stream.id)


def _problems(connection: SyncConnection, stream: Stream, rows: Sequence[DictRow]) -> list[str]:
    if problem := Chain().problem(rows):
        return [problem]
    try:
        events = [decode_event(row["type"], row["schema_version"], row["data"]) for row in rows]
        replayed = _replayed(stream, events) if events else None
    except Exception as error:
        if unknown_behind(error):
            raise
        return [f"the events can't be replayed: {error!r}"]
    problems = compared_rows("", replayed, _STATE[stream.kind](connection, stream.id))
    if not problems and stream.kind == "tick":
        return _tick_problems(connection, stream.id, events)
    return problems


def _tick_problems(connection: SyncConnection, stream_id: UUID, events: Sequence[Any]) -> list[str]:
    committed = events[0] if events else None
    record = record_of_tick(connection, committed.number) if committed else None
    if record and (problem := round_problem(record) or unnamed(connection, record)):
        return [problem]
    late = overdue(connection, stream_id)
    return ["its secret should be revealed by now"] if late else []


_STATE: Mapping[StreamKind, Callable[[SyncConnection, UUID], object]] = {
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
    state: Any = Policies() if stream.kind == "policies" else None
    for event in events:
        state = _EVOLVE[stream.kind](state, event)
    return state


def _over_limit(
    connection: SyncConnection, stream: Stream, rows: Sequence[DictRow]
) -> list[Finding]:
    """What the log says against a bid of a user who had a limit then; nothing is read of one who never had any."""
    limits = [
        Limited(row["position"], row["recorded_at"], limit_after(event))
        for row in rows
        if row["type"] in ("ExposureLimited", "ExposureLimitLifted")
        and isinstance(event := _event(row), ExposureLimited | ExposureLimitLifted)
    ]
    if not limits:
        return []
    problem = over_limit([*limits, *bids_and_ends(connection, stream.id)])
    counts = limits[-1].limit and not isinstance(_event(rows[-1]), UserDeleted)
    if not problem and counts and (missing := not_noted(connection, stream.id)):
        problem = f"their bids in auction {missing} are left out of what their limit is for"
    return [Finding(stream, problem)] if problem else []


def _event(row: DictRow) -> Event:
    return decode_event(row["type"], row["schema_version"], row["data"])


def _user_findings(
    connection: SyncConnection,
    stream: Stream,
    rows: Sequence[DictRow],
    found: UserDocument | None,
) -> list[Finding]:
    version = found.version if found else 0
    if version > len(rows):
        what = f"the document stands at version {version}, beyond the last event"
        return [Finding(stream, what, repairable=True)]
    if version < len(rows):
        # The name is as of now; a document that is before the deletion may still have it.
        return []
    try:
        expected = _expected_user(connection, stream.id, rows)
    except Exception as error:
        if passes(error):
            raise
        return [Finding(stream, f"no documents can be made of the events: {error!r}")]
    return [Finding(stream, what, repairable=True) for what in compared("user", expected, found)]


def _expected_user(
    connection: SyncConnection, user_id: UUID, rows: Sequence[DictRow]
) -> UserDocument | None:
    username = current_names(connection, [user_id]).get(user_id)
    user = None
    for row in rows:
        event = cast(UserEvent, decode_event(row["type"], row["schema_version"], row["data"]))
        user = user_after(user, event, row["version"], username=username)
    return user
