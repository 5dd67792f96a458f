"""Users, deleted ones included."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from commands.admin import links, search
from commands.admin.bans import BAN, LIFT, bans_shown
from commands.admin.bidders import links_to_bids
from commands.admin.exposure import LIFT_LIMIT, LIMIT_EXPOSURE, limit_shown
from commands.admin.house_actions import WithHouseActions
from commands.admin.record.urls import stream_link
from commands.models import Job, User


@admin.register(User)
class UserAdmin(WithHouseActions[User]):
    """A list of users, latest first; and forms that ban one from bidding, or limit what one bids, and lift that again."""

    house_actions = (BAN, LIFT, LIMIT_EXPOSURE, LIFT_LIMIT)

    list_display = ("name", "on_staff", "created_at", "deleted_at", "id")
    list_filter = ("is_staff",)
    search_fields = ("id",)
    search_help_text = "The beginning of a name, or an id."
    # Ids are in the order of creation.
    ordering = ("-id",)
    fields = (
        "id",
        "username",
        "email",
        "is_staff",
        "version",
        "created_at",
        "deleted_at",
        "bans",
        "limit",
        "record",
    )
    readonly_fields = ("bans", "limit", "record")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        """Users with that id, or whose name begins with the text."""
        if not search_term:
            return queryset, False
        if found := search.as_id(search_term):
            return queryset.filter(pk=found), False
        return search.users_named(queryset, search_term), False

    @admin.display(description="username")
    def name(self, user: User) -> str:
        """The username, or "deleted user" with the id."""
        return str(user)

    @admin.display(description="staff")
    def on_staff(self, user: User) -> str:
        """A word only for staff, instead of a red cross for most users."""
        return "staff" if user.is_staff else ""

    @admin.display(description="bans")
    def bans(self, user: User) -> SafeString | str:
        """Their bans from bidding, with the reasons."""
        return bans_shown(user)

    @admin.display(description="limit")
    def limit(self, user: User) -> SafeString | str:
        """The limit on their exposure, how much of it is used, and the reason."""
        return limit_shown(user)

    @admin.display(description="more")
    def record(self, user: User) -> SafeString:
        """Links to the user's events, bids and jobs."""
        return links.listed(
            stream_link(user.pk, "events"),
            *links_to_bids(user),
            links.list_of(Job, "jobs they asked for", submitted_by=user.pk),
        )
