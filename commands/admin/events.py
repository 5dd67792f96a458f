"""Events: the log, to look at."""

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.safestring import SafeString

from commands.admin import links, search
from commands.admin.filters import one_of
from commands.admin.read_only import ReadOnlyList
from commands.models import Auction, Event, Job
from commands.record.codec import EVENT_TYPES


@admin.register(Event)
class EventAdmin(ReadOnlyList[Event]):
    """A list of events, latest first."""

    list_display = ("position", "recorded_at", "type", "stream", "version", "job")
    list_filter = (one_of("type", "type", EVENT_TYPES),)
    search_fields = ("position",)
    search_help_text = (
        "Words of an auction's title, or an id (a job's or a correlation's among the latest "
        f"{search.LATEST:,} events). {search.HELP}"
    )
    ordering = ("-position",)
    fields = (
        "position",
        "type",
        "stream",
        "version",
        "data",
        "accepted_at",
        "recorded_at",
        "job",
        "correlation_id",
        "schema_version",
        "chained_hash",
    )
    readonly_fields = ("stream", "job", "chained_hash")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        """With the auctions' titles and whether there are jobs, looked up only for the page's rows."""
        auction = Auction.objects.filter(pk=OuterRef("stream_id"))
        return (
            super()
            .get_queryset(request)
            .annotate(
                auction_title=Subquery(auction.values("title")),
                job_kept=Exists(Job.objects.filter(pk=OuterRef("causation_id"))),
            )
        )

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """The order of the index events_stream_version, or of the primary key."""
        return ("-version",) if "stream_id" in request.GET else ("-position",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup == "stream_id" or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        """Events of auctions with that title, of that stream, or caused by that job or request."""
        if not search_term:
            return queryset, False
        if found := search.as_id(search_term):
            related = search.among_latest(
                Event.objects.all(), correlation_id=found, causation_id=found
            )
            wanted: dict[str, object] = {"pk__in": related, "stream_id": found}
        else:
            wanted = {"stream_id__in": search.auction_ids(search_term)}
        return queryset.filter(search.any_of(wanted.items())), False

    @admin.display(description="stream")
    def stream(self, event: Event) -> SafeString:
        """A link to all events of the same auction, user, tick or policies."""
        return links.stream(event, getattr(event, "auction_title", None))

    @admin.display(description="job")
    def job(self, event: Event) -> SafeString | str:
        """The job that caused the event; none for a tick's events. Jobs end, events don't."""
        if event.causation_id == event.stream_id:
            return "-"
        if not getattr(event, "job_kept", True):
            return f"{links.end_of(event.causation_id)} (not kept any more)"
        return links.page_of(Job, event.causation_id, "job")

    @admin.display(description="hash")
    def chained_hash(self, event: Event) -> str:
        """SHA-256 over the predecessor's hash and this event."""
        return bytes(event.hash).hex()
