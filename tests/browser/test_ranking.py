"""The bids of an auction, however many: paged to the last, and kept up to date by its events."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from portal.laptop.demo.client import PortalClient
from tests.browser.behind import Others
from tests.browser.line import line_to
from tests.browser.people import live, nobody_yet
from tests.browser.windows import Windows
from tests.conftest import RunningPortal, wait_until

MANY = 250
HISTORY = 200
BIDS = """query ($id: UUID!, $a: String) { auction(id: $id) { bids(first: 100, after: $a) {
  edges { node { id effectiveAmount } } pageInfo { hasNextPage endCursor } } } }"""

VERSION = "query ($id: UUID!) { auction(id: $id) { version } }"


@pytest.fixture(scope="module")
def bidders(behind: Others) -> list[PortalClient]:
    """Some who bid in turn."""
    return [behind.bidder(nobody_yet(name)) for name in ("Anton", "Berta", "Clara")]


@pytest.fixture(scope="module")
def lot(behind: Others, bidders: list[PortalClient]) -> str:
    """An auction with 250 bids, from 1.00 to 250.00."""
    auction = behind.auction(nobody_yet("Tapestry"))
    for number, bidder in enumerate(bidders, 1):
        amounts = range(number, MANY + 1, len(bidders))
        behind.bids(bidder, auction, [f"{amount}.00" for amount in amounts])
    return auction


def rows(page: Page) -> Locator:
    """The bids that are shown."""
    return page.locator(".ranking li")


def shown(page: Page) -> list[str]:
    """Their ids, leading first."""
    ids: list[str] = rows(page).evaluate_all("(rows) => rows.map(({ dataset }) => dataset.key)")
    return ids


def counted(behind: Others, auction: str) -> list[str]:
    """What the page must show: a fresh read of all live bids."""
    ids: list[str] = []
    after = None
    while True:
        found = behind.ask(BIDS, id=auction, a=after)["auction"]["bids"]
        ids += [edge["node"]["id"] for edge in found["edges"]]
        if not found["pageInfo"]["hasNextPage"]:
            return ids
        after = found["pageInfo"]["endCursor"]


def show_all(page: Page) -> None:
    """Page on to the last bid."""
    more = page.get_by_role("button", name="Show more bids")
    for count in (20, 120, 220):
        expect(rows(page)).to_have_count(count)
        more.click()
    expect(more).to_be_hidden()


def settled(page: Page, behind: Others, auction: str) -> None:
    """Wait until the page shows what a fresh read shows."""
    wait_until(lambda: shown(page) == counted(behind, auction), what="the page shows every bid")


def test_the_last_bid_can_be_reached(page: Page, behind: Others, lot: str) -> None:
    page.goto(f"/#/auction/{lot}")
    show_all(page)
    expect(rows(page)).to_have_count(MANY)
    assert shown(page) == counted(behind, lot)
    expect(rows(page).last).to_contain_text("1.00")

    page.reload()
    expect(rows(page)).to_have_count(MANY)
    expect(page).to_have_url(re.compile("page=4"))
    assert shown(page) == counted(behind, lot)


def test_what_happens_further_down_is_shown(
    page: Page, portal: RunningPortal, behind: Others, bidders: list[PortalClient]
) -> None:
    auction = behind.auction(nobody_yet("Chandelier"))
    [deleted, *_] = placed = behind.bids(bidders[0], auction, [f"{n}.00" for n in range(1, 131)])
    page.goto(f"/#/auction/{auction}")
    expect(rows(page)).to_have_count(20)
    page.get_by_role("button", name="Show more bids").click()
    expect(rows(page)).to_have_count(120)
    page.get_by_role("button", name="Show more bids").click()
    expect(rows(page)).to_have_count(len(placed))

    behind.delete(bidders[0], auction, deleted)
    expect(rows(page)).to_have_count(len(placed) - 1)
    behind.bid(bidders[1], auction, "5.00")
    behind.bid(bidders[1], auction, "500.00")
    expect(rows(page)).to_have_count(len(placed) + 1)
    assert portal.manage("run_promoter", "--once").returncode == 0
    expect(page.locator('.history [data-kind="BidDoubled"]')).to_have_count(1)
    settled(page, behind, auction)


def test_bids_missed_during_an_outage_are_in_their_places(
    windows: Windows,
    portal: RunningPortal,
    behind: Others,
    bidders: list[PortalClient],
) -> None:
    windows.expect_complaints(r"net::ERR_|WebSocket connection to '.*' failed")
    auction = behind.auction(nobody_yet("Harpsichord"))
    placed = behind.bids(bidders[0], auction, [f"{n}.00" for n in range(1, 41)])
    with line_to(portal.url, behind) as line:
        page = windows.open(f"/#/auction/{auction}", url=line.url)
        live(page)
        expect(rows(page)).to_have_count(20)
        line.cut()
        # What is asked for now is loaded when the line is back.
        page.get_by_role("button", name="Show more bids").click()
        expect(page.get_by_text("The auction house can’t be reached")).to_be_visible()
        behind.bids(bidders[1], auction, ["7.00", "77.00"])
        behind.delete(bidders[0], auction, placed[3])
        behind.delete(bidders[0], auction, placed[35])
        line.mend()
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(rows(page)).to_have_count(40)
        settled(page, behind, auction)
        expect(page.get_by_text("The auction house can’t be reached")).to_be_hidden()


def test_a_long_history_begins_shortly_before_the_present(
    page: Page, behind: Others, lot: str
) -> None:
    version = behind.ask(VERSION, id=lot)["auction"]["version"]
    page.goto(f"/#/auction/{lot}")
    events = page.locator(".history li")
    expect(events).to_have_count(HISTORY)
    expect(events.first).to_have_attribute("data-version", str(version))
    expect(events.last).to_have_attribute("data-version", str(version + 1 - HISTORY))
    expect(page.get_by_text("What happened earlier is left out.")).to_be_visible()
