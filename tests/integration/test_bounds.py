"""How much an operation asks for is measured in one pass, and the measure knows the whole schema."""

import pytest
from graphql import (
    DocumentNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLList,
    GraphQLObjectType,
    IntValueNode,
    build_schema,
    get_introspection_query,
    get_nullable_type,
    get_operation_ast,
    parse,
)

from portal.schema.bounds import LISTS, PAGES, Measure, Size, excess
from tests.servers import ROOT

SCHEMA = build_schema((ROOT / "schema.graphql").read_text())
# A page's entries are counted where its `first` is.
ENTRIES = {"edges"}


def size(query: str, **variables: int | None) -> Size:
    """Of the document's only operation."""
    document: DocumentNode = parse(query)
    operation = get_operation_ast(document)
    assert operation
    return Measure(document, variables).operation(operation)


def fields() -> dict[str, GraphQLField]:
    """All fields of the schema, by name."""
    return {
        name: field
        for kind in SCHEMA.type_map.values()
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__")
        for name, field in kind.fields.items()
    }


def usual(first: GraphQLArgument) -> int:
    """The page size that the schema names as the default."""
    assert first.ast_node
    assert isinstance(first.ast_node.default_value, IntValueNode)
    return int(first.ast_node.default_value.value)


def test_every_page_and_list_of_the_schema_is_known() -> None:
    paged = {
        name: usual(field.args["first"])
        for name, field in fields().items()
        if "first" in field.args
    }
    listed = {
        name
        for name, field in fields().items()
        if isinstance(get_nullable_type(field.type), GraphQLList)
    }
    assert paged == PAGES
    assert listed - ENTRIES - PAGES.keys() == LISTS


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        ("{ serverTime }", {}, Size(1, 0, 1)),
        ("{ a: serverTime b: serverTime }", {}, Size(1, 2, 2)),
        ("{ auction(id: 1) { id bids { edges { cursor } } } }", {}, Size(4, 0, 43, 1)),
        ("{ auction(id: 1, atVersion: 7) { id } }", {}, Size(2, 0, 22)),
        ("{ auction(id: 1, atVersion: 7) { bids(first: 1) { edges { cursor } } } }", {}, Size(4, 0, 524, 1)),
        ("{ auction(id: 1, atTime: 7) { ...f } } fragment f on Auction { x: bids(first: 0) { __typename } "
         "... { bids(first: 0) { __typename } } }", {}, Size(3, 1, 1023, 2)),
        ("{ auctions { edges { cursor } } }", {}, Size(3, 0, 41)),
        ('{ auctions(rule: PLAIN, priceTo: "9.00") { edges { cursor } } }', {}, Size(3, 0, 241)),
        ("{ auctions(first: 5) { edges { cursor } } }", {}, Size(3, 0, 11)),
        ("query ($n: Int) { auctions(first: $n) { edges { cursor } } }", {"n": 7}, Size(3, 0, 15)),
        ("query ($n: Int = 3) { auctions(first: $n) { edges { cursor } } }", {}, Size(3, 0, 7)),
        ("query ($n: Int) { auctions(first: $n) { edges { cursor } } }", {}, Size(3, 0, 41)),
        ("query ($n: Int = 3) { auctions(first: $n) { edges { cursor } } }", {"n": None}, Size(3, 0, 41)),
        ("{ auctions(first: 1000000) { edges { cursor } } }", {}, Size(3, 0, 201)),
        ("{ auctions(first: -5) { edges { cursor } } }", {}, Size(3, 0, 1)),
        ("{ me { notificationPreferences { kind } } }", {}, Size(3, 0, 22)),
        ("{ auction(id: 1) { myBids { id } } }", {}, Size(3, 0, 102)),
        ("{ auction(id: 1) { myBids(first: 3) { id } } }", {}, Size(3, 0, 5)),
        ("query ($n: Int) { chain(id: 1, first: $n) { hash } }", {"n": None}, Size(2, 0, 101)),
        ("{ ... { ...f } } fragment f on Query { x: serverTime }", {}, Size(1, 1, 1)),
        ("{ ...f } fragment f on Query { serverTime ...f }", {}, Size(1, 0, 1)),
        ("{ ...missing }", {}, Size()),
    ],
)  # fmt: skip
def test_an_operation_is_measured(
    query: str, variables: dict[str, int | None], expected: Size
) -> None:
    assert size(query, **variables) == expected


def test_fragments_that_double_at_each_link_are_measured_once() -> None:
    links = 80
    chain = "".join(
        f"fragment f{n} on Query {{ a: __typename ...f{n + 1} ...f{n + 1} }} " for n in range(links)
    )
    found = size(f"{{ ...f0 }} {chain} fragment f{links} on Query {{ serverTime }}")
    assert found.cost > 2**links
    assert found.aliases == 2**links - 1


def test_the_usual_introspection_is_within_bounds() -> None:
    assert excess(size(get_introspection_query())) is None


@pytest.mark.parametrize("found", [Size(depth=16), Size(aliases=31), Size(cost=10_001)])
def test_too_much_of_anything_is_refused(found: Size) -> None:
    refused = excess(found)
    assert refused
    assert (refused.extensions or {})["code"] == "BAD_USER_INPUT"
    assert "at most" in refused.message
