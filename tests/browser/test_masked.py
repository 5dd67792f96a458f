"""The page of a masked auction: others are numbers, and oneself is oneself, in lists too."""

import pytest
from playwright.sync_api import expect

from portal.laptop.demo.client import PortalClient
from tests.browser.behind import Others
from tests.browser.people import nobody_yet
from tests.browser.test_bidding import offer, window_of
from tests.browser.windows import Windows


@pytest.fixture
def bertha(behind: Others) -> PortalClient:
    """Somebody else who bids."""
    return behind.bidder(nobody_yet("Bertha"))


@pytest.fixture
def lot(behind: Others, bertha: PortalClient) -> str:
    """A masked auction in which she bid 10.00."""
    auction_id = behind.auction(nobody_yet("Masked ball"), rules={"masked": {}})
    behind.bid(bertha, auction_id, "10.00")
    return auction_id


def test_others_are_numbers_and_the_user_is_you(
    windows: Windows, behind: Others, bertha: PortalClient, lot: str
) -> None:
    page = window_of(windows, behind.bidder(nobody_yet("Anton")), f"/#/auction/{lot}")
    expect(page.get_by_text("Bidder 1 leads")).to_be_visible()
    offer(page, "20.00")
    expect(page.get_by_text("You lead")).to_be_visible()
    expect(page.locator("li.own .who").first).to_have_text("You")
    expect(page.locator(".history")).to_contain_text("Bidder 1 bid 10.00")
    expect(page.locator(".history")).to_contain_text("You bid 20.00")
    assert bertha.user["username"] not in page.content()
    page.goto(f"{page.url.partition('#')[0]}#/open/newest")
    page.reload()
    card = page.locator("li.card", has=page.locator(f'a[href="#/auction/{lot}"]'))
    expect(card).to_contain_text("Leading: you")


def test_whoever_is_not_signed_in_sees_numbers(windows: Windows, lot: str) -> None:
    page = windows.open(f"/#/auction/{lot}")
    expect(page.get_by_text("Bidder 1 leads")).to_be_visible()
