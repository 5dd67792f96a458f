"""Which fields every reader may share: those that are declared, and no other."""

from collections.abc import Iterator

import pytest
from graphql import DocumentNode, GraphQLField
from graphql.language.parser import Parser

from portal.schema import schema
from portal.schema.public import is_public, of_the_reader, strawberry_field
from projections.wiring import catch_up
from tests.integration.following import STATE
from tests.integration.in_process import InProcessPortal
from tests.integration.sockets import web

# To declare another one, read its resolver: it must not ask the context who reads, nor tell the time.
DECLARED = {
    *("Query.auction", "Query.auctions", "Query.winners"),
    *("Auction.bids", "Auction.whyWinner", "WhyWinner.leads", "BidDraw.beaconRound"),
    # What is offered depends on the auction's status, which is in the same answer.
    *("Auction.rules", "Auction.nextBids", "Auction.buyNowPrice"),
}
OURS = '{ auction(id: "01890a5d-ac96-774b-bcce-b302099a8057") { id status bids { edges { cursor } } } }'
NOT_SHARED = (
    "{ serverTime }",
    "{ __typename }",
    "{ __schema { types { name } } }",
    "{ me { id } }",
    "{ auctions { edges { node { id } } } serverTime }",
    "{ auctions { edges { node { myBids { id } } } } }",
    "{ auctions { edges { node { ...Own } } } } fragment Own on Auction { own: myBidsConnection { pageInfo { endCursor } } }",
    "{ auctions { edges { node { ... on Auction { myBids { id } } } } } }",
    "{ auctions { edges { node { unknown } } } }",
    "mutation { logout }",
    "subscription { auctionsUpdated { id } }",
    "{ auctions { ",
    "",
)


def resolved_fields() -> Iterator[tuple[str, bool]]:
    """Each field with a resolver of its own, like "Auction.bids", and whether it is declared PUBLIC."""
    for type_ in schema._schema.type_map.values():
        for name, field in getattr(type_, "fields", {}).items():
            declared = strawberry_field(field) if isinstance(field, GraphQLField) else None
            if declared and declared.base_resolver:
                yield f"{type_.name}.{name}", not of_the_reader(field)


def test_exactly_those_fields_are_shared_that_were_looked_at() -> None:
    resolved = dict(resolved_fields())
    assert {name for name, public in resolved.items() if public} == DECLARED
    assert {"Query.me", "Query.serverTime", "Auction.myBids", "User.email"} <= resolved.keys()


@pytest.mark.parametrize("query", NOT_SHARED)
def test_an_operation_with_anything_else_is_not_shared(query: str) -> None:
    assert not is_public(schema._schema, query, None)


def test_the_named_operation_decides() -> None:
    two = f"query Ours {OURS} query Mine {{ me {{ id }} }}"
    assert is_public(schema._schema, OURS, None)
    assert is_public(schema._schema, two, "Ours")
    for name in ("Mine", "Nobodys", None):
        assert not is_public(schema._schema, two, name)


async def test_a_text_is_parsed_once_whether_it_is_followed_shared_or_asked_again(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    auction, parse, texts = in_process.auction(), Parser.parse_document, []
    catch_up(auction)

    def noted(parser: Parser) -> DocumentNode:
        texts.append(parser._lexer.source.body)
        return parse(parser)

    monkeypatch.setattr(Parser, "parse_document", noted)
    followed, shared = f"{STATE} # {auction.id}", f"{OURS} # {auction.id}"
    async with web() as process, process.connected() as client:
        for number in ("1", "2"):
            client.subscribe(number, followed, id=str(auction.id))
            await client.got("next", number)
        assert is_public(schema._schema, shared, None)
        for number in ("3", "4"):
            client.subscribe(number, shared)
            await client.got("next", number)
    assert [texts.count(each) for each in (followed, shared)] == [1, 1]
