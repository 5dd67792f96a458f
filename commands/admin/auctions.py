"""Auctions: a list, a page for each, and the form that creates one."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.db.models import (
    Count,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    UUIDField,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, JSONObject
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.safestring import SafeString

from commands.admin import links, revising, search
from commands.admin.amounts import money
from commands.admin.auction_actions import ACTIONS, held
from commands.admin.auction_form import CreateAuctionForm
from commands.admin.bidders import bidder, with_bidders
from commands.admin.house_actions import WithHouseActions
from commands.admin.record.urls import stream_link
from commands.admin.submitting import Refused, caller, carry_out, not_yet
from commands.domain.rules.reserve import Reserve
from commands.domain.rules.table import chosen, sentences
from commands.domain.sale import SaleState
from commands.handling.reserves import reserves_of
from commands.inbox.requests import create_auction
from commands.jobs import Job as AcceptedJob
from commands.jobs import JobStatus
from commands.models import Auction, Bid, Job, PromoterPolicy
from commands.record.codec import shown_rules
from commands.wiring import pool

# A bid as the lists show it; amounts as text, because JSON has no decimals.
SHOWN = JSONObject(
    amount=Cast("amount", TextField()),
    counts=Cast("effective_amount", TextField()),
    doubled="doubled",
    hidden="hidden",
    user_id=Cast("by_user", TextField()),
    username="by_name",
    number="number",
)
NONE = "-"


def states(now: Any) -> dict[str, Q]:
    """A query condition for each state of an auction at the present time."""
    return {
        "scheduled": Q(closed=False, starts_at__gt=now),
        "open": Q(closed=False, paused_at=None, starts_at__lte=now, ends_at__gt=now),
        "paused": Q(closed=False, paused_at__isnull=False),
        "closing": Q(closed=False, paused_at=None, ends_at__lte=now),
        "sold": Q(closed=True, winning_bid_id__isnull=False),
        "unsold": Q(closed=True, winning_bid_id=None, cancelled_because=None),
        "cancelled": Q(closed=True, cancelled_because__isnull=False),
    }


class State(SimpleListFilter):
    """A filter by state."""

    title = "state"
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """The states in the order in which an auction goes through them."""
        return [(name, name.capitalize()) for name in states(timezone.now())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Auction]) -> QuerySet[Auction]:
        """The auctions in the chosen state."""
        condition = states(timezone.now()).get(self.value() or "")
        return queryset.filter(condition) if condition else queryset


@admin.register(Auction)
class AuctionAdmin(WithHouseActions[Auction]):
    """A list, latest end first, a page for each auction, and forms that submit CreateAuction and what the house does to one."""

    house_actions = ACTIONS

    list_display = (
        "title",
        "state",
        "ends_at",
        "live_bids",
        "leading_bid",
        "winner",
        "pays",
        "counts",
        "sale_state",
    )
    list_filter = (State, "ends_at")
    search_fields = ("title",)
    search_help_text = "The beginnings of words of a title, or an id."
    ordering = ("-ends_at",)
    fields = (
        "title",
        "description",
        "state",
        "cancelled_because",
        ("starts_at", "ends_at"),
        "goes_by",
        "hidden_reserve",
        "leading_bid",
        "winner",
        "pays",
        "counts",
        "sale_state",
        "bids",
        "record",
        "id",
        "version",
    )
    readonly_fields = (
        "state",
        "goes_by",
        "hidden_reserve",
        "leading_bid",
        "winner",
        "pays",
        "counts",
        "sale_state",
        "bids",
        "record",
    )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(getattr(request.user, "is_staff", False))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Auction]:
        """With the number of live bids, the leading and the winning bid, computed only for the page's rows."""
        live = Bid.objects.filter(auction=OuterRef("pk"), deleted=False)
        number = live.order_by().values("auction").values(number=Count("*"))
        ranked = with_bidders(live).order_by("-effective_amount", "reached_version")
        won = with_bidders(Bid.objects.filter(pk=OuterRef("winning_bid_id"))).values(shown=SHOWN)
        # Only of those whose lot is offered or sold by a second chance there is such a bid.
        offered = Cast(KeyTextTransform("bid_id", OuterRef("sale")), UUIDField())
        buyer = with_bidders(Bid.objects.filter(pk=offered)).values(shown=SHOWN)
        return (
            super()
            .get_queryset(request)
            .annotate(
                number=Coalesce(Subquery(number, output_field=IntegerField()), 0),
                leading=Subquery(ranked.values(shown=SHOWN)[:1]),
                won=Subquery(won),
                buyer=Subquery(buyer),
            )
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Auction], search_term: str
    ) -> tuple[QuerySet[Auction], bool]:
        """Auctions with that id, or with these words in their title."""
        if not search_term:
            return queryset, False
        if found := search.as_id(search_term):
            return queryset.filter(pk=found), False
        return search.auctions_titled(queryset, search_term), False

    @admin.display(description="state")
    def state(self, auction: Auction) -> str:
        """The state, by the clock and whether the winner is announced."""
        now = timezone.now()
        if auction.cancelled_because is not None:
            return "cancelled"
        if auction.closed:
            return "sold" if auction.winning_bid_id else "unsold"
        if auction.paused_at is not None:
            return "paused"
        if now < auction.starts_at:
            return "scheduled"
        return "open" if now < auction.ends_at else "closing"

    @admin.display(description="rules")
    def goes_by(self, auction: Auction) -> str:
        """All its rules in plain English, the plain ones too."""
        return " ".join(sentences(shown_rules(auction.rules or {})))

    @admin.display(description="reserve")
    def hidden_reserve(self, auction: Auction) -> str:
        """The hidden amount, which bidders are told once the auction is closed, and whether it is met."""
        rules = shown_rules(auction.rules or {})
        if chosen(rules, Reserve) is None:
            return NONE
        with pool().connection() as connection:
            price = reserves_of(connection, [(auction.pk, rules)]).get(auction.pk)
        amount = money(price.amount) if price else "the key that hides it is lost"
        return f"{amount} ({'met' if auction.reserve_met else 'not met'})"

    @admin.display(description="live bids")
    def live_bids(self, auction: Auction) -> SafeString | str:
        """The number of live bids, as a link to them."""
        number: int = getattr(auction, "number", 0)
        return links.list_of(Bid, f"{number:,}", auction=auction.pk) if number else "0"

    @admin.display(description="leading bid")
    def leading_bid(self, auction: Auction) -> SafeString | str:
        """Until the auction is closed: the bid's effective amount, its amount if doubled, and its bidder."""
        leading = getattr(auction, "leading", None)
        if auction.closed or leading is None or leading["hidden"]:
            return NONE
        doubled = f" ({money(leading['amount'])} doubled)" if leading["doubled"] else ""
        return format_html("{}{} by {}", money(leading["counts"]), doubled, _bidder(leading))

    @admin.display(description="winner")
    def winner(self, auction: Auction) -> SafeString | str:
        """The winner of a sold auction, as a link to their page."""
        won = getattr(auction, "won", None)
        return _bidder(won) if won else NONE

    @admin.display(description="pays")
    def pays(self, auction: Auction) -> str:
        """The amount of the winning bid, unless its bidder pays another price."""
        won = getattr(auction, "won", None)
        if auction.winning_price is not None:
            return money(auction.winning_price)
        return money(won["amount"]) if won else NONE

    @admin.display(description="counts")
    def counts(self, auction: Auction) -> str:
        """The effective amount of the winning bid: twice its amount if it was doubled."""
        won = getattr(auction, "won", None)
        return money(won["counts"]) if won else NONE

    @admin.display(description="sale")
    def sale_state(self, auction: Auction) -> SafeString | str:
        """Of one with a second chance: to whom the lot is offered or sold, and until when they can answer."""
        sale, buyer = held(auction), getattr(auction, "buyer", None)
        if sale is None or buyer is None:
            return "failed" if auction.sale else NONE
        if sale["state"] == SaleState.SOLD:
            return format_html("sold to {} for {}", _bidder(buyer), money(sale["amount"]))
        until = localize(timezone.localtime(auction.sale_until))
        return format_html(
            "offered to {} for {} until {}", _bidder(buyer), money(sale["amount"]), until
        )

    @admin.display(description="bids")
    def bids(self, auction: Auction) -> SafeString:
        """Links to the live and the deleted bids."""
        deleted = Bid.objects.filter(auction=auction, deleted=True)
        return links.listed(
            links.list_of(Bid, f"{getattr(auction, 'number', 0):,} live", auction=auction.pk),
            links.list_of(Bid, f"{deleted.count():,} deleted", auction=auction.pk, state="deleted"),
        )

    @admin.display(description="more")
    def record(self, auction: Auction) -> SafeString:
        """Links to the auction's events and jobs, and to the promoter's chances for its bids."""
        return links.listed(
            stream_link(auction.pk, "events"),
            links.list_of(Job, "jobs", stream_id=auction.pk),
            links.list_of(PromoterPolicy, "chances of its bids", auction=auction.pk),
        )

    def own_buttons(self, row: Auction) -> Sequence[tuple[str, str]]:
        """A revision, until it is closed."""
        return [] if row.closed else [(revising.address_of(row), "Revise auction")]

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, and the form that revises an auction."""
        view = self.admin_site.admin_view(partial(revising.form_view, self))
        form = path("<uuid:object_id>/revise/", view, name="commands_auction_revise")
        return [form, *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form that submits CreateAuction and shows the outcome, or only says what the choice of rules means."""
        asking = "ask" in request.POST
        form = CreateAuctionForm(request.POST or None, asking=asking)
        if request.method == "POST" and form.is_valid() and not asking:
            try:
                job = carry_out(lambda: create_auction(caller(request), **form.command()))
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
        link = links.page_of(Auction, auction.pk, auction.title)
        self.message_user(request, format_html("Created {}.", link), messages.SUCCESS)
        return self.response_post_save_add(request, auction)


def _bidder(bid: Mapping[str, Any]) -> SafeString:
    return bidder(bid["user_id"], bid["username"], bid["number"])
