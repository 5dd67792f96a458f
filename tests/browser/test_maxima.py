"""The page of an auction in which maxima bid: the user's own is shown to them, and what is placed for them is marked."""

import pytest
from playwright.sync_api import Page, expect

from portal.laptop.demo.client import SET_MAXIMUM
from tests.browser.behind import Others
from tests.browser.test_bidding import offer, window_of
from tests.browser.windows import Windows

MAXIMA = {
    "startingPrice": "10.00",
    "increments": {"overLeader": [{"step": "1.00"}]},
    "proxyBids": True,
}


@pytest.fixture
def lot(behind: Others) -> str:
    """An auction in which nobody has bid yet."""
    return behind.auction("A viola", rules=MAXIMA)


@pytest.fixture
def page(windows: Windows, behind: Others, lot: str) -> Page:
    """Its page, as Anton sees it."""
    return window_of(windows, behind.bidder(f"Anton-{lot[-6:]}"), f"/#/auction/{lot}")


def set_maximum(page: Page, amount: str) -> None:
    """Type the amount and press Enter."""
    field = page.get_by_label("Bid up to", exact=True)
    field.fill(amount)
    field.press("Enter")


def test_a_maximum_bids_and_is_shown_to_its_bidder_alone(
    windows: Windows, behind: Others, lot: str, page: Page
) -> None:
    hint, outcome = page.locator("#maximum-hint"), page.locator(".maximum .outcome")
    expect(hint).to_contain_text("Nobody else sees how far. From 10.00 on.")
    set_maximum(page, "9.00")
    expect(page.locator("#maximum-wrong")).to_contain_text("no lower than")
    set_maximum(page, "50")
    expect(outcome).to_have_text("The auction bids for you, up to 50.00.")
    expect(hint).to_have_text("Your maximum is 50.00. Nobody else sees it.")
    expect(page.locator(".mine li")).to_contain_text(["placed for you"])

    bertha = behind.bidder(f"Bertha-{lot[-6:]}")
    theirs = window_of(windows, bertha, f"/#/auction/{lot}")
    expect(theirs.locator(".history li").first).to_contain_text("10.00 was placed for Anton")
    offer(theirs, "20.00")
    expect(theirs.locator(".bid .outcome")).to_have_text(
        "Your bid of 20.00 is placed and counts. The leading bid counts 21.00."
    )
    expect(theirs.locator("#maximum-hint")).to_contain_text("From 22.00 on.")
    expect(page.locator(".history li").first).to_contain_text("21.00 was placed for you")
    expect(page.locator(".mine .number")).to_have_text(["21.00", "10.00"])

    behind.run(bertha.command(SET_MAXIMUM, auctionId=lot, amount="60.00"))
    expect(page.locator(".history li").first).to_contain_text("Your maximum bids no more")
    expect(hint).to_contain_text("The auction bids for you, no more than it takes to lead.")
    expect(page.locator(".leading .price")).to_have_text("51.00")
    assert "60.00" not in page.locator("main").inner_text()


def test_a_maximum_can_be_taken_back(page: Page) -> None:
    set_maximum(page, "50.00")
    back = page.get_by_role("button", name="Take it back")
    back.click()
    expect(page.locator(".maximum .outcome")).to_have_text(
        "The auction bids for you no more. Bids that are placed stay."
    )
    expect(back).to_be_hidden()
    expect(page.locator("#maximum-hint")).to_contain_text("From 11.00 on.")


def test_elsewhere_there_is_no_such_form(windows: Windows, behind: Others) -> None:
    plain = behind.auction("A chair", rules={"increments": {}})
    page = window_of(windows, behind.bidder(f"Cora-{plain[-6:]}"), f"/#/auction/{plain}")
    expect(page.locator(".rules summary")).to_be_visible()
    expect(page.get_by_label("Bid up to", exact=True)).to_have_count(0)
