"""Which fields every reader may share: those that are declared, and no other."""

import pytest

from portal.schema import schema
from portal.schema.public import is_public, resolved_fields

# To declare another one, read its resolver: it must not ask the context who reads, nor tell the time.
DECLARED = {"Query.auction", "Query.auctions", "Query.winners", "Auction.bids"}
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


def test_exactly_those_fields_are_shared_that_were_looked_at() -> None:
    resolved = dict(resolved_fields(schema._schema))
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
