"""The page of an auction with rules: it says what the portal says of them, and offers what the portal offers."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.behind import Others
from tests.browser.test_bidding import offer, window_of
from tests.browser.windows import Windows
from tests.e2e.acting import Json

RULES: Json = {
    "startingPrice": "10.00",
    "increments": {"overLeader": [{"step": "1.00"}, {"start": "50.00", "step": "5.00"}]},
    "softClose": {"window": 3600, "extension": 60, "times": 10},
}


@pytest.fixture
def lot(behind: Others) -> str:
    """An auction with rules, in which Bertha bid 10.00."""
    auction_id = behind.auction("A violin", rules=RULES)
    behind.bid(behind.bidder(f"Bertha-{auction_id[-6:]}"), auction_id, "10.00")
    return auction_id


@pytest.fixture
def page(windows: Windows, behind: Others, lot: str) -> Page:
    """Its page, as Anton sees it, who has not bid yet."""
    return window_of(windows, behind.bidder(f"Anton-{lot[-6:]}"), f"/#/auction/{lot}")


def test_what_is_offered_is_what_the_portal_offers(page: Page) -> None:
    offers = page.get_by_role("group", name="Amounts that would lead").get_by_role("button")
    expect(offers).to_have_text(["11.00", "12.00", "13.00"])
    expect(page.locator("#amount-hint")).to_have_text("11.00 or more.")
    offers.nth(1).click()
    field = page.get_by_label("Your bid", exact=True)
    expect(field).to_have_value("12.00")
    expect(field).to_be_focused()
    page.get_by_role("button", name="Bid 12.00").click()
    expect(page.locator(".bid .outcome")).to_have_text("Your bid of 12.00 is placed, and it leads.")
    expect(offers).to_have_text(["13.00", "14.00", "15.00"])


def test_a_bid_that_the_rules_refuse_says_what_they_ask_for(page: Page) -> None:
    offer(page, "10.50")
    expect(page.get_by_role("alert")).to_have_text(
        "10.50 is not enough: the leading bid counts 10.00, and a bid must be higher by 1.00, so 11.00 or more."
    )


def test_the_rules_are_told_in_sentences(page: Page) -> None:
    page.get_by_text("Rules of this auction").click()
    expect(page.locator(".rules li")).to_have_text(
        [
            "A bid is higher than the bidder's own highest.",
            "Bids start at 10.00.",
            "A bid is higher than the leading one by at least 1.00 from 0.00, 5.00 from 50.00.",
            "A bid in the last 60 minutes moves the end by 60 seconds, 10 times at most.",
            "The promoter may double a bid: it then ranks with twice the amount that its bidder pays.",
        ]
    )


def test_a_moved_end_is_told(page: Page) -> None:
    # Bertha's bid moved it, and Anton's moves it again while he looks.
    expect(page.locator(".span")).to_contain_text("extended from")
    before = page.locator(".span").text_content() or ""
    offer(page, "20.00")
    expect(page.locator(".history li[data-kind=AuctionExtended]")).to_have_count(2)
    expect(page.locator(".history li[data-kind=AuctionExtended]").first).to_contain_text(
        "That moved the end to"
    )
    expect(page.locator(".span")).not_to_have_text(before)


def test_an_auction_without_rules_offers_steps_too(windows: Windows, behind: Others) -> None:
    auction_id = behind.auction("A viola")
    page = window_of(windows, behind.bidder(f"Anton-{auction_id[-6:]}"), f"/#/auction/{auction_id}")
    offers = page.get_by_role("group", name="Amounts that would lead").get_by_role("button")
    expect(offers).to_have_text(["1.00", "2.00", "3.00"])
    expect(page.locator("#amount-hint")).to_have_text("Any amount counts. It need not lead.")


def test_a_bid_can_be_deleted_as_long_as_the_portal_says(windows: Windows, behind: Others) -> None:
    for within, button, told in (
        (0, 0, "10.00"),
        (300, 1, "can be deleted until"),
        (None, 1, "Delete"),
    ):
        lot = behind.auction("A viola", rules={"withdrawal": {"within": within}})
        anton = behind.bidder(f"Anton-{lot[-6:]}")
        behind.bid(anton, lot, "10.00")
        page = window_of(windows, anton, f"/#/auction/{lot}")
        expect(page.locator(".mine li")).to_contain_text(told)
        expect(page.get_by_role("button", name="Delete your bid of 10.00")).to_have_count(button)
        expect(page.get_by_text("can be deleted until")).to_have_count(1 if within else 0)


def test_the_button_goes_when_the_time_is_over(windows: Windows, behind: Others) -> None:
    lot = behind.auction("A viola", rules={"withdrawal": {"within": 6}})
    anton = behind.bidder(f"Anton-{lot[-6:]}")
    page = window_of(windows, anton, f"/#/auction/{lot}")
    behind.bid(anton, lot, "10.00")
    delete = page.get_by_role("button", name="Delete your bid of 10.00")
    expect(delete).to_be_visible()
    expect(delete).to_be_hidden(timeout=10_000)
    expect(page.locator(".mine li")).to_have_count(1)


def test_whether_a_hidden_reserve_is_met_is_told_and_what_it_was_at_the_end(
    windows: Windows, behind: Others
) -> None:
    auction_id = behind.auction("A cello", seconds=9, rules={"reserve": "50.00"})
    page = window_of(windows, behind.bidder(f"Anton-{auction_id[-6:]}"), f"/#/auction/{auction_id}")
    reserve = page.locator(".desk .reserve")
    expect(reserve).to_have_text("Reserve not met")
    offer(page, "49.00")
    expect(page.locator(".bid .outcome")).to_contain_text("is placed")
    expect(reserve).to_have_text("Reserve not met")
    offer(page, "50.00")
    expect(reserve).to_have_text("Reserve met")
    expect(page.locator(".history li[data-kind=ReserveMet]")).to_contain_text("The reserve is met")
    expect(reserve).to_have_text("The reserve was 50.00.")


def test_an_auction_below_its_reserve_is_told_to_have_ended_without_a_sale(
    windows: Windows, behind: Others
) -> None:
    bidder = behind.bidder("Anton-of-the-bassoon")
    auction_id = behind.auction("A bassoon", seconds=4, rules={"reserve": "50.00"})
    behind.bid(bidder, auction_id, "49.00")
    page = window_of(windows, bidder, f"/#/auction/{auction_id}")
    expect(page.locator(".leading .label")).to_have_text(
        "Ended without a sale: the reserve was not met", timeout=20_000
    )
    page.goto(page.url.split("#")[0] + "#/ended")
    card = page.locator(".card", has_text="A bassoon")
    expect(card.locator(".chip")).to_have_text("Unsold")
    expect(card).to_contain_text("Ended without a sale")


def test_a_lot_is_bought_at_once_while_that_is_offered(windows: Windows, behind: Others) -> None:
    lot = behind.auction("A viola", rules={"buyNow": {"price": "50.00", "until": "20.00"}})
    anton = behind.bidder(f"Anton-{lot[-6:]}")
    page = window_of(windows, anton, f"/#/auction/{lot}")
    button = page.get_by_role("button", name="Buy now for 50.00")
    expect(button).to_be_visible()
    bertha = behind.bidder(f"Bertha-{lot[-6:]}")
    bid_id = behind.bid(bertha, lot, "20.00")
    expect(button).to_be_hidden()
    behind.delete(bertha, lot, bid_id)
    button.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("That ends the auction at once, and you pay 50.00.")
    dialog.get_by_role("button", name="Cancel").click()
    expect(button).to_be_visible()
    button.click()
    dialog.get_by_role("button", name="Buy for 50.00").click()
    expect(page.locator(".leading")).to_contain_text("You won")
    expect(page.locator(".span")).to_contain_text("ended by a purchase")
    history = page.locator(".history li")
    expect(history.filter(has_text="You bought it at once, for 50.00")).to_have_count(1)
    expect(page.locator(".history li[data-kind=BoughtNow]")).to_contain_text("ended the auction")
    expect(button).to_be_hidden()


def test_a_lot_without_a_price_has_no_such_button(windows: Windows, behind: Others) -> None:
    lot = behind.auction("A viola")
    page = window_of(windows, behind.bidder(f"Anton-{lot[-6:]}"), f"/#/auction/{lot}")
    expect(page.get_by_role("button", name="Place bid")).to_be_visible()
    expect(page.locator(".buy")).to_be_hidden()
