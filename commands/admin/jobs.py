"""Jobs: accepted commands and their outcomes."""

import json

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.safestring import SafeString

from commands.admin import links, search
from commands.admin.filters import one_of
from commands.admin.read_only import ReadOnlyList
from commands.admin.record.urls import request_link, stream_link
from commands.domain.rejections import RejectionCode, as_sentence
from commands.inbox.submitting import redrive
from commands.jobs import JobStatus
from commands.models import Auction, Job, User
from commands.postgres.errors import AWAY
from commands.record.codec import COMMAND_TYPES
from commands.wiring import pool

# How many failed jobs one click re-drives.
MOST_REDRIVEN = 1_000


@admin.register(Job)
class JobAdmin(ReadOnlyList[Job]):
    """A list of jobs, latest first; failed ones can be re-driven."""

    list_display = (
        "accepted_at", "command", "status", "rejection_code", "took", "by", "stream", "what_followed",
    )  # fmt: skip
    list_filter = (
        "status",
        one_of("command", "command", COMMAND_TYPES),
        one_of("rejection_code", "rejection", RejectionCode),
    )
    search_fields = ("id",)
    search_help_text = (
        "The beginning of a user's name, words of an auction's title, or an id "
        f"(a stream's, a job's, a request's). {search.HELP}"
    )
    fields = (
        "id",
        "command",
        "stream",
        "by",
        "asked_for",
        "accepted_at",
        "expires_at",
        "status",
        "settled_at",
        "rejected_because",
        "result_version",
        "events",
        "error",
        "attempts",
        "request",
        "caused_by",
    )
    readonly_fields = (
        "stream",
        "by",
        "asked_for",
        "rejected_because",
        "events",
        "request",
        "caused_by",
    )
    actions = ("redrive_failed",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """With the titles and names that are shown, looked up only for the page's rows."""
        auction = Auction.objects.filter(pk=OuterRef("stream_id"))
        user = User.objects.filter(pk=OuterRef("submitted_by"))
        return (
            super()
            .get_queryset(request)
            .annotate(
                auction_title=Subquery(auction.values("title")),
                username=Subquery(user.values("username")),
            )
        )

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """The order of the index jobs_of_stream, or of the primary key: ids sort by the time of acceptance."""
        return ("-accepted_at",) if "stream_id" in request.GET else ("-id",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Also the filters that other pages' links use."""
        return lookup in {"stream_id", "submitted_by"} or super().lookup_allowed(
            lookup,
            value,
            request,  # type: ignore[arg-type]
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Job], search_term: str
    ) -> tuple[QuerySet[Job], bool]:
        """Jobs submitted by users with that name, of auctions with that title, or with that id."""
        if not search_term:
            return queryset, False
        if found := search.as_id(search_term):
            wanted: dict[str, object] = {
                "pk": found,
                "correlation_id": found,
                "stream_id": found,
                "submitted_by": found,
            }
        else:
            wanted = {
                "submitted_by__in": search.user_ids(search_term),
                "stream_id__in": search.auction_ids(search_term),
            }
        return queryset.filter(search.any_of(wanted.items())), False

    @admin.action(description="Re-drive failed jobs")
    def redrive_failed(self, request: HttpRequest, chosen: QuerySet[Job]) -> None:
        """Re-drive the chosen jobs that failed."""
        failed = chosen.filter(status=JobStatus.FAILED)
        ids = list(failed.values_list("id", flat=True)[:MOST_REDRIVEN])
        try:
            redriven = redrive(pool(), ids)
        except AWAY:
            self.message_user(request, "Postgres is away; try again.", messages.ERROR)
            return
        text = f"{len(redriven)} of {len(ids)} failed jobs are in line again."
        if left := len(ids) - len(redriven):
            text += f" {left} stay failed: their personal data was erased."
        self.message_user(request, text, messages.WARNING if left else messages.SUCCESS)

    @admin.display(description="stream")
    def stream(self, job: Job) -> SafeString:
        """A link to all jobs of the same auction or user."""
        return links.jobs_of_stream(job, getattr(job, "auction_title", None))

    @admin.display(description="payload")
    def asked_for(self, job: Job) -> str:
        """The command's fields; never the password hash, which a sign-up has until it is settled."""
        shown = {name: value for name, value in job.payload.items() if name != "password_hash"}
        return json.dumps(shown, ensure_ascii=False)

    @admin.display(description="asked for by")
    def by(self, job: Job) -> SafeString | str:
        """A link to the user; the portal itself and operators have no account."""
        if job.submitted_by is None:
            return "-"
        name = getattr(job, "username", None) or "deleted user"
        return links.page_of(User, job.submitted_by, name)

    @admin.display(description="events")
    def events(self, job: Job) -> SafeString | str:
        """A link to the version that the job reached, in its stream."""
        if job.result_version is None:
            return "-"
        text = f"up to version {job.result_version}"
        return stream_link(job.stream_id, text, job.result_version)

    @admin.display(description="request")
    def what_followed(self, job: Job) -> SafeString:
        """The same link in the list."""
        return request_link(job.correlation_id, "what followed", job=job.pk)

    @admin.display(description="request")
    def request(self, job: Job) -> SafeString:
        """A link to all that followed from the same request, by its correlation id."""
        return request_link(job.correlation_id, str(job.correlation_id), job=job.pk)

    @admin.display(description="caused by")
    def caused_by(self, job: Job) -> SafeString | str:
        """The job that this one follows from, such as a user's deletion."""
        if job.causation_id is None:
            return "-"
        return links.page_of(Job, job.causation_id, f"job {links.end_of(job.causation_id)}")

    @admin.display(description="rejected because")
    def rejected_because(self, job: Job) -> str:
        """The rejection's message and its code in the API."""
        if job.rejection_message is None:
            return "-"
        return f"{as_sentence(job.rejection_message)} ({job.rejection_code})"

    @admin.display(description="took")
    def took(self, job: Job) -> str:
        """From acceptance to outcome."""
        if job.settled_at is None:
            return "-"
        return f"{(job.settled_at - job.accepted_at).total_seconds():.3f}\N{NO-BREAK SPACE}s"
