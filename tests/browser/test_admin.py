"""Admin as an auctioneer uses it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import findings
from tests.browser.windows import Windows
from tests.conftest import PASSWORD

PAGES = (
    "auction/",
    "auction/add/",
    "bid/",
    "job/",
    "event/",
    "event/?kind=policies",
    "event/latest/",
    "user/",
    "promoterpolicy/",
    "promoterpolicy/add/",
)


def signed_in(page: Page, auctioneer: str) -> Page:
    """The window, with the auctioneer signed in."""
    page.get_by_label("Username").fill(auctioneer)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Auctions, jobs and schedules")).to_be_visible()
    return page


def test_an_auction_is_created_by_the_labels_of_the_form(windows: Windows, auctioneer: str) -> None:
    admin = signed_in(windows.open("/admin/"), auctioneer)
    admin.goto("/admin/commands/auction/add/")
    admin.get_by_label("Title").fill("A brass lamp, made in a browser")
    ends = admin.get_by_role("group", name="Ends")
    ends.get_by_label("Date").fill("2020-01-31")
    ends.get_by_label("Time").fill("18:00:00")
    admin.get_by_role("button", name="Create auction").click()
    refused = admin.locator(".errornote")
    expect(refused).to_have_text(
        re.compile(
            r"^It would start at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC and end at "
            r"2020-01-31 18:00:00 UTC; an auction starts now or later and ends after it starts\.$"
        )
    )
    ends.get_by_label("Date").fill("2099-01-31")
    admin.get_by_role("button", name="Create auction").click()
    expect(admin.get_by_text("Created A brass lamp, made in a browser.")).to_be_visible()


def try_rules(admin: Page) -> None:
    """Choose a preset and a rule, write bids, and ask what it means."""
    admin.goto("/admin/commands/auction/add/")
    admin.get_by_role("radio", name="English").check()
    admin.locator("summary", has_text="Starting price").click()
    admin.get_by_label("Starting price").fill("50")
    admin.locator("summary", has_text="Try it").click()
    admin.get_by_label("Bids").fill("alice 40\nalice 50\nbob 55, 30 s before the end")
    admin.get_by_role("button", name="Show what this means").click()


def test_rules_are_tried_before_an_auction_is_created(windows: Windows, auctioneer: str) -> None:
    admin = signed_in(windows.open("/admin/"), auctioneer)
    try_rules(admin)
    meaning = admin.locator("#meaning")
    expect(meaning.get_by_role("listitem").filter(has_text="Bids start at 50.00.")).to_be_visible()
    expect(meaning.locator("tbody tr")).to_have_text(
        [
            "alice 40Refused: 40.00 is below the starting price, 50.00.",
            "alice 50leads",
            "bob 55, 30 s before the endleads; the end moves by 60 s",
            "the endbob wins and pays 55.00",
        ]
    )
    # What was chosen is still there, and what is closed can be opened.
    expect(admin.get_by_role("radio", name="English")).to_be_checked()
    expect(admin.get_by_label("Starting price")).to_have_value("50")
    expect(admin.get_by_label("Window/extension/times")).to_be_hidden()
    admin.locator("summary", has_text="Soft close").click()
    expect(admin.get_by_label("Window/extension/times")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_a_form_that_was_asked_fits_and_is_accessible(
    windows: Windows, auctioneer: str, width: int
) -> None:
    admin = signed_in(windows.open("/admin/", width=width, bypass_csp=True), auctioneer)
    try_rules(admin)
    expect(admin.get_by_text("What would happen", exact=True)).to_be_visible()
    assert admin.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert findings(admin, "#content", serious=True) == []


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_the_window(windows: Windows, auctioneer: str, width: int) -> None:
    admin = signed_in(windows.open("/admin/", width=width), auctioneer)
    for path in PAGES:
        admin.goto(f"/admin/commands/{path}")
        assert admin.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_pages_have_no_serious_accessibility_findings(windows: Windows, auctioneer: str) -> None:
    # axe measures with inline styles, which the policy refuses.
    admin = signed_in(windows.open("/admin/", bypass_csp=True), auctioneer)
    for path in PAGES:
        admin.goto(f"/admin/commands/{path}")
        assert findings(admin, "#content", serious=True) == [], path
