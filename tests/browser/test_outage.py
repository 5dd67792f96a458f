"""A lost connection is shown at once, and once it is back everything is up to date."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.behind import Others
from tests.browser.line import Line, line_to
from tests.browser.people import live, nobody_yet, sign_up
from tests.browser.windows import Windows
from tests.conftest import RunningPortal

CAN_T_BE_REACHED = "The auction house can’t be reached"


@pytest.fixture
def line(portal: RunningPortal, behind: Others, windows: Windows) -> Iterator[Line]:
    """The line of this test's windows."""
    # What the browser itself says of requests that got no answer.
    windows.expect_complaints(r"net::ERR_|WebSocket connection to '.*' failed")
    with line_to(portal.url, behind) as laid:
        yield laid


@pytest.fixture
def page(windows: Windows, line: Line) -> Page:
    """A window on the list of auctions, at the far end of the line."""
    page = windows.open(url=line.url)
    live(page)
    return page


def lost(page: Page) -> None:
    """Wait until the page says that the connection is lost."""
    expect(page.get_by_role("alert").filter(has_text="Connection lost.")).to_be_visible()


def test_a_lost_connection_is_unmistakable(page: Page, line: Line) -> None:
    line.cut()
    lost(page)
    bar = page.locator("#lost")
    expect(bar).to_have_text(re.compile(r"Prices as of \d\d:\d\d:\d\d\. Trying again …"))
    box = bar.bounding_box()
    assert box
    assert (box["x"], box["width"]) == (0, 1280)
    greyed = page.locator("main").evaluate("(main) => getComputedStyle(main).filter")
    assert greyed == "grayscale(1)"

    line.mend()
    live(page)
    expect(bar).to_be_hidden()
    assert page.locator("main").evaluate("(main) => getComputedStyle(main).filter") == "none"


def test_who_does_not_want_to_wait_can_try_at_once(page: Page, line: Line) -> None:
    # The pause before the page tries again by itself is random; let it be minutes.
    page.evaluate("Math.random = () => 1000")
    line.cut()
    lost(page)
    line.mend()
    page.get_by_role("button", name="Try now").click()
    live(page)


def test_a_search_during_an_outage_is_answered_when_it_is_over(
    page: Page, line: Line, behind: Others
) -> None:
    # Found by a word of their own, however many auctions other tests left open.
    word = nobody_yet("w").replace(" ", "")
    title = f"Teapot {word}"
    behind.auction(f"Kettle {word}")
    behind.auction(title)
    page.get_by_label("Search titles").fill(word)
    cards = page.locator(".card")
    expect(cards).to_have_count(2)
    line.cut()
    page.get_by_label("Search titles").fill(title)
    expect(page.get_by_text(CAN_T_BE_REACHED).first).to_be_visible()
    expect(cards).to_have_count(0)
    line.mend()
    expect(cards).to_have_text([re.compile(title)])
    expect(page.get_by_text(CAN_T_BE_REACHED).first).to_be_hidden()


def test_what_was_missed_is_in_the_list_when_the_line_is_back(
    page: Page, line: Line, behind: Others
) -> None:
    # Found by a word of their own, however many auctions other tests left open.
    word = nobody_yet("w").replace(" ", "")
    before = behind.auction(f"Sideboard {word}")
    page.get_by_label("Search titles").fill(word)
    card = page.locator(f'.card:has(a[href="#/auction/{before}"])')
    expect(card).to_contain_text("No bids yet")
    line.cut()
    lost(page)
    behind.bid(behind.bidder(nobody_yet("Berta")), before, "42")
    during = behind.auction(f"Footstool {word}")
    line.mend()
    expect(card).to_contain_text("42.00")
    expect(page.locator(f'.card a[href="#/auction/{during}"]')).to_be_visible()


def test_an_auctions_page_misses_nothing(page: Page, line: Line, behind: Others) -> None:
    auction = behind.auction(nobody_yet("Cello"))
    bidder = behind.bidder(nobody_yet("Berta"))
    behind.bid(bidder, auction, "10")
    page.goto(f"/#/auction/{auction}")
    expect(page.locator(".leading")).to_contain_text("10.00")
    line.cut()
    lost(page)
    for amount in ("20", "30"):
        behind.bid(bidder, auction, amount)
    line.mend()
    expect(page.locator(".leading")).to_contain_text("30.00")
    expect(page.locator(".history li")).to_have_count(4)


def test_pages_that_could_not_be_loaded_are_loaded_when_the_line_is_back(
    page: Page, line: Line
) -> None:
    sign_up(page, nobody_yet("Anton"))
    line.cut()
    lost(page)
    for path in ("winners", "notifications", "account"):
        page.goto(f"/#/{path}")
        expect(page.locator("main").get_by_text(CAN_T_BE_REACHED).first).to_be_visible()
    line.mend()
    expect(page.get_by_role("checkbox")).not_to_have_count(0)
    expect(page.locator("main").get_by_text(CAN_T_BE_REACHED).first).to_have_count(0)


def test_a_line_that_falls_silent_is_given_up(page: Page, line: Line) -> None:
    line.hold()
    page.evaluate("dispatchEvent(new Event('offline'))")
    lost(page)
    line.mend()
    live(page)
