"""Admin's lists of stuck streams and of documents that differed."""

from django.contrib import admin

from commands.admin.read_only import ReadOnly
from projections.models import Drift, StuckStream


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
    )
    list_filter = ("reader", "stream_kind")
    ordering = ("since",)


@admin.register(Drift)
class DriftAdmin(ReadOnly, admin.ModelAdmin[Drift]):
    """Documents that differed from their events."""

    list_display = ("stream_id", "stream_kind", "what", "repaired", "found_at")
    list_filter = ("repaired", "stream_kind")
    ordering = ("-found_at",)
