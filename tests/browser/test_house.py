"""What the house does to an auction, as bidders see it on its page."""

import re

from playwright.sync_api import expect

from portal.laptop.demo.client import PAUSE_AUCTION, RESUME_AUCTION, REVISE_AUCTION
from tests.browser.behind import Others
from tests.browser.test_bidding import window_of
from tests.browser.windows import Windows

FLOOD, DRY = "A flood in the hall", "It is dry again"


def test_a_pause_is_told_and_its_clock_stands_still(windows: Windows, behind: Others) -> None:
    lot = behind.auction("A spinet")
    anton = behind.bidder(f"Anton-{lot[-6:]}")
    behind.bid(anton, lot, "10.00")
    page = window_of(windows, anton, f"/#/auction/{lot}")
    countdown, delete = (
        page.locator(".countdown"),
        page.get_by_role("button", name=re.compile("^Delete")),
    )
    expect(countdown).to_have_text(re.compile(r"^\d+ m \d\d s left$"))
    expect(delete).to_be_visible()

    behind.command(PAUSE_AUCTION, auctionId=lot, reason=FLOOD)
    expect(countdown).to_have_text(re.compile(r"^Paused, \d+ m \d\d s left$"))
    expect(page.locator(".span")).to_contain_text(FLOOD)
    expect(page.locator(".history li").first).to_contain_text(
        f"The house paused the auction: {FLOOD}"
    )
    expect(page.get_by_label("Your bid", exact=True)).to_be_hidden()
    expect(delete).to_have_count(0)
    expect(page.locator(".leading")).to_contain_text("You lead")

    behind.command(RESUME_AUCTION, auctionId=lot, reason=DRY)
    expect(page.locator(".history li").first).to_contain_text(DRY)
    expect(countdown).to_have_text(re.compile(r"^\d+ m \d\d s left$"))
    expect(page.get_by_label("Your bid", exact=True)).to_be_visible()
    expect(delete).to_be_visible()
    expect(page.locator(".span")).to_contain_text("extended from")


def test_paused_auctions_have_a_list_of_their_own(windows: Windows, behind: Others) -> None:
    lot = behind.auction("A harmonium")
    behind.command(PAUSE_AUCTION, auctionId=lot, reason=FLOOD)
    page = window_of(windows, behind.bidder(f"Berta-{lot[-6:]}"), "/#/paused")
    card = page.locator(".card", has_text="A harmonium")
    expect(card.locator(".chip")).to_have_text("Paused")
    behind.command(RESUME_AUCTION, auctionId=lot, reason=DRY)
    expect(card.locator(".chip")).to_have_text(re.compile("left$"))
    page.get_by_role("link", name="Open", exact=True).click()
    expect(page.locator(".card", has_text="A harmonium")).to_be_visible()


def test_a_revision_is_told_with_what_was_before(windows: Windows, behind: Others) -> None:
    lot = behind.auction("A celesta", description="Cherry")
    page = window_of(windows, behind.bidder(f"Anton-{lot[-6:]}"), f"/#/auction/{lot}")
    expect(page.get_by_role("heading", name="A celesta")).to_be_visible()
    changes = {"title": "A dulcitone", "description": "Oak", "rules": {"startingPrice": "10.00"}}
    behind.command(REVISE_AUCTION, auctionId=lot, **changes)
    expect(page.get_by_role("heading", name="A dulcitone")).to_be_visible()
    expect(page.locator(".about > .description")).to_have_text("Oak")
    told = page.locator(".history li[data-kind=AuctionRevised]")
    expect(told).to_contain_text("The house revised the auction: the title was “A celesta”")
    told.get_by_text("the description as it was").click()
    expect(told.get_by_text("Cherry")).to_be_visible()
    page.get_by_text("Rules of this auction").click()
    expect(page.locator(".rules li", has_text="Bids start at 10.00.")).to_be_visible()
    expect(page.locator("#amount-hint")).to_contain_text("10.00")
