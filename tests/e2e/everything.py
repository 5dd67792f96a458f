"""All that a reader can be shown of an auction, asked for by the schema itself: a new field is asked for as well."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    get_named_type,
    is_interface_type,
    is_leaf_type,
    is_required_argument,
)

from portal.laptop.demo.client import PortalClient
from portal.schema import schema

TYPES = schema._schema
# Deeper than any type is nested without coming back to itself.
DEEPEST = 9
WHO = "bidder { id name username }"
CARD = f"{{ id title leadingBid {{ {WHO} }} winner {{ {WHO} }} }}"
LISTS = (
    f"{{ auctions(status: OPEN, first: 50) {{ edges {{ node {CARD} }} }} }}",
    f"{{ auctions(status: ENDED, order: NEWEST_ENDED, first: 50) {{ edges {{ node {CARD} }} }} }}",
    f'{{ auctions(search: "masked", rule: MASKED, first: 5) {{ edges {{ node {CARD} }} }} }}',
    f"{{ winners(first: 50) {{ edges {{ node {{ {WHO} bid {{ id {WHO} }} }} }} }} }}",
)
CHAIN = "query ($id: UUID!) { chain(id: $id) { content hash } }"


def selected(kind: GraphQLNamedType, above: tuple[str, ...] = ()) -> str:
    """All fields of a type that need no argument, and all of theirs, down to types that are above already."""
    if is_leaf_type(kind):
        return ""
    return f"{{ __typename {' '.join(_fields(kind, (*above, kind.name)))} }}"


def _fields(kind: GraphQLNamedType, above: tuple[str, ...]) -> Iterator[str]:
    fields: dict[str, GraphQLField] = getattr(kind, "fields", {})
    for name, field in fields.items():
        inner = get_named_type(field.type)
        asks = any(is_required_argument(each) for each in field.args.values())
        if asks or inner.name in above or len(above) > DEEPEST:
            continue
        yield f"{name} {selected(inner, above)}"


def of_an_auction(argument: str = "") -> Iterator[str]:
    """A query for each field of an auction, so that none costs too much."""
    kind = TYPES.get_type("Auction")
    for name, field in getattr(kind, "fields", {}).items():
        inner = selected(get_named_type(field.type), ("Auction",))
        yield f"query ($id: UUID!) {{ auction(id: $id{argument}) {{ {name} {inner} }} }}"


async def shown_of(reader: PortalClient, auction_id: str, versions: int) -> str:
    """All of it, now and at each of its versions, one after the other as text; what is refused, too."""
    places = ("", *(f", atVersion: {number}" for number in range(1, versions + 1)))
    queries = [each for argument in places for each in of_an_auction(argument)]
    found = [await _asked(reader, query, auction_id) for query in (*queries, CHAIN)]
    found += [await _asked(reader, query, None) for query in LISTS]
    return "\n".join([*found, await _followed(reader, auction_id, versions)])


async def _asked(reader: PortalClient, query: str, auction_id: str | None) -> str:
    variables = {"id": auction_id} if auction_id else {}
    text = (await reader.post({"query": query, "variables": variables})).text
    assert "GRAPHQL_" not in text, (query, text)
    return text


async def _followed(reader: PortalClient, auction_id: str, versions: int) -> str:
    """All events so far, of each type by itself with all that it tells, and the present state."""
    interface = TYPES.get_type("AuctionEvent")
    assert is_interface_type(interface)
    fields = [
        f"... on {each.name} {selected(each)}" for each in TYPES.get_possible_types(interface)
    ]
    events = [f"auctionEvents(id: $id) {{ __typename {each} }}" for each in fields]
    found = [await _first(reader, each, auction_id, versions) for each in events]
    found.append(await _first(reader, f"auctionUpdated(id: $id) {CARD}", auction_id, 1))
    return "\n".join(found)


async def _first(reader: PortalClient, field: str, auction_id: str, count: int) -> str:
    query, found = f"subscription ($id: UUID!) {{ {field} }}", list[str]()
    async with asyncio.timeout(30), aclosing(reader.subscribe(query, id=auction_id)) as results:
        async for data in results:
            found.append(str(data))
            if len(found) == count:
                break
    return "\n".join(found)
