"""Auctions: a list, a page for each, and the form that creates one."""

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

from commands.admin.links import linked
from commands.admin.read_only import ReadOnly
from commands.admin.submitting import Refused, caller, carry_out, not_yet
from commands.inbox.requests import create_auction
from commands.jobs import Job as AcceptedJob
from commands.jobs import JobStatus
from commands.models import Auction, Bid


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
        """The number of the auction's live bids."""
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
        link = linked(Auction, auction.pk, auction.title)
        self.message_user(request, format_html("Created {}.", link), messages.SUCCESS)
        return self.response_post_save_add(request, auction)
