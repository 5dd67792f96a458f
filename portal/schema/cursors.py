"""Cursors: opaque texts for a place in a list, after which the next page begins."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeAlias, TypeVar
from uuid import UUID

import strawberry

from portal.errors import bad_input

USUAL_PAGE = 20
LARGEST_PAGE = 100
AMOUNT = re.compile(r"[0-9]{1,12}\.[0-9]{2}")
VERSION = re.compile(r"[0-9]{1,18}")

Node = TypeVar("Node")
Item = TypeVar("Item")

First: TypeAlias = Annotated[
    int | None,
    strawberry.argument(
        description="The most entries that the page may have, from 1 to 100; null means 20."
    ),
]
FirstHundred: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description="The most entries, from 1 to 100; null means 100."),
]
After: TypeAlias = Annotated[
    str | None,
    strawberry.argument(description="The endCursor of the page before; null for the first page."),
]


@strawberry.type(description="Where a page ends, and whether there is more behind it.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there are entries behind the page.")
    end_cursor: str | None = strawberry.field(
        description="What `after` takes for the next page; null if this one is empty and the last."
    )


@strawberry.type(description="An entry of a page.")
class Edge(Generic[Node]):
    cursor: str = strawberry.field(description="Its place in the list, opaque, for `after`.")
    node: Node = strawberry.field(description="The entry itself.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[Node]):
    edges: list[Edge[Node]] = strawberry.field(description="Its entries, in the list's order.")
    page_info: PageInfo = strawberry.field(description="Where it ends, and whether there is more.")


def page_size(first: int | None, usual: int = USUAL_PAGE) -> int:
    """The page size that was asked for, or the default; BAD_USER_INPUT below 1 or above LARGEST_PAGE."""
    if first is None:
        return usual
    if not 1 <= first <= LARGEST_PAGE:
        raise bad_input("first", f"a page holds 1 to {LARGEST_PAGE} entries, not {first}")
    return first


def cursor(*place: object) -> str:
    """The place as an opaque text."""
    return base64.urlsafe_b64encode(
        json.dumps([_written(part) for part in place]).encode()
    ).decode()


def _written(part: object) -> str:
    return part.isoformat() if isinstance(part, datetime) else str(part)


def place(after: str | None, *readers: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """The place in a cursor, each part parsed by its reader; BAD_USER_INPUT for another list's cursor."""
    if after is None:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(after.encode()))
        if len(parts) != len(readers) or not all(isinstance(part, str) for part in parts):
            raise ValueError(parts)
        values = tuple(read(part) for read, part in zip(readers, parts, strict=True))
        # Readers take more forms of a value than the one we write.
        if cursor(*values) != after:
            raise ValueError(parts)
        return values
    except (ValueError, TypeError, RecursionError, OverflowError, binascii.Error):
        raise bad_input("after", "this cursor did not come from this list") from None


def read_time(text: str) -> datetime:
    """A time in a cursor, which is in UTC."""
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() != timedelta(0):
        raise ValueError(text)
    return moment


def read_amount(text: str) -> Decimal:
    """An amount in a cursor; a doubled one may be larger than any that can be bid."""
    if not AMOUNT.fullmatch(text):
        raise ValueError(text)
    return Decimal(text)


def read_version(text: str) -> int:
    """A version in a cursor."""
    if not VERSION.fullmatch(text):
        raise ValueError(text)
    return int(text)


def exactly(name: str) -> Callable[[str], str]:
    """Reads nothing but that name: a list that comes in several orders names them in its cursors."""

    def read(text: str) -> str:
        if text != name:
            raise ValueError(text)
        return text

    return read


PLACE_IN_BIDS = (read_amount, read_version)
PLACE_IN_OWN_BIDS = (read_version,)
PLACE_IN_LEADS = (read_version,)
PLACE_IN_WINNERS = (read_time, UUID)
PLACE_IN_NOTIFICATIONS = (read_time, UUID)
PLACE_IN_SESSIONS = (read_time, UUID)
PLACE_IN_ALIASES = (read_version,)
PLACE_IN_OWN_ALIASES = (UUID,)


def connection(
    found: Sequence[Item],
    first: int,
    node: Callable[[Item], Node],
    place_of: Callable[[Item], tuple[object, ...]],
    *,
    more: bool | None = None,
    rest: tuple[object, ...] | None = None,
) -> Connection[Node]:
    """A page of at most `first` entries out of the found ones.

    Of these, one more than `first` tells that there is more, unless `more` says so. `rest` is the place after
    which it goes on, if that need not be the last entry's.
    """
    edges = [Edge(cursor=cursor(*place_of(item)), node=node(item)) for item in found[:first]]
    last = edges[-1].cursor if edges else None
    return Connection(
        edges=edges,
        page_info=PageInfo(
            has_next_page=len(found) > first if more is None else more,
            end_cursor=cursor(*rest) if rest else last,
        ),
    )
