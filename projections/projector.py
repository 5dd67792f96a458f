"""Projecting: bringing the documents of streams up to the end of their streams."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

import structlog

from commands.domain.events import UserEvent
from commands.postgres.connections import Pool, SyncConnection
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.locks import lock, projecting, try_lock_all
from commands.postgres.users import current_names
from commands.record.unknown import Unknown
from commands.streams import EventStore, RecordedEvent, Stream, StreamKind, UnreadableEvent
from projections.auctions import history_of, project_auctions
from projections.changes import documents_of, user_after
from projections.documents import UserDocument
from projections.errors import PoisonEvent, passes
from projections.moments import moments_of
from projections.ports import WITH_DOCUMENTS, Documents

log = structlog.get_logger("projections")

# Events of a stream in one step, when it is by itself; and of each when there are many.
BATCH = 500
OF_EACH = 20

Step = Callable[[SyncConnection, Collection[UUID], Documents, int], Sequence[RecordedEvent]]


@dataclass(slots=True)
class Projected:
    """The versions that streams' documents reached, the events that stop some, and what is left.

    `unfinished` may have more events, or are being projected by somebody else.
    """

    versions: dict[Stream, int] = field(default_factory=dict)
    stopped: list[PoisonEvent] = field(default_factory=list)
    unfinished: list[Stream] = field(default_factory=list)


def project(
    stream: Stream,
    pool: Pool,
    documents: Documents,
    *,
    lane: str = "live",
) -> int:
    """Bring the stream's documents up to its end; the version they then have.

    PoisonEvent if one of its events stops it: the documents then have the version before that event.
    Lanes don't wait for each other: a rebuild has its own.
    """
    with locked(stream, pool, lane) as connection:
        for recorded in _steps(connection, stream, documents):
            if lane == "live":
                _log(recorded)
    return _version(stream, documents)


def project_together(
    streams: Sequence[Stream], pool: Pool, documents: Documents, *, lane: str = "live"
) -> Projected:
    """Bring the documents of the streams forward, all in a few round trips; some may be unfinished.

    If any fault that does not pass comes up, each stream is projected by itself, to find whose it is.
    """
    projected = Projected()
    with pool.connection() as connection, connection.transaction():
        keys = {projecting(stream.id, lane): stream for stream in streams}
        free = {keys[key] for key in try_lock_all(connection, keys)}
        mine = [stream for stream in streams if stream in free]
        projected.unfinished = [stream for stream in streams if stream not in free]
        try:
            recorded = [
                event
                for kind in WITH_DOCUMENTS
                for event in _step(connection, mine, kind, documents)
            ]
        except Exception as error:
            if passes(error):
                raise
            log.warning("streams can't be projected together", error=type(error).__name__)
            recorded = None
    if recorded is None:
        return _one_by_one(mine, projected, pool, documents, lane)
    if lane == "live":
        _log(recorded)
    count: dict[Stream, int] = {}
    for event in recorded:
        projected.versions[event.stream] = event.version
        count[event.stream] = count.get(event.stream, 0) + 1
    limit = _limit(len(mine))
    projected.unfinished += [stream for stream, events in count.items() if events == limit]
    return projected


def _step(
    connection: SyncConnection, streams: Sequence[Stream], kind: StreamKind, documents: Documents
) -> Sequence[RecordedEvent]:
    ids = [stream.id for stream in streams if stream.kind == kind]
    return STEPS[kind](connection, ids, documents, _limit(len(streams))) if ids else ()


def _limit(streams: int) -> int:
    return max(BATCH // max(streams, 1), OF_EACH)


def _one_by_one(
    streams: Sequence[Stream], projected: Projected, pool: Pool, documents: Documents, lane: str
) -> Projected:
    for stream in streams:
        try:
            projected.versions[stream] = project(stream, pool, documents, lane=lane)
        except PoisonEvent as poison:
            projected.stopped.append(poison)
    return projected


@contextmanager
def locked(stream: Stream, pool: Pool, lane: str = "live") -> Iterator[SyncConnection]:
    """A transaction in which nobody else projects the stream in that lane.

    It only saves work: two that project at once do no harm, as the documents guard themselves.
    """
    with pool.connection() as connection, connection.transaction():
        lock(connection, projecting(stream.id, lane))
        yield connection


def _steps(
    connection: SyncConnection, stream: Stream, documents: Documents
) -> Iterator[Sequence[RecordedEvent]]:
    """The events as they are projected: in batches, and one by one up to one that can't be."""
    step = STEPS[stream.kind]
    limit = BATCH
    while True:
        try:
            recorded = step(connection, [stream.id], documents, limit)
        except Exception as error:
            if passes(error):
                raise
            if limit == 1:
                version = _version(stream, documents)
                if isinstance(error, Unknown) and not _goes_on(connection, stream, version):
                    return  # A newer release has written its documents, up to its end.
                raise PoisonEvent(stream, version + 1) from error
            limit = 1
            continue
        if not recorded:
            return
        yield recorded


def _goes_on(connection: SyncConnection, stream: Stream, version: int) -> bool:
    try:
        return bool(PostgresEventStore(connection).read(stream.id, version, 1))
    except UnreadableEvent:
        return True


def _version(stream: Stream, documents: Documents) -> int:
    return documents.versions(stream.kind, [stream.id]).get(stream.id, 0)


def reproject(stream: Stream, pool: Pool, documents: Documents) -> None:
    """Write the stream's documents anew from all its events, without comparing versions.

    Each is replaced in place, so readers find none missing meanwhile.
    """
    with locked(stream, pool) as connection:
        recorded = list(_all_events(PostgresEventStore(connection), stream.id))
        if stream.kind == "auction":
            history = history_of(recorded)
            auction, bids = documents_of(stream.id, history)
            documents.restore_moments(stream.id, moments_of(stream.id, history))
            documents.restore_auction(auction, list(bids.values()))
        else:
            names = current_names(connection, [stream.id])
            documents.restore_user(_user_after(None, recorded, names.get(stream.id)))


def _all_events(store: EventStore, stream_id: UUID) -> Iterator[RecordedEvent]:
    version = 0
    while page := store.read(stream_id, version, BATCH):
        yield from page
        version = page[-1].version


def _project_auctions(
    connection: SyncConnection, ids: Collection[UUID], documents: Documents, limit: int
) -> Sequence[RecordedEvent]:
    return project_auctions(PostgresEventStore(connection), ids, documents, limit)


def _project_users(
    connection: SyncConnection, ids: Collection[UUID], documents: Documents, limit: int
) -> Sequence[RecordedEvent]:
    before = documents.users(ids)
    versions = {id: before[id].version if id in before else 0 for id in ids}
    recorded = PostgresEventStore(connection).read_several(versions, limit)
    names = current_names(connection, recorded)
    documents.save_users(
        [_user_after(before.get(id), events, names.get(id)) for id, events in recorded.items()]
    )
    return [event for events in recorded.values() for event in events]


STEPS: Mapping[StreamKind, Step] = {"auction": _project_auctions, "user": _project_users}


def _user_after(
    user: UserDocument | None, recorded: Sequence[RecordedEvent], username: str | None
) -> UserDocument:
    """Events hold no names. A name read too early is erased by the deletion, which is a newer version."""
    for item in recorded:
        event = cast(UserEvent, item.event)
        user = user_after(user, event, item.version, username=username)
    assert user is not None, "there was at least one event"
    return user


def _log(recorded: Sequence[RecordedEvent]) -> None:
    for item in recorded:
        log.info(
            "event projected",
            event_type=type(item.event).__name__,
            stream=str(item.stream.id),
            version=item.version,
            job_id=str(item.causation_id),
            correlation_id=str(item.correlation_id),
        )
