"""A bidder with a limit reads on the page what is left of it, near the form and in their account."""

from playwright.sync_api import expect

from tests.browser.behind import Others
from tests.browser.test_bidding import offer, window_of
from tests.browser.windows import Windows
from tests.e2e.test_bans import id_of
from tests.e2e.test_exposure import LIFT, LIMIT, REASON


def test_what_is_left_is_told_and_follows_ones_own_bids(windows: Windows, behind: Others) -> None:
    here, there = behind.auction("A violin"), behind.auction("A cello")
    anton = behind.bidder(f"Anton-{here[-6:]}")
    user_id = behind.run(id_of(anton))
    behind.bid(anton, there, "60.00")
    behind.command(LIMIT, userId=user_id, amount="1000", reason=REASON)
    page = window_of(windows, anton, f"/#/auction/{here}")
    note = page.get_by_text("The house lets you bid 1,000.00 in all open auctions together.")
    expect(note).to_contain_text("60.00 of it is used, and here you can bid 940.00 at most.")
    offer(page, "940.01")
    expect(page.get_by_role("alert")).to_have_text(
        "It would take you above your limit of 1,000.00 for all open auctions together: "
        "60.00 of it is used, and here you can bid 940.00 at most."
    )
    offer(page, "40.00")
    expect(note).to_contain_text("100.00 of it is used, and here you can bid 940.00 at most.")
    page.get_by_role("button", name="Delete your bid of 40.00").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete bid").click()
    expect(note).to_contain_text("60.00 of it is used")

    page.goto("/#/account")
    section = page.get_by_role("region", name="Your limit")
    expect(section).to_contain_text("You can bid 1,000.00 in all open auctions together, and 60.00")
    expect(section).to_contain_text(REASON)
    behind.command(LIFT, userId=user_id)
    page.goto(f"/#/auction/{there}")
    expect(page.get_by_label("Your bid", exact=True)).to_be_visible()
    expect(note).to_be_hidden()
