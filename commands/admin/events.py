"""Events: what happened."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from commands.admin import links
from commands.admin.read_only import ReadOnly
from commands.models import Event, Job


@admin.register(Event)
class EventAdmin(ReadOnly, admin.ModelAdmin[Event]):
    """The record."""

    list_display = ("position", "recorded_at", "type", "stream", "version", "job")
    list_filter = ("type", "stream_kind")
    search_fields = ("stream_id", "correlation_id", "causation_id")
    ordering = ("-position",)
    exclude = ("hash",)
    readonly_fields = ("chained_hash",)
    show_full_result_count = False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup == "stream_id" or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    @admin.display(description="stream")
    def stream(self, event: Event) -> SafeString:
        """Its kind and the end of its id, linked to all its events."""
        return links.stream(event)

    @admin.display(description="job")
    def job(self, event: Event) -> str:
        """The job that caused it; a tick of the promoter causes itself."""
        if event.causation_id == event.stream_id:
            return "-"
        return links.linked(Job, event.causation_id, "job")

    @admin.display(description="hash")
    def chained_hash(self, event: Event) -> str:
        """SHA-256 over the predecessor's hash and this event."""
        return bytes(event.hash).hex()
