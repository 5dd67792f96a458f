"""Bids: one auction's by rank, a bidder's, or the latest."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from commands.admin import links, search
from commands.admin.amounts import money
from commands.admin.bidders import bidder_of, ids_of, with_bidders
from commands.admin.house_actions import HouseAction, WithHouseActions
from commands.admin.record.urls import stream_link
from commands.inbox.requests import remove_bid
from commands.models import Auction, Bid

DELETED = "deleted"
# In the place of an amount that nobody knows yet.
SEALED = "sealed"


class LiveOrDeleted(SimpleListFilter):
    """A filter for live (the default) or deleted bids; both together would have no index."""

    title = "state"
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """The choice besides the default."""
        return [(DELETED, "Deleted")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Django's choices; its first one, which is labelled "All", is labelled "Live" here."""
        first, *others = super().choices(changelist)
        yield {**first, "display": "Live"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Bid]) -> QuerySet[Bid]:
        """The bids in the chosen state."""
        return queryset.filter(deleted=self.value() == DELETED)


REMOVE = HouseAction(
    name="remove",
    title="Remove bid",
    effect="The bid counts no more, as if its bidder had deleted it. Its bidder is told the reason; everybody can read it.",
    done="The bid is removed.",
    possible=lambda bid: (
        not bid.deleted
        and not bid.auction.closed
        and (timezone.now() < bid.auction.ends_at or bid.auction.paused_at is not None)
    ),
    asks=lambda caller, bid, reason: remove_bid(
        caller, auction_id=bid.auction.pk, bid_id=bid.pk, reason=reason
    ),
)


@admin.register(Bid)
class BidAdmin(WithHouseActions[Bid]):
    """A list of bids: of one auction by rank, otherwise the latest first; and a form that submits RemoveBid."""

    house_actions = (REMOVE,)

    list_display = (
        "short_id",
        "auction_title",
        "by",
        "offered",
        "counts",
        "was_doubled",
        "placed_at",
    )
    list_display_links = ("short_id",)
    list_filter = (LiveOrDeleted,)
    search_fields = ("id",)
    search_help_text = (
        f"The beginning of a bidder's name, words of an auction's title, or an id. {search.HELP}"
    )
    fields = (
        "id",
        "auction_title",
        "by",
        "offered",
        "counts",
        "doubled",
        "deleted",
        "placed_at",
        "placed",
        "reached",
        "deleted_by",
    )
    readonly_fields = (
        "auction_title",
        "by",
        "offered",
        "counts",
        "placed",
        "reached",
        "deleted_by",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Bid]:
        """With the titles and names that are shown."""
        return with_bidders(super().get_queryset(request).select_related("auction"))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """The order of the index bids_ranking, or of the primary key."""
        if "auction" in request.GET and request.GET.get("state") != DELETED:
            return ("-effective_amount", "reached_version")
        return ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Bid], search_term: str
    ) -> tuple[QuerySet[Bid], bool]:
        """Bids of bidders with that name, in auctions with that title, or with that id."""
        if not search_term:
            return queryset, False
        if found := search.as_id(search_term):
            wanted: dict[str, object] = {
                "id": found,
                "auction": found,
                "bidder__in": ids_of([found]),
            }
        else:
            wanted = {
                "bidder__in": ids_of(search.user_ids(search_term)),
                "auction__in": search.auction_ids(search_term),
            }
        return queryset.filter(search.any_of(wanted.items())), False

    @admin.display(description="bid")
    def short_id(self, bid: Bid) -> str:
        """The end of the bid's id."""
        return links.end_of(bid.id)

    @admin.display(description="auction")
    def auction_title(self, bid: Bid) -> SafeString:
        """A link to its auction."""
        return links.page_of(Auction, bid.auction.id, bid.auction.title)

    @admin.display(description="bidder")
    def by(self, bid: Bid) -> SafeString:
        """A link to its bidder; in a masked auction to who is behind the alias."""
        return bidder_of(bid)

    @admin.display(description="amount")
    def offered(self, bid: Bid) -> str:
        """The amount: what the bidder pays if the bid wins."""
        return SEALED if bid.hidden else money(bid.amount)

    @admin.display(description="counts")
    def counts(self, bid: Bid) -> str:
        """The effective amount, which ranks the bid."""
        return SEALED if bid.hidden else money(bid.effective_amount)

    @admin.display(description="placed by")
    def placed(self, bid: Bid) -> SafeString:
        """A link to the event that placed it."""
        return _event(bid, bid.placed_version)

    @admin.display(description="counts so much by")
    def reached(self, bid: Bid) -> SafeString:
        """A link to the event that gave it its effective amount."""
        return _event(bid, bid.reached_version)

    @admin.display(description="deleted by")
    def deleted_by(self, bid: Bid) -> SafeString | str:
        """A link to the event that deleted it: its bidder's own, a withdrawal, or the house's removal."""
        return "-" if bid.deleted_version is None else _event(bid, bid.deleted_version)

    @admin.display(description="doubled")
    def was_doubled(self, bid: Bid) -> str:
        """A word only if it was, instead of a red cross for most bids."""
        return "doubled" if bid.doubled else ""


def _event(bid: Bid, version: int) -> SafeString:
    return stream_link(bid.auction.pk, f"version {version} of the auction", version)
