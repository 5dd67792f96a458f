"""One's own bids on an auction, however many: paged to the first, and kept up to date."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from portal.laptop.demo.client import PortalClient
from tests.browser.behind import Others
from tests.browser.line import line_to
from tests.browser.people import live, nobody_yet
from tests.browser.test_bidding import window_of
from tests.browser.windows import Windows
from tests.conftest import RunningPortal

MANY = 130
AMOUNTS = [f"{number}.00" for number in range(1, MANY + 1)]
MORE = "Show more of your bids"


@pytest.fixture
def anton(behind: Others) -> PortalClient:
    """A bidder without a past."""
    return behind.bidder(nobody_yet("Anton"))


@pytest.fixture
def lot(behind: Others, anton: PortalClient) -> str:
    """An auction on which Anton has bid 1.00, 2.00 and so on to 130.00."""
    auction = behind.auction(nobody_yet("Carpet"))
    behind.bids(anton, auction, AMOUNTS)
    return auction


def rows(page: Page) -> Locator:
    """The own bids that are shown."""
    return page.locator(".mine li")


def amounts(page: Page) -> list[str]:
    """What they were bids of, newest first."""
    texts: list[str] = rows(page).locator(".number").all_inner_texts()
    return [re.findall(r"[\d.]+", text)[-1] for text in texts]


def heading(page: Page, count: str) -> Locator:
    """The list's heading, which says how many are shown."""
    return page.get_by_role("heading", name=f"Your bids {count}", exact=True)


def show_all(page: Page) -> None:
    """Page on to the first bid."""
    expect(heading(page, "the newest 20")).to_be_visible()
    page.get_by_role("button", name=MORE).click()
    expect(heading(page, "the newest 120")).to_be_visible()
    page.get_by_role("button", name=MORE).click()
    expect(heading(page, str(MANY))).to_be_visible()
    expect(page.get_by_role("button", name=MORE)).to_be_hidden()


def test_all_own_bids_can_be_reached(windows: Windows, anton: PortalClient, lot: str) -> None:
    page = window_of(windows, anton, f"/#/auction/{lot}")
    expect(page.get_by_text("Above your own highest, at least 130.00.")).to_be_visible()
    show_all(page)
    assert amounts(page) == AMOUNTS[::-1]
    expect(page.get_by_text("Above your own highest, 130.00.")).to_be_visible()

    # Among all bids one's own are marked, in the same list.
    [one, other] = [page.locator(".ranking li").nth(place).bounding_box() for place in (0, 1)]
    assert one
    assert other
    assert other["y"] - one["y"] - one["height"] < 1

    page.reload()
    expect(heading(page, str(MANY))).to_be_visible()
    assert amounts(page) == AMOUNTS[::-1]


def test_what_happens_to_own_bids_further_down_is_shown(
    windows: Windows, behind: Others, anton: PortalClient
) -> None:
    auction = behind.auction(nobody_yet("Carpet"))
    placed = behind.bids(anton, auction, AMOUNTS)
    page = window_of(windows, anton, f"/#/auction/{auction}")
    show_all(page)
    # Elsewhere, and here.
    behind.delete(anton, auction, placed[2])
    expect(rows(page).nth(-3)).to_contain_text("deleted")
    page.get_by_role("button", name="Delete your bid of 2.00", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete bid").click()
    expect(rows(page).nth(-2)).to_contain_text("deleted")
    expect(page.get_by_role("button", name="Delete your bid of 1.00", exact=True)).to_be_focused()

    behind.bid(anton, auction, "500.00")
    expect(heading(page, str(MANY + 1))).to_be_visible()
    assert amounts(page) == ["500.00", *AMOUNTS[::-1]]


def test_a_doubled_own_bid_further_down_is_shown(
    windows: Windows, portal: RunningPortal, behind: Others, anton: PortalClient
) -> None:
    auction = behind.auction(nobody_yet("Carpet"))
    placed = behind.bids(anton, auction, AMOUNTS)
    # Only the first is left to be drawn.
    behind.delete_all(anton, auction, placed[1:])
    page = window_of(windows, anton, f"/#/auction/{auction}")
    expect(page.get_by_text("Above your own highest. It need not lead.")).to_be_visible()
    show_all(page)
    expect(page.get_by_text("Above your own highest, 1.00.")).to_be_visible()
    assert portal.manage("run_promoter", "--once").returncode == 0
    expect(rows(page).last).to_contain_text("counts 2.00")
    expect(page.get_by_text("Above your own highest, 2.00.")).to_be_visible()


def test_own_bids_missed_during_an_outage_are_in_their_places(
    windows: Windows, portal: RunningPortal, behind: Others, anton: PortalClient, lot: str
) -> None:
    windows.expect_complaints(r"net::ERR_|WebSocket connection to '.*' failed")
    with line_to(portal.url, behind) as line:
        page = window_of(windows, anton, f"/#/auction/{lot}", url=line.url)
        live(page)
        show_all(page)
        line.cut()
        expect(page.get_by_role("alert").filter(has_text="Connection lost.")).to_be_visible()
        # More than come with a state.
        missed = [f"{number}.00" for number in range(MANY + 1, MANY + 31)]
        behind.bids(anton, lot, missed)
        line.mend()
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(heading(page, str(MANY + 30))).to_be_visible()
        assert amounts(page) == [*missed[::-1], *AMOUNTS[::-1]]
