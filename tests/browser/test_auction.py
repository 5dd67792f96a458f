"""An auction from sign-up to its winner, with two bidders in two windows."""

import time

from playwright.sync_api import Page, expect

from tests.browser.behind import Others
from tests.browser.people import nobody_yet, sign_up
from tests.browser.windows import Windows


def bid(page: Page, amount: str) -> None:
    """Place a bid through the form."""
    page.get_by_label("Your bid", exact=True).fill(amount)
    page.get_by_role("button", name=f"Bid {amount}").click()
    expect(page.locator(".outcome")).to_contain_text(f"Your bid of {amount}.00 is placed")


def says(page: Page, text: str, amount: str = "") -> None:
    """Wait until it says who leads, with how much."""
    expect(page.locator(".leading")).to_have_text(text + amount)


def test_two_bidders_from_signing_up_to_the_winner(windows: Windows, behind: Others) -> None:
    anton, berta, title = nobody_yet("Anton"), nobody_yet("Berta"), nobody_yet("Music box")
    begun = time.monotonic()
    one, other = windows.open(), windows.open(width=390)
    sign_up(one, anton)
    sign_up(other, berta)
    # As long as what follows takes, on a slow machine, too.
    seconds = 10 + 3 * (time.monotonic() - begun)
    auction = behind.auction(title, seconds)
    for page in (one, other):
        page.get_by_role("link", name=title).click()
        says(page, "No bids yet. Yours could be the first.")

    bid(one, "100")
    says(one, "You lead", "100.00")
    says(other, f"{anton} leads", "100.00")
    bid(other, "120")
    says(other, "You lead", "120.00")
    says(one, f"{berta} leads", "120.00")
    expect(one.locator(".outbid")).to_have_text("You are outbid by 20.00")
    bid(one, "150")
    says(other, f"{anton} leads", "150.00")
    expect(other.locator(".outbid")).to_have_text("You are outbid by 30.00")
    expect(one.locator(".outbid")).to_be_hidden()

    one.get_by_role("button", name="Delete your bid of 150.00").click()
    one.get_by_role("dialog").get_by_role("button", name="Delete bid").click()
    says(one, f"{berta} leads", "120.00")
    says(other, "You lead", "120.00")
    expect(one.locator(".ranking li")).to_have_count(2)

    other.locator(".leading.won").wait_for(timeout=1000 * (seconds + 20))
    says(other, "You won. Congratulations!", "120.00")
    says(one, f"Sold to {berta}", "120.00")
    for page in (one, other):
        expect(page.locator(".history li").first).to_contain_text("won, for 120.00")
        expect(page.get_by_label("Your bid", exact=True)).to_be_hidden()
        page.get_by_role("link", name="Winners").click()
        row = page.get_by_role("row").filter(has_text=title)
        expect(row).to_contain_text("120.00")
    expect(row.get_by_role("link")).to_have_attribute("href", f"#/auction/{auction}")
