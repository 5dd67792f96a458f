"""The auctioneer's desk: everything to see, one thing to do, and nothing written but through commands."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminSplitDateTime
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from commands.inbox.requests import Caller, InvalidInput, create_auction
from commands.inbox.submitting import redrive, submit, wait_for
from commands.jobs import Job as AcceptedJob
from commands.jobs import JobStatus, Submission
from commands.models import Auction, Bid, Event, Job, User
from commands.postgres.errors import AWAY

# How long the form waits for its command's outcome, in seconds.
PATIENCE = 10.0


class ReadOnly:
    """Nothing is added, changed or deleted by writing rows."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


class BidsInline(ReadOnly, admin.TabularInline[Bid, Auction]):
    """An auction's bids, leading first."""

    model = Bid
    ordering = ("deleted", "-effective_amount", "reached_version")
    fields = ("id", "bidder", "amount", "effective_amount", "doubled", "deleted", "placed_at")
    readonly_fields = fields
    can_delete = False
    extra = 0


class CreateAuctionForm(forms.Form):
    """What the command CreateAuction needs."""

    title = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"size": 60}))
    description = forms.CharField(
        max_length=5000, required=False, widget=forms.Textarea(attrs={"rows": 5, "cols": 70})
    )
    starts_at = forms.SplitDateTimeField(
        required=False, widget=AdminSplitDateTime(), help_text="UTC. Left empty: at once."
    )
    ends_at = forms.SplitDateTimeField(widget=AdminSplitDateTime(), help_text="UTC.")


class Refused(Exception):
    """The command was not carried out; the message is for the auctioneer."""


def carry_out(submission: Callable[[], Submission]) -> AcceptedJob:
    """Submit the command and wait for its outcome; Refused with what to tell."""
    try:
        job = wait_for(submit(submission()).id, PATIENCE)
    except InvalidInput as error:
        raise Refused(str(error)) from error
    except AWAY as error:
        raise Refused("Postgres is away; nothing was changed. Try again.") from error
    assert job is not None
    if job.rejection:
        raise Refused(f"{job.rejection.code}: {job.rejection.message}")
    if job.status is JobStatus.FAILED:
        raise Refused(f"The command failed; see job {job.id}.")
    return job


def caller(request: HttpRequest) -> Caller:
    """The auctioneer at the desk."""
    assert isinstance(request.user, User)
    return Caller.user(request.user.id)


def not_yet(job: AcceptedJob) -> SafeString:
    """What to tell when the job is still waiting."""
    return format_html(
        "The command is accepted, but not carried out yet; see {}.",
        _linked(Job, job.id, "its job"),
    )


def _linked(model: type[Auction] | type[Job], pk: object, text: str) -> SafeString:
    url = reverse(f"admin:commands_{model._meta.model_name}_change", args=[pk])
    return format_html('<a href="{}">{}</a>', url, text)


def _stream(row: Job | Event) -> SafeString:
    """Ids begin with the time, so their ends tell them apart."""
    return format_html(
        '<a href="?stream_id={}" title="{}">{} …{}</a>',
        row.stream_id,
        row.stream_id,
        row.stream_kind,
        str(row.stream_id)[-8:],
    )


@admin.register(Auction)
class AuctionAdmin(ReadOnly, admin.ModelAdmin[Auction]):
    """Auctions with their bids, events and jobs; creating one submits the command."""

    list_display = ("title", "state", "starts_at", "ends_at", "live_bids", "leading", "version")
    list_filter = ("closed", "starts_at", "ends_at")
    search_fields = ("title", "id")
    ordering = ("-ends_at",)
    inlines = (BidsInline,)
    readonly_fields = ("state", "leading", "events_and_jobs")
    fields = (
        "id",
        "title",
        "description",
        "state",
        ("starts_at", "ends_at"),
        "leading",
        "version",
        "events_and_jobs",
    )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Through the command."""
        return bool(getattr(request.user, "is_staff", False))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Auction]:
        """With the live bids, which the list shows."""
        return super().get_queryset(request).prefetch_related("bids__bidder")

    @admin.display(description="state")
    def state(self, auction: Auction) -> str:
        """By the clock, and whether the winner is announced."""
        now = timezone.now()
        if auction.closed:
            return "sold" if auction.winning_bid_id else "unsold"
        if now < auction.starts_at:
            return "scheduled"
        return "open" if now < auction.ends_at else "closing"

    @admin.display(description="live bids")
    def live_bids(self, auction: Auction) -> int:
        """How many count."""
        return sum(1 for bid in auction.bids.all() if not bid.deleted)

    @admin.display(description="leading bid")
    def leading(self, auction: Auction) -> str:
        """Who leads, with what."""
        live = [bid for bid in auction.bids.all() if not bid.deleted]
        if not live:
            return "-"
        best = min(live, key=lambda bid: (-bid.effective_amount, bid.reached_version))
        return f"{best.effective_amount} by {best.bidder}"

    @admin.display(description="record")
    def events_and_jobs(self, auction: Auction) -> SafeString:
        """Links to the auction's own events and jobs."""
        return format_html(
            '<a href="{}?stream_id={}">events</a>, <a href="{}?stream_id={}">jobs</a>',
            reverse("admin:commands_event_changelist"),
            auction.pk,
            reverse("admin:commands_job_changelist"),
            auction.pk,
        )

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form that submits CreateAuction and shows what came of it."""
        form = CreateAuctionForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                job = carry_out(lambda: create_auction(caller(request), **form.cleaned_data))
            except Refused as refused:
                form.add_error(None, str(refused))
            else:
                return self._created(request, job)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Create auction",
            "form": form,
            "media": self.media + form.media,
        }
        return TemplateResponse(request, "admin/commands/create_auction.html", context)

    def _created(self, request: HttpRequest, job: AcceptedJob) -> HttpResponse:
        if job.status is JobStatus.QUEUED:
            self.message_user(request, not_yet(job), messages.WARNING)
            return self.response_post_save_add(request, Auction())
        auction = Auction(id=job.payload["auction_id"], title=job.payload["title"])
        link = _linked(Auction, auction.pk, auction.title)
        self.message_user(request, format_html("Created {}.", link), messages.SUCCESS)
        return self.response_post_save_add(request, auction)


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
            redriven = redrive(ids)
        except AWAY:
            self.message_user(request, "Postgres is away; try again.", messages.ERROR)
            return
        text = f"{len(redriven)} of {len(ids)} jobs are in line again."
        if left := chosen.filter(status=JobStatus.FAILED).count():
            text += f" {left} stay failed: their personal data was erased."
        self.message_user(request, text, messages.WARNING if left else messages.SUCCESS)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """The links from an auction."""
        return lookup == "stream_id" or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    @admin.display(description="stream")
    def stream(self, job: Job) -> SafeString:
        """Its kind and the end of its id, linked to all its jobs."""
        return _stream(job)

    @admin.display(description="took")
    def took(self, job: Job) -> str:
        """From acceptance to outcome."""
        if job.settled_at is None:
            return "-"
        return f"{(job.settled_at - job.accepted_at).total_seconds():.3f} s"


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
        """The links from an auction."""
        return lookup == "stream_id" or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    @admin.display(description="stream")
    def stream(self, event: Event) -> SafeString:
        """Its kind and the end of its id, linked to all its events."""
        return _stream(event)

    @admin.display(description="job")
    def job(self, event: Event) -> str:
        """The job that caused it; a tick of the promoter causes itself."""
        if event.causation_id == event.stream_id:
            return "-"
        return _linked(Job, event.causation_id, "job")

    @admin.display(description="hash")
    def chained_hash(self, event: Event) -> str:
        """SHA-256 over the predecessor's hash and this event."""
        return bytes(event.hash).hex()


@admin.register(User)
class UserAdmin(ReadOnly, admin.ModelAdmin[User]):
    """Who is here, and who was."""

    list_display = ("username", "is_staff", "created_at", "deleted_at", "id")
    list_filter = ("is_staff",)
    search_fields = ("username", "id")
    ordering = ("-created_at",)
    fields = ("id", "username", "email", "is_staff", "version", "created_at", "deleted_at")
