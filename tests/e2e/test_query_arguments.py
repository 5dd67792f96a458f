"""Unusual arguments of queries: searches, versions, and cursors of other orders."""

import asyncio
from typing import get_args

import pytest

from portal.laptop.demo.client import (
    PortalClient,
    Refused,
)
from projections.mongo.listing import AuctionOrder
from tests.e2e.acting import create_auction
from tests.e2e.bad_values import (
    NOWHERE,
)


@pytest.mark.parametrize("search", ["%", ".*", "$where", "\\", '"', "(", "clock -", "日本"])
async def test_a_search_takes_any_words_literally(nobody: PortalClient, search: str) -> None:
    query = "query ($s: String) { auctions(search: $s) { edges { node { title } } } }"
    found = await nobody.execute(query, s=search)
    assert all(
        word in edge["node"]["title"].lower()
        for edge in found["auctions"]["edges"]
        for word in search.split()
        if word.isalnum()
    )


@pytest.mark.parametrize("at_least", [None, 1, 99, 0, -1])
async def test_an_auction_that_does_not_exist_is_null_whatever_version_is_asked_for(
    carol: PortalClient, at_least: int | None
) -> None:
    query = "query ($id: UUID!, $v: Int) { auction(id: $id, atLeastVersion: $v) { id } }"
    assert await carol.execute(query, id=NOWHERE, v=at_least) == {"auction": None}


ORDERS = get_args(AuctionOrder)
ORDERED = """query ($order: AuctionOrder, $after: String) {
  auctions(order: $order, after: $after) { edges { cursor } } }"""


@pytest.mark.parametrize(("one", "other"), [(a, b) for a in ORDERS for b in ORDERS if a != b])
async def test_a_cursor_of_another_order_is_refused(
    carol: PortalClient, one: str, other: str
) -> None:
    await create_auction(carol)
    page = await carol.execute(ORDERED, order=one)
    after = page["auctions"]["edges"][0]["cursor"]
    assert await carol.execute(ORDERED, order=one, after=after)
    with pytest.raises(Refused, match="did not come from this list") as refused:
        await carol.execute(ORDERED, order=other, after=after)
    assert refused.value.errors[0]["extensions"] == {"code": "BAD_USER_INPUT", "field": "after"}


async def test_a_version_that_does_not_come_is_unavailable_after_a_bounded_wait(
    carol: PortalClient,
) -> None:
    auction_id = await create_auction(carol)
    query = "query ($id: UUID!) { auction(id: $id, atLeastVersion: 99) { id } }"
    # Several at once: a cancellation that a driver swallows must not make one of them wait for ever.
    answers = await asyncio.gather(
        *(carol.execute(query, id=auction_id) for _ in range(10)), return_exceptions=True
    )
    assert [getattr(answer, "code", answer) for answer in answers] == ["UNAVAILABLE"] * 10
