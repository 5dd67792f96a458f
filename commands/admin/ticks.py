"""The promoter's ticks."""

from django.contrib import admin
from django.utils.safestring import SafeString

from commands.admin.read_only import ReadOnlyList
from commands.admin.record.urls import stream_link
from commands.models import Event, PromoterTick


@admin.register(PromoterTick)
class PromoterTickAdmin(ReadOnlyList[PromoterTick]):
    """A list of ticks. A secret is shown only after it is revealed."""

    list_display = ("number", "committed_at", "public_at", "made_at", "draws", "revealed_at")
    ordering = ("-number",)
    fields = (
        "number",
        "events",
        "commitment",
        "committed_at",
        "beacon",
        "round",
        "public_at",
        "value",
        "made_at",
        "draws",
        "revealed_secret",
        "revealed_at",
        "given_up_at",
    )
    readonly_fields = ("events", "revealed_secret")

    @admin.display(description="events")
    def events(self, tick: PromoterTick) -> SafeString:
        """A link to the tick's events."""
        return stream_link(tick.stream_id, str(tick.stream_id))

    @admin.display(description="secret")
    def revealed_secret(self, tick: PromoterTick) -> str:
        """In hex; of a tick of long ago from the log."""
        if tick.revealed_at is None:
            return "not revealed yet"
        if tick.secret:
            return tick.secret
        revealed = Event.objects.get(stream_id=tick.stream_id, type="SecretRevealed")
        return str(revealed.data["secret"])
