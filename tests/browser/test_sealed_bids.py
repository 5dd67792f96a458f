"""The page of an auction with sealed bids: amounts are told to nobody else before the end, and then to all."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.behind import Others
from tests.browser.test_bidding import offer, window_of
from tests.browser.windows import Windows

VICKREY = {"preset": "VICKREY", "startingPrice": "5.00"}


@pytest.fixture
def lot(behind: Others) -> str:
    """An auction with sealed bids, in which Bertha has one of 20.00; it ends soon."""
    bertha = behind.bidder(f"Bertha-{behind.auction('A stool')[-6:]}")
    auction_id = behind.auction("A violin", seconds=25, rules=VICKREY)
    behind.bid(bertha, auction_id, "20.00")
    return auction_id


@pytest.fixture
def page(windows: Windows, behind: Others, lot: str) -> Page:
    """Its page, as Anton sees it, who has not bid yet."""
    return window_of(windows, behind.bidder(f"Anton-{lot[-6:]}"), f"/#/auction/{lot}")


def test_amounts_are_hidden_until_the_end(page: Page) -> None:
    label, ranking = page.locator(".leading .label"), page.locator("ol.ranking .number")
    expect(label).to_have_text("Amounts are hidden until the end")
    expect(ranking).to_have_text(["sealed"])
    offers = page.get_by_role("group", name="Amounts that would lead").get_by_role("button")
    expect(offers).to_have_text(["5.00"])
    expect(page.locator("#amount-hint")).to_have_text(
        "Nobody sees the amount until the end, and you have one bid. Bids start at 5.00."
    )
    offer(page, "30.00")
    expect(page.locator(".bid .outcome")).to_have_text("Your sealed bid of 30.00 is placed.")
    expect(page.locator(".mine .number")).to_have_text("30.00, sealed")
    expect(page.locator("#amount-hint")).to_have_text(
        "You have a bid here. Delete it to place another."
    )
    expect(ranking).to_have_text(["sealed", "sealed"])
    expect(page.locator(".history li").first).to_contain_text("You placed a sealed bid")
    expect(label).to_have_text("You won. Congratulations!", timeout=40_000)
    expect(page.locator(".leading .price")).to_contain_text("pays 20.00")
    expect(ranking).to_have_text(["30.00", "20.00"])
    expect(page.locator(".history li").first).to_contain_text("You won, for 20.00")
    expect(page.locator(".why .result")).to_contain_text(
        "won with 30.00, and pays 20.00, what the next bid offers"
    )
