"""Jobs: accepted commands and what came of them."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from commands.admin import links
from commands.admin.read_only import ReadOnly
from commands.inbox.submitting import redrive
from commands.jobs import JobStatus
from commands.models import Job
from commands.postgres.errors import AWAY
from commands.wiring import pool


@admin.register(Job)
class JobAdmin(ReadOnly, admin.ModelAdmin[Job]):
    """Accepted commands and their outcomes."""

    list_display = ("accepted_at", "command", "status", "rejection_code", "took", "stream")
    list_filter = ("status", "command", "rejection_code")
    search_fields = ("id", "stream_id", "submitted_by", "correlation_id")
    ordering = ("-accepted_at",)
    exclude = ("fingerprint",)
    actions = ("redrive_failed",)
    show_full_result_count = False

    @admin.action(description="Re-drive failed jobs")
    def redrive_failed(self, request: HttpRequest, chosen: QuerySet[Job]) -> None:
        """Have those of the chosen jobs that failed decided again."""
        ids = list(chosen.values_list("id", flat=True))
        try:
            redriven = redrive(pool(), ids)
        except AWAY:
            self.message_user(request, "Postgres is away; try again.", messages.ERROR)
            return
        text = f"{len(redriven)} of {len(ids)} jobs are in line again."
        if left := chosen.filter(status=JobStatus.FAILED).count():
            text += f" {left} stay failed: their personal data was erased."
        self.message_user(request, text, messages.WARNING if left else messages.SUCCESS)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup == "stream_id" or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    @admin.display(description="stream")
    def stream(self, job: Job) -> SafeString:
        """Its kind and the end of its id, linked to all its jobs."""
        return links.stream(job)

    @admin.display(description="took")
    def took(self, job: Job) -> str:
        """From acceptance to outcome."""
        if job.settled_at is None:
            return "-"
        return f"{(job.settled_at - job.accepted_at).total_seconds():.3f} s"
