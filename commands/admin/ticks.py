"""The promoter's ticks."""

from django.contrib import admin

from commands.admin.read_only import ReadOnlyList
from commands.models import Event, PromoterTick


@admin.register(PromoterTick)
class PromoterTickAdmin(ReadOnlyList[PromoterTick]):
    """A list of ticks. A secret is shown only after it is revealed."""

    list_display = ("number", "committed_at", "made_at", "draws", "revealed_at")
    ordering = ("-number",)
    fields = (
        "number",
        "stream_id",
        "commitment",
        "committed_at",
        "made_at",
        "draws",
        "revealed_secret",
        "revealed_at",
    )
    readonly_fields = ("revealed_secret",)

    @admin.display(description="secret")
    def revealed_secret(self, tick: PromoterTick) -> str:
        """In hex; of a tick of long ago from the log."""
        if tick.revealed_at is None:
            return "not revealed yet"
        if tick.secret:
            return tick.secret
        revealed = Event.objects.get(stream_id=tick.stream_id, type="SecretRevealed")
        return str(revealed.data["secret"])
