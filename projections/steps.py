"""What the event browser tells of documents: whether they show the events, and what keeps them from it."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import pymongo
from django.utils.html import escape
from pymongo.errors import PyMongoError

from commands.admin.record.moments import exact
from commands.admin.record.steps import Followed, Stage, Step
from commands.models import Event
from projections.models import StuckStream
from projections.ports import WITH_DOCUMENTS
from projections.wiring import live_documents

# How long an admin page waits for MongoDB, in seconds.
PATIENCE = 2.5
NO_MOMENT = "When a document was updated is not kept."
AWAY = "MongoDB is away: whether the documents show these events is not known now."


def of_documents(events: Sequence[Event]) -> Followed:
    """A step for each stream that has documents, after its last event."""
    last = {event.stream_id: event for event in events if event.stream_kind in WITH_DOCUMENTS}
    if not last:
        return Followed()
    try:
        versions = _versions(last.values())
    except PyMongoError:
        return Followed(notes=[AWAY])
    stuck = StuckStream.objects.filter(reader="projections", stream_id__in=last)
    stopped = {each.stream_id: each for each in stuck}
    steps = [_step(event, versions.get(id, 0), stopped.get(id)) for id, event in last.items()]
    return Followed(steps, [NO_MOMENT])


def _versions(events: Iterable[Event]) -> Mapping[UUID, int]:
    ids: dict[str, list[UUID]] = {}
    for event in events:
        ids.setdefault(event.stream_kind, []).append(event.stream_id)
    with pymongo.timeout(PATIENCE):
        documents = live_documents()
        found = [documents.versions(kind, ids[kind]) for kind in WITH_DOCUMENTS if kind in ids]
    return {id: version for versions in found for id, version in versions.items()}


def _step(event: Event, version: int, stuck: StuckStream | None) -> Step:
    stands = f"The documents of this {event.stream_kind} stand at version {version}"
    if version >= event.version:
        text = f"{stands}: they show version {event.version}."
    elif stuck:
        text = (
            f"{stands}: they do not show version {event.version} yet. Version {stuck.version} has "
            f"stopped them since {exact(stuck.since)}, after {stuck.attempts} tries."
        )
    else:
        text = f"{stands}: they do not show version {event.version} yet."
    return Step(Stage.DOCUMENTS, event.recorded_at, escape(text), timed=False)
