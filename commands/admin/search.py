"""Searching by what people know: a user's name, words of an auction's title, or an id.

Names and titles are looked up first, by their indexes and at most MOST of each. The result is the
rows with one of the ids found.
"""

import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchQuery
from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Collate, Lower

from commands.models import Auction, User
from commands.models.auctions import title_words

MOST = 50
# An id in a column without an index is looked for in so many of the latest rows.
LATEST = 100_000
WORD = re.compile(r"\w+")
HELP = f"Of the names and titles that fit, the latest {MOST} are looked for."


def as_id(text: str) -> UUID | None:
    """The id, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def users_named(users: QuerySet[User], beginning: str) -> QuerySet[User]:
    """Users whose name begins with the text, in any case."""
    return users.alias(lowered=Collate(Lower("username"), "C")).filter(
        lowered__startswith=beginning.lower()
    )


def auctions_titled(auctions: QuerySet[Auction], text: str) -> QuerySet[Auction]:
    """Auctions that have, for each word of the text, a word in their title that begins with it."""
    words = WORD.findall(text)
    if not words:
        return auctions.none()
    query = SearchQuery(
        " & ".join(f"{word}:*" for word in words), search_type="raw", config="simple"
    )
    return auctions.alias(words=title_words()).filter(words=query)


def user_ids(beginning: str) -> list[UUID]:
    """The ids of the latest users whose name begins with the text."""
    return _latest_ids(users_named(User.objects.all(), beginning))


def auction_ids(text: str) -> list[UUID]:
    """The ids of the latest auctions with these words in their title."""
    return _latest_ids(auctions_titled(Auction.objects.all(), text))


def among_latest(rows: QuerySet[Model], **wanted: object) -> list[Any]:
    """The keys of those of the LATEST rows of a table in which one of the columns has the value."""
    keys = rows.order_by("-pk").values_list("pk", flat=True)
    oldest = keys[LATEST : LATEST + 1].first()
    recent = rows if oldest is None else rows.filter(pk__gt=oldest)
    return list(recent.filter(any_of(wanted.items())).values_list("pk", flat=True)[:MOST])


def any_of(conditions: Iterable[tuple[str, object]]) -> Q:
    """Rows for which at least one of the conditions holds."""
    either = Q()
    for condition in conditions:
        either |= Q(condition)
    return either


def _latest_ids(rows: QuerySet[User] | QuerySet[Auction]) -> list[UUID]:
    return list(rows.order_by("-pk").values_list("pk", flat=True)[:MOST])
