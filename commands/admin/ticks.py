"""The promoter's ticks."""

from django.contrib import admin

from commands.admin.read_only import ReadOnlyList
from commands.models import PromoterTick


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
        """In hex."""
        return tick.secret if tick.revealed_at else "not revealed yet"
