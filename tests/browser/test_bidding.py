"""Placing and deleting bids: unusually large amounts have to be confirmed, and the focus is kept."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from portal.laptop.demo.client import PortalClient
from tests.browser.behind import Others
from tests.browser.windows import Windows


def entered(windows: Windows, bidder: PortalClient, **more: Any) -> Page:
    """A window in which that bidder is signed in, as before a reload; one for each session."""
    page = windows.open("/healthz", **more)
    session = json.dumps({"refreshToken": bidder.refresh_token, "user": bidder.user})
    page.evaluate("(session) => localStorage.setItem('portal.session', session)", session)
    return page


def window_of(windows: Windows, bidder: PortalClient, path: str = "/", **more: Any) -> Page:
    """A window on that path in which that bidder is signed in, and which knows what is unread."""
    page = entered(windows, bidder, **more)
    with page.expect_response(lambda answer: "unreadOnly" in (answer.request.post_data or "")):
        page.goto(path)
    return page


@pytest.fixture
def lot(behind: Others) -> str:
    """An auction whose leading bid is 99.00."""
    auction_id = behind.auction("A clock")
    behind.bid(behind.bidder(f"Bertha-{auction_id[-6:]}"), auction_id, "99.00")
    return auction_id


@pytest.fixture
def page(windows: Windows, behind: Others, lot: str) -> Page:
    """That auction, as Anton sees it, who has not bid yet."""
    return window_of(windows, behind.bidder(f"Anton-{lot[-6:]}"), f"/#/auction/{lot}")


def offer(page: Page, amount: str) -> None:
    """Type the amount and press Enter."""
    field = page.get_by_label("Your bid", exact=True)
    field.fill(amount)
    field.press("Enter")


def test_a_bid_far_above_the_leading_one_is_asked_about(page: Page) -> None:
    offer(page, "99999999")
    dialog = page.get_by_role("dialog", name="Bid 99,999,999.00?")
    expect(dialog).to_have_accessible_description(
        "That is 1,010,101 times the leading bid, which counts 99.00. "
        "If it wins, you pay 99,999,999.00."
    )

    # A second Enter is no yes, and nothing was placed.
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(page.get_by_label("Your bid", exact=True)).to_be_focused()
    expect(page.locator(".leading")).to_contain_text("99.00")
    expect(page.get_by_role("heading", name="Bids 1 by 1 bidder")).to_be_visible()

    page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="Change the amount")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your bid of 99,999,999.00 is placed, and it leads.")).to_be_visible()
    expect(page.locator(".leading")).to_contain_text("99,999,999.00")
    expect(page.get_by_label("Your bid", exact=True)).to_be_focused()
    nonce = page.locator('.history [data-kind="BidPlaced"] span').first.get_attribute("title")
    assert re.fullmatch("Nonce [0-9a-f]{32}", nonce or "")


def test_a_question_about_a_bid_goes_with_its_page(page: Page) -> None:
    offer(page, "500")
    expect(page.get_by_role("dialog")).to_contain_text("That is more than 5 times the leading bid")
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize(
    ("leading", "amount", "asked"),
    [
        ("99.00", "494.99", False),
        ("99.00", "495.00", True),
        ("9999.00", "9999.99", False),
        ("9999.00", "10000.00", True),
        (None, "9999.99", False),
        (None, "10000.00", True),
    ],
    ids=lambda value: str(value),
)
def test_asked_from_five_times_the_leading_bid_or_ten_thousand(
    windows: Windows, behind: Others, leading: str | None, amount: str, asked: bool
) -> None:
    auction_id = behind.auction("A lamp")
    if leading:
        behind.bid(behind.bidder(f"Berta-{auction_id[-6:]}"), auction_id, leading)
    page = window_of(windows, behind.bidder(f"Alma-{auction_id[-6:]}"), f"/#/auction/{auction_id}")
    expect(page.locator(".leading")).to_contain_text("leads" if leading else "No bids yet")
    offer(page, amount)
    if asked:
        page.get_by_role("dialog").get_by_role("button", name="Bid ").click()
    expect(page.locator(".outcome")).to_contain_text("is placed, and it leads.")


def test_after_deleting_a_bid_the_focus_is_on_the_next_control(page: Page) -> None:
    for amount in ("10", "20", "30"):
        offer(page, amount)
        expect(page.locator(".outcome")).to_contain_text(f"Your bid of {amount}.00 is placed")

    def delete(amount: str) -> None:
        page.get_by_role("button", name=f"Delete your bid of {amount}").focus()
        page.keyboard.press("Enter")
        page.get_by_role("dialog").get_by_role("button", name="Delete bid").press("Enter")
        expect(page.locator(".mine .deleted").filter(has_text=amount)).to_be_visible()

    delete("20.00")
    expect(page.get_by_role("button", name="Delete your bid of 10.00")).to_be_focused()

    delete("10.00")
    expect(page.get_by_role("button", name="Delete your bid of 30.00")).to_be_focused()
    delete("30.00")
    expect(page.get_by_label("Your bid", exact=True)).to_be_focused()
