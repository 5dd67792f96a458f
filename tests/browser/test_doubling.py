"""Doubled bids: what they count and what they cost is shown, and explained on the same page."""

import re
from dataclasses import dataclass
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import findings
from tests.browser.behind import Others
from tests.browser.people import live
from tests.browser.windows import HEIGHTS, SCHEMES, Windows
from tests.conftest import RunningPortal

SENTENCE = (
    "A bid that the house has doubled counts twice its amount; its bidder still pays the amount"
)
AMOUNT, TWICE = "4,999,999,999.99", "9,999,999,999.98"
SECONDS = 60


@dataclass(frozen=True, slots=True)
class Lot:
    """An auction and its title, which no other has."""

    id: str
    title: str


@pytest.fixture(scope="module")
def lot(behind: Others, portal: RunningPortal) -> Lot:
    """Its only bid, a large one, was doubled. It ends while those tests run that don't need it."""
    title = f"A crown {uuid4().hex[:8]}"
    auction_id = behind.auction(title, SECONDS)
    behind.bid(behind.bidder(f"Bob-{auction_id[-6:]}"), auction_id, "4999999999.99")
    drawn = portal.manage("run_promoter", "--once")
    assert drawn.returncode == 0, drawn.stderr
    return Lot(auction_id, title)


def explained(page: Page) -> None:
    """The sentence stands there once, with the way to the rules."""
    note = page.get_by_text(SENTENCE).filter(visible=True)
    expect(note).to_have_count(1)
    expect(note.get_by_role("link")).to_have_attribute("href", "/how-it-works#doubling")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", HEIGHTS)
def test_a_doubled_bid_says_what_it_counts_and_what_it_costs(
    windows: Windows, lot: Lot, width: int
) -> None:
    page = windows.open(width=width)
    card = page.locator(".card").filter(has_text=lot.title)
    expect(card.locator(".price")).to_have_text(f"counts {TWICE}, pays {AMOUNT}")
    explained(page)

    card.click()
    expect(page.locator(".leading .price")).to_have_text(f"counts {TWICE}, pays {AMOUNT}")
    expect(page.locator(".ranking")).to_contain_text(f"counts {TWICE}, pays {AMOUNT}")
    expect(page.locator(".history")).to_contain_text(
        f"bid of {AMOUNT} was doubled by the house and counts {TWICE}"
    )
    explained(page)


@pytest.mark.parametrize("width", HEIGHTS)
def test_the_rules_can_be_read_by_everybody(windows: Windows, width: int) -> None:
    page = windows.open(width=width)
    # The footer moves until the list above it is there.
    live(page)
    page.get_by_role("contentinfo").get_by_role("link", name="How it works").click()
    for heading in ("The rules", "Doubling", "Checking a draw"):
        page.get_by_role("link", name=heading).click()
        expect(page.get_by_role("heading", name=heading)).to_be_in_viewport()
    expect(page.get_by_role("link", name="Fair draws")).to_have_attribute(
        "href", "/docs/fair-draws"
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert findings(page) == [], scheme


def test_a_lot_sold_by_a_doubled_bid_says_what_is_paid(windows: Windows, lot: Lot) -> None:
    page = windows.open(f"/#/auction/{lot.id}")
    sold = f"pays {AMOUNT}, counted {TWICE}"
    expect(page.locator(".leading")).to_contain_text("Sold to", timeout=(SECONDS + 20) * 1000)
    expect(page.locator(".leading .price")).to_have_text(sold)
    expect(page.locator(".why .by")).to_have_text(
        re.compile(r"^Drawn by round \d+ of the beacon local stand-in \(not a public beacon\)\.$")
    )
    explained(page)

    page.goto("/#/winners")
    expect(page.get_by_role("row").filter(has_text=lot.title)).to_contain_text(sold)
    explained(page)
