"""Events: the record, to look at; its pages are in commands/admin/record."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.safestring import SafeString

from commands.admin.read_only import ReadOnlyList
from commands.admin.record.chain import chain_states
from commands.admin.record.names import names_in
from commands.admin.record.sentences import sentence
from commands.admin.record.views import streams_view, urls
from commands.models import Event


@admin.register(Event)
class EventAdmin(ReadOnlyList[Event]):
    """The event browser, and a page for each event."""

    fields = (
        "position",
        "type",
        "did",
        "stream",
        "version",
        "data",
        "accepted_at",
        "recorded_at",
        "job",
        "request",
        "schema_version",
        "chained_hash",
    )
    readonly_fields = ("did", "stream", "job", "request", "chained_hash")

    def get_urls(self) -> list[URLPattern]:
        """The usual URLs, and the browser's."""
        return [*urls(self), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list of streams, and the search."""
        return streams_view(self, request)

    @admin.display(description="what it did")
    def did(self, event: Event) -> SafeString:
        """A plain sentence."""
        return sentence(event, names_in([event]))

    @admin.display(description="stream")
    def stream(self, event: Event) -> SafeString:
        """A link to all events of the same auction, user, tick or policies."""
        return names_in([event]).stream(event)

    @admin.display(description="job")
    def job(self, event: Event) -> SafeString:
        """The job that caused the event; none for a tick's events. Jobs end, events don't."""
        return names_in([event]).job(event)

    @admin.display(description="request")
    def request(self, event: Event) -> SafeString:
        """A link to all that followed from the same request, by its correlation id."""
        return names_in([event]).request(event, str(event.correlation_id))

    @admin.display(description="hash")
    def chained_hash(self, event: Event) -> str:
        """SHA-256 over the predecessor's hash and this event, and whether it is that."""
        return f"{bytes(event.hash).hex()} ({chain_states([event])[event.version]})"
