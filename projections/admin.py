"""Admin's lists of stuck streams and of documents that differed."""

from django.contrib import admin
from django.utils.safestring import SafeString

from commands.admin.read_only import ReadOnly
from commands.admin.record import steps
from commands.admin.record.urls import stream_link
from projections.models import Drift, StuckStream
from projections.steps import of_documents

steps.register("documents", of_documents)


@admin.register(StuckStream)
class StuckStreamAdmin(ReadOnly, admin.ModelAdmin[StuckStream]):
    """Streams that an event stops. They are retried, and go on once the code is repaired."""

    list_display = (
        "stream_id",
        "stream_kind",
        "reader",
        "version",
        "attempts",
        "since",
        "retry_after",
        "events",
    )
    readonly_fields = ("events",)
    list_filter = ("reader", "stream_kind")
    ordering = ("since",)

    @admin.display(description="events")
    def events(self, stuck: StuckStream) -> SafeString:
        """A link to the event that stops the stream."""
        return stream_link(stuck.stream_id, f"at version {stuck.version}", stuck.version)


@admin.register(Drift)
class DriftAdmin(ReadOnly, admin.ModelAdmin[Drift]):
    """Documents that differed from their events."""

    list_display = ("stream_id", "stream_kind", "what", "repaired", "found_at", "events")
    list_filter = ("repaired", "stream_kind")
    ordering = ("-found_at",)
    readonly_fields = ("events",)

    @admin.display(description="events")
    def events(self, drift: Drift) -> SafeString:
        """A link to the stream's events."""
        return stream_link(drift.stream_id, "events")
