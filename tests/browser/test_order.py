"""The order of the lists: what starts soonest, what ends soonest, what ended last."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.browser.behind import Others
from tests.conftest import wait_until

ENDED = "query ($q: String) { auctions(status: ENDED, search: $q) { edges { node { id } } } }"


def ended(behind: Others, word: str) -> int:
    """How many auctions with that word have ended."""
    return len(behind.ask(ENDED, q=word)["auctions"]["edges"])


def test_the_coming_are_listed_by_their_start_and_the_ended_from_the_newest(
    page: Page, behind: Others
) -> None:
    word, now = f"Order{uuid4().hex[:8]}", datetime.now(UTC)
    behind.auctions({f"{word} D": 14, f"{word} E": 10, f"{word} F": 12})
    for letter, (starts, ends) in {"A": (900, 3000), "B": (600, 3600), "C": (700, 2400)}.items():
        starts_at = (now + timedelta(seconds=starts)).isoformat()
        behind.auction(f"{word} {letter}", ends, startsAt=starts_at)
    cards = page.locator(".card h2")

    page.goto(f"/#/coming?q={word}")
    expect(cards).to_have_text([f"{word} {letter}" for letter in "BCA"])

    wait_until(lambda: ended(behind, word) == 3, what="all three have ended")
    page.goto(f"/#/ended?q={word}")
    expect(cards).to_have_text([f"{word} {letter}" for letter in "DFE"])


def test_the_order_and_the_filters_are_kept_in_the_address(page: Page, behind: Others) -> None:
    word = f"Sieve{uuid4().hex[:8]}"
    titles = [f"{word} {letter}" for letter in "ABCD"]
    a, b, c, _ = [behind.auction(title, 3000 + n) for n, title in enumerate(titles)]
    anton = behind.bidder(f"anton-{word}")
    for auction, amount in ((a, "30.00"), (b, "90.00"), (c, "10.00"), (c, "20.00")):
        behind.bid(anton, auction, amount)
    cards = page.locator(".card h2")

    def shown(letters: str) -> None:
        expect(cards).to_have_text([f"{word} {letter}" for letter in letters])

    page.goto(f"/#/open?q={word}")
    shown("ABCD")
    page.get_by_label("Order").select_option("Most bids")
    shown("CBAD")
    page.get_by_label("Order").select_option("Highest price")
    shown("BACD")
    page.get_by_text("Filters").click()
    page.get_by_label("Price from").fill("20")
    shown("BAC")
    page.get_by_label("Price to").fill("30")
    shown("AC")
    page.reload()
    shown("AC")
    expect(page.get_by_label("Price to")).to_have_value("30")
    page.get_by_label("Rules").select_option("A soft close")
    expect(page.get_by_text("Nothing here fits these filters.")).to_be_visible()
    page.get_by_label("Rules").select_option("Plain rules alone")
    page.get_by_label("Ends within").select_option("An hour")
    shown("AC")
    assert {"order=highest-price", "from=20", "to=30", "rule=plain", "ends=hour"} <= set(
        page.url.partition("?")[2].split("&")
    )
