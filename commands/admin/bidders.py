"""Who bids are by, for the house: users, and in masked auctions those behind aliases."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Case, F, OuterRef, QuerySet, Subquery, When
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from commands.admin import links
from commands.domain.rules.masked import shown_as
from commands.models import Alias, Bid, User

# The most aliases of one or several users whose bids are looked for, those in the latest auctions.
MOST_ALIASES = 1_000


def with_bidders(bids: QuerySet[Bid]) -> QuerySet[Bid]:
    """The bids, with the user whose each is (`by_user`) and that user's name (`by_name`)."""
    behind = Alias.objects.filter(pk=OuterRef("bidder_id")).values("user_id")[:1]
    name = User.objects.filter(pk=OuterRef("by_user")).values("username")[:1]
    by_user = Case(When(number=None, then=F("bidder_id")), default=Subquery(behind))
    return bids.annotate(by_user=by_user).annotate(by_name=Subquery(name))


def bidder_of(bid: Bid) -> SafeString:
    """A link to the bidder of a bid that with_bidders gave, with their number if they are masked."""
    return bidder(getattr(bid, "by_user", None), getattr(bid, "by_name", None), bid.number)


def bidder(user_id: object, username: str | None, number: int | None) -> SafeString:
    """A link to the user, with their number if they are masked. Who was behind an alias may be forgotten."""
    if user_id is None:
        return escape(shown_as(number or 0))
    who = links.page_of(User, user_id, username or f"deleted user {user_id}")
    return format_html("{} ({})", who, shown_as(number)) if number else who


def ids_of(users: Iterable[UUID]) -> list[UUID]:
    """The ids under which these users bid: their own, and their aliases."""
    users = list(users)
    aliases = Alias.objects.filter(user_id__in=users).order_by("-auction_id")
    return [*users, *aliases.values_list("pk", flat=True)[:MOST_ALIASES]]


@dataclass(frozen=True, slots=True)
class Unmasked:
    """An alias: the user behind it, None if that is forgotten, and what the house calls them."""

    user_id: UUID | None
    name: str


def unmasked(ids: Collection[UUID]) -> Mapping[UUID, Unmasked]:
    """Those of the ids that are aliases."""
    found = list(Alias.objects.filter(pk__in=ids)) if ids else []
    users = User.objects.in_bulk([alias.user_id for alias in found if alias.user_id])
    return {
        alias.id: Unmasked(
            alias.user_id, f"{users[alias.user_id]} ({alias})" if alias.user_id else str(alias)
        )
        for alias in found
    }


def labels(ids: Collection[UUID]) -> Mapping[UUID, str]:
    """What the house calls the bidders of these ids."""
    users = {id: str(user) for id, user in User.objects.in_bulk(list(ids)).items()}
    rest = unmasked([id for id in ids if id not in users])
    return {**users, **{id: alias.name for id, alias in rest.items()}}


def links_to_bids(user: User) -> list[SafeString]:
    """Links to the user's bids; one for all, those under aliases too, if there are any."""
    found = [links.list_of(Bid, "bids", bidder=user.pk)]
    if Alias.objects.filter(user_id=user.pk).exists():
        found.append(links.list_of(Bid, "bids under aliases, too", q=user.pk))
    return found
