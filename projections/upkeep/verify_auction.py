"""Verifying an auction in one pass over its events, so that what is in memory does not grow with them.

Page by page the pass follows the chain, decides each event again, and compares the rows and documents
of the bids that are placed there. Those of bids that change later, as their rows say, come last.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast
from uuid import UUID

from django.conf import settings
from psycopg.rows import DictRow

from commands.domain.events import AuctionEvent, BidDoubled, NothingDrawn
from commands.domain.state import Auction
from commands.postgres.connections import SyncConnection, clock
from commands.postgres.event_store import recorded_event
from commands.postgres.facts import facts_since, job_without_events, look_up
from commands.postgres.tick_records import any_tick_between
from commands.promoter.checks import check_draws
from commands.record.redeciding import problem
from commands.record.standing import Standing
from commands.record.unknown import unknown_behind
from commands.streams import RecordedEvent, Stream
from projections.auctions import history_of
from projections.changes import bidders_of, touched_bid
from projections.documents import AuctionDocument, VersionedEvent, WinnerDocument
from projections.errors import passes
from projections.ports import Documents
from projections.upkeep.findings import NAMED, Finding, Verdict
from projections.upkeep.one_moment import Chain, held, of_one_moment, pages
from projections.upkeep.verify_documents import AuctionDocuments, ahead_of_events
from projections.upkeep.verify_rows import StateRows


def verify_auction(
    connection: SyncConnection,
    stream: Stream,
    documents: Documents,
    *,
    decisions: bool,
    moments_since: int | None,
    progress: Callable[[int], object],
) -> Verdict:
    """Check one auction; see `verify`."""
    # Its document is read first, so it can be behind the events, but never ahead of them. Documents of
    # bids are read later, and say how they were at its version.
    shown = _documents(connection, stream, documents)
    with of_one_moment(connection):
        checks = _Pass(connection, stream, AuctionDocuments(stream.id, documents, *shown))
        if decisions:
            checks.decisions = Decisions(connection, stream.id, moments_since)
        for rows in pages(connection, stream.id):
            checks.take(rows)
            progress(len(rows))
        verdict = checks.verdict()
    if verdict.findings or shown[0] is None:
        return verdict
    ahead = ahead_of_events(connection, stream.id, documents, shown[0].version)
    return replace(verdict, findings=[Finding(stream, what, repairable=True) for what in ahead])


def _documents(
    connection: SyncConnection, stream: Stream, documents: Documents
) -> tuple[AuctionDocument | None, WinnerDocument | None]:
    """The auction's own document and its winner's, read while no process projects it."""
    with held(connection, stream):
        return documents.auction(stream.id), documents.winner(stream.id)


class Decisions:
    """Decides an auction's events again."""

    def __init__(
        self, connection: SyncConnection, auction_id: UUID, moments_since: int | None
    ) -> None:
        self.undecided: str | None = None
        self.jobless, self.drawn = 0, False
        self._connection, self._id = connection, auction_id
        self._facts = facts_since(connection, moments_since)
        self._young: datetime = clock(connection) - settings.JOBS_KEPT

    def look_up(self, page: Sequence[RecordedEvent]) -> None:
        """Read what the decisions on these events depend on."""
        look_up(self._connection, self._id, page, self._facts)

    def decide(self, rows: StateRows, item: RecordedEvent, position: int) -> None:
        """Decide the next event, before it happens."""
        caused = item.causation_id in self._facts.causes
        self.jobless += not caused and item.recorded_at > self._young
        draws = isinstance(item.event, BidDoubled | NothingDrawn) and item.event.tick > 0
        self.drawn = self.drawn or draws
        if self.undecided is None and (what := problem(rows.standing, item, position, self._facts)):
            self.undecided = f"version {item.version} ({type(item.event).__name__}): {what}"

    def problems(self, standing: Standing) -> list[str]:
        """What the rules do not give, and draws that don't follow from the secret, or are missing."""
        auction = standing.auction
        if self.undecided:
            return [self.undecided]
        if auction and standing.owed:
            return [
                f"version {auction.version} is the last: the rules give {standing.owed[0]} with it"
            ]
        if missing := job_without_events(self._connection, self._id):
            return [f"version {auction.version if auction else 0} is the last: {missing}"]
        if auction is None or not (self.drawn or self._may_lack_draws(auction)):
            return []
        history = (
            recorded_event(row) for page in pages(self._connection, self._id) for row in page
        )
        return [
            f"the draw of tick {checked.tick} (version {checked.version}): {checked.problem}"
            for checked in check_draws(self._connection, history)
            if checked.problem
        ]

    def _may_lack_draws(self, auction: Auction) -> bool:
        return auction.version > 1 and any_tick_between(
            self._connection, auction.starts_at, auction.ends_at
        )


class _Pass:
    """What is known of an auction after the pages so far."""

    def __init__(
        self, connection: SyncConnection, stream: Stream, documents: AuctionDocuments
    ) -> None:
        self.decisions: Decisions | None = None
        self._stream, self._documents = stream, documents
        self._chain, self._rows = Chain(), StateRows(connection, stream.id)
        self._events = 0
        self._behind_since: datetime | None = None
        self._broken: list[str] = []
        self._unprojected: str | None = None

    def take(self, rows: Sequence[DictRow]) -> None:
        """Check the next events. After the first that breaks the chain or can't be replayed none is replayed."""
        if self._behind_since is None and self._events + len(rows) > self._documents.version:
            late = rows[max(self._documents.version - self._events, 0)]
            self._behind_since = late["recorded_at"]
        self._events += len(rows)
        if not self._broken and (broken := self._chain.problem(rows)):
            self._broken = [broken]
        if self._broken or self._rows.problems:
            return
        try:
            page = [recorded_event(row) for row in rows]
            self._replay(page, [row["position"] for row in rows])
        except Exception as error:
            if passes(error) or unknown_behind(error):
                raise
            self._rows.problems = [f"the events can't be replayed: {error!r}"]

    def _replay(self, page: Sequence[RecordedEvent], positions: Sequence[int]) -> None:
        self._rows.look_up(page)
        if self.decisions:
            self.decisions.look_up(page)
        history, standing = history_of(page), self._rows.standing
        live_before = {id: standing.live_bids_of(id) for id in bidders_of(history)}
        staying = set[UUID]()
        for item, position in zip(page, positions, strict=True):
            event = cast(AuctionEvent, item.event)
            if self.decisions:
                self.decisions.decide(self._rows, item, position)
            if (bid_id := touched_bid(event)) and self._rows.stays(event):
                staying.add(bid_id)
            self._rows.apply(event)
            if self._rows.problems:
                return
        self._document(history, staying, live_before)

    def _document(
        self,
        history: Sequence[VersionedEvent],
        staying: Collection[UUID],
        live_before: Mapping[UUID, int],
    ) -> None:
        if self._unprojected:
            return
        try:
            self._documents.take(history, staying, live_before)
        except Exception as error:
            if passes(error) or unknown_behind(error):
                raise
            self._unprojected = f"no documents can be made of the events: {error!r}"

    def verdict(self) -> Verdict:
        """The result once all events are taken."""
        return Verdict(
            self._stream,
            events=self._events,
            findings=next(filter(None, self._findings()), []),
            behind=max(self._events - self._documents.version, 0),
            behind_since=self._behind_since,
            jobless=self.decisions.jobless if self.decisions else 0,
        )

    def _findings(self) -> Iterator[list[Finding]]:
        """By kind; one of an earlier kind explains those of the later ones."""
        yield self._of(self._broken)
        if not self._rows.problems:
            self._rows.finish()
        yield self._of(self._rows.problems[:NAMED])
        if self.decisions:
            yield self._of(self.decisions.problems(self._rows.standing))
        if self._unprojected:
            yield self._of([self._unprojected])
        else:
            yield self._of(self._documents.finish(self._events), repairable=True)

    def _of(self, problems: Sequence[str], *, repairable: bool = False) -> list[Finding]:
        return [Finding(self._stream, what, repairable) for what in problems]
