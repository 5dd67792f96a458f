"""What a user watches, and where they lead, are outbid, won and lost."""

from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.browser.behind import Others
from tests.browser.people import nobody_yet, sign_up


def test_an_auction_is_watched_and_found_again(page: Page, behind: Others) -> None:
    title = f"Sextant {uuid4().hex[:8]}"
    auction = behind.auction(title, 3000)
    page.goto(f"/#/auction/{auction}")
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    expect(page.get_by_role("button", name="Watch this auction")).to_have_count(0)
    sign_up(page, nobody_yet("Wanda"))
    page.goto(f"/#/auction/{auction}")
    page.get_by_role("button", name="Watch this auction").click()
    expect(page.get_by_role("button", name="Stop watching")).to_be_visible()
    page.goto("/#/open")
    page.get_by_role("link", name="Yours").click()
    page.get_by_role("link", name="Watching").click()
    expect(page.locator(".card h2")).to_have_text([title])
    page.reload()
    page.locator(".card a").click()
    page.get_by_role("button", name="Stop watching").click()
    expect(page.get_by_role("button", name="Watch this auction")).to_be_visible()
    page.goto("/#/mine/watching")
    expect(page.get_by_text("You watch no auction.")).to_be_visible()


def test_an_auction_moves_from_one_list_to_the_other(page: Page, behind: Others) -> None:
    title, name = f"Quadrant {uuid4().hex[:8]}", nobody_yet("Lena")
    auction = behind.auction(title, 3000)
    sign_up(page, name)
    page.goto(f"/#/auction/{auction}")
    field = page.get_by_label("Your bid", exact=True)
    field.fill("10")
    field.press("Enter")
    expect(page.get_by_text("Your bid of 10.00 is placed, and it leads.")).to_be_visible()
    page.goto("/#/mine")
    cards = page.locator(".card h2")
    expect(cards).to_have_text([title])
    behind.bid(behind.bidder(nobody_yet("Olaf")), auction, "20.00")
    expect(cards).to_have_count(0)
    expect(page.get_by_text("You lead in no auction right now.")).to_be_visible()
    page.get_by_role("link", name="Outbid").click()
    expect(cards).to_have_text([title])
