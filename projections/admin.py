"""Admin's lists of stuck streams and of documents that differed, and why an auction ended as it did."""

import asyncio
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from pymongo.errors import PyMongoError

from commands.admin.auctions import AuctionAdmin
from commands.admin.read_only import ReadOnly
from commands.admin.record import steps
from commands.admin.record.urls import stream_link
from commands.models import Auction
from projections.errors import VersionUnavailable
from projections.models import Drift, StuckStream
from projections.mongo.reader import DocumentReader
from projections.mongo.telling import Told, told
from projections.steps import of_documents
from projections.wiring import names_behind_aliases

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


async def _told(auction_id: UUID) -> Told | None:
    reader = DocumentReader()
    try:
        found = await reader.auctions_by_id([auction_id])
        return await told(reader, found[0], names_behind_aliases) if found else None
    finally:
        await reader.close()


class ExplainedAuctionAdmin(AuctionAdmin):
    """The auction's page, with what decided it once it is closed: from its documents."""

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Before the id and the version."""
        return (*self.fields[:-2], "why", *self.fields[-2:])

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """It can't be edited either."""
        return (*self.readonly_fields, "why")

    @admin.display(description="why this winner")
    def why(self, auction: Auction) -> str:
        """The sentences that the API and the page show, too."""
        try:
            found = asyncio.run(_told(auction.pk)) if auction.closed else None
        except (PyMongoError, VersionUnavailable):
            return "Its documents can't be read now."
        parts = found and (
            ("Doubled by the house", found.doublings),
            ("Deleted, though it would have won", found.deletions),
            ("Who led when, newest first", found.leads),
        )
        return render_to_string("admin/projections/why.html", {"told": found, "parts": parts})


admin.site.unregister(Auction)
admin.site.register(Auction, ExplainedAuctionAdmin)
