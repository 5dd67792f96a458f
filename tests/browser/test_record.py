"""The event browser in a window: from a stream to a request, on wide and narrow screens."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import findings
from tests.browser.behind import Others
from tests.browser.people import nobody_yet
from tests.browser.test_admin import signed_in
from tests.browser.windows import Windows


def fits(page: Page) -> bool:
    """Whether the page is no wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("width", [390, 1280])
def test_a_bid_is_found_by_its_auction_and_followed_to_its_notices(
    windows: Windows, auctioneer: str, behind: Others, width: int
) -> None:
    title, name = nobody_yet("A brass clock"), nobody_yet("alice")
    auction_id = behind.auction(title)
    behind.bid(behind.bidder(name), auction_id, "12.50")
    admin = signed_in(windows.open("/admin/", width=width, bypass_csp=True), auctioneer)
    admin.get_by_role("link", name="Record", exact=True).click()
    admin.get_by_label("Search the record").fill(title)
    admin.get_by_role("button", name="Search").click()
    assert fits(admin)
    admin.get_by_role("link", name=title).click()
    expect(admin.get_by_text("Each of the 2 events shown here fits")).to_be_visible()
    assert fits(admin)
    assert findings(admin, "#content", serious=True) == []
    admin.get_by_role("row", name="BidPlaced").get_by_role("link", name="…").click()
    expect(admin.get_by_text(f"{name} asked for PlaceBid")).to_be_visible()
    assert fits(admin)
    assert findings(admin, "#content", serious=True) == []
