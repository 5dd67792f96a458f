"""Notifications on the page: counted wherever one is, grouped by auction, read by looking at the auction."""

import re
from dataclasses import dataclass
from uuid import uuid4

import pytest
from playwright.sync_api import APIResponse, Locator, Page, Route, expect

from portal.laptop.demo.client import PortalClient
from tests.browser.behind import Others
from tests.browser.people import live
from tests.browser.test_bidding import entered, window_of
from tests.browser.windows import Windows
from tests.conftest import RunningPortal, wait_until

UNREAD = "{ notifications(unreadOnly: true) { edges { node { message } } } }"


@dataclass(frozen=True, slots=True)
class Rivals:
    """Anna and Ben, who bid against each other; Anna leads each auction until Ben bids."""

    anna: PortalClient
    ben: PortalClient
    behind: Others

    def auction(self, seconds: float = 200) -> tuple[str, str]:
        """The id and title of a new auction that Anna leads with 1,000.00; on the list's first page."""
        title = f"A clock {uuid4().hex[:8]}"
        auction_id = self.behind.auction(title, seconds)
        self.behind.bid(self.anna, auction_id, "1000.00")
        return auction_id, title

    def outbid(self, auction_id: str, amount: str = "2000.00") -> None:
        """Ben bids more than Anna."""
        self.behind.bid(self.ben, auction_id, amount)

    def unread(self) -> list[str]:
        """What Anna has not read yet, by the API."""
        found = self.behind.run(self.anna.execute(UNREAD))["notifications"]["edges"]
        return [edge["node"]["message"] for edge in found]


@pytest.fixture
def rivals(behind: Others) -> Rivals:
    """Two people without a past."""
    anna, ben = (behind.bidder(f"{name}-{uuid4().hex[:8]}") for name in ("Anna", "Ben"))
    return Rivals(anna, ben, behind)


def counted(page: Page, count: int) -> None:
    """The header and the window's title say that so many are unread."""
    marked = f" ({count})" if count else ""
    expect(page.locator("#bell")).to_have_text(f"Notifications{marked}")
    expect(page).to_have_title(re.compile(rf"^\({count}\) .*house$" if count else r"^[^(]*house$"))


def look_away(page: Page) -> None:
    """As if another tab had come to the front."""
    page.evaluate("""() => {
      Object.defineProperty(document, "hidden", { value: true, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }""")


def come_back(page: Page) -> None:
    """As if the tab were in front again."""
    page.evaluate("""() => {
      delete document.hidden;
      document.dispatchEvent(new Event("visibilitychange"));
    }""")


def group(page: Page, title: str) -> Locator:
    """What is said about that auction on the page of notifications."""
    return page.locator(".notifications > li").filter(has_text=title)


def test_notifications_are_counted_and_grouped_by_auction(
    windows: Windows, rivals: Rivals, portal: RunningPortal
) -> None:
    (first, title), (second, other) = rivals.auction(), rivals.auction()
    page = window_of(windows, rivals.anna)
    counted(page, 0)
    rivals.outbid(first)
    counted(page, 1)
    rivals.outbid(second)
    counted(page, 2)
    # Doubles Anna's bids or Ben's, and if it is Anna's, she is notified.
    assert portal.manage("run_promoter", "--once").returncode == 0

    page.locator("#bell").click()
    expect(page.get_by_role("heading", name="Notifications")).to_be_visible()
    expect(page.locator(".notifications > li")).to_have_count(2)
    for name in (title, other):
        expect(group(page, name).get_by_role("heading")).to_have_text(name)
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.locator(".notifications .unread")).to_have_count(0)
    expect(page.get_by_role("button", name="Mark all as read")).to_be_hidden()
    counted(page, 0)
    wait_until(lambda: not rivals.unread(), what="all read")


def test_whoever_looks_at_an_auction_has_read_what_is_said_about_it(
    windows: Windows, rivals: Rivals
) -> None:
    (first, title), (second, _) = rivals.auction(), rivals.auction()
    page = window_of(windows, rivals.anna, "/#/notifications")
    rivals.outbid(first)
    rivals.outbid(second)
    expect(group(page, title)).to_have_class("unread")
    counted(page, 2)

    group(page, title).get_by_role("link").click()
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    counted(page, 1)
    wait_until(lambda: len(rivals.unread()) == 1, what="read by the API, too")
    # What comes while one looks at it is seen.
    with windows.receiving(page, "MAX_BID_CHANGED", "3,000.00"):
        rivals.outbid(first, "3000.00")
    wait_until(lambda: len(rivals.unread()) == 2, what="Anna was notified again")
    expect(page.locator(".leading")).to_contain_text("3,000.00")
    counted(page, 1)
    page.locator("#bell").click()
    counted(page, 1)
    wait_until(lambda: len(rivals.unread()) == 1, what="read when one leaves")
    expect(group(page, title)).not_to_have_class("unread")


def test_what_comes_while_the_window_is_in_the_background_waits(
    windows: Windows, rivals: Rivals
) -> None:
    auction_id, _ = rivals.auction()
    page = window_of(windows, rivals.anna, f"/#/auction/{auction_id}")
    expect(page.locator(".leading")).to_contain_text("You lead")
    look_away(page)
    rivals.outbid(auction_id)
    counted(page, 1)
    come_back(page)
    counted(page, 0)


def test_what_is_read_in_one_tab_is_read_in_the_others(windows: Windows, rivals: Rivals) -> None:
    auction_id, title = rivals.auction()
    one = window_of(windows, rivals.anna)
    counted(one, 0)
    other = one.context.new_page()
    other.goto("/#/notifications")
    rivals.outbid(auction_id)
    counted(one, 1)
    expect(group(other, title)).to_have_class("unread")
    one.goto(f"/#/auction/{auction_id}")
    counted(other, 0)
    expect(group(other, title)).not_to_have_class("unread")


def test_what_was_unread_before_is_counted_and_no_news(windows: Windows, rivals: Rivals) -> None:
    auction_id, _ = rivals.auction()
    rivals.outbid(auction_id)
    wait_until(rivals.unread, what="Anna was notified")
    page = window_of(windows, rivals.anna)
    counted(page, 1)
    expect(page.locator("#toasts > *")).to_have_count(0)


def test_what_comes_while_the_unread_ones_are_loaded_is_news(
    windows: Windows, rivals: Rivals
) -> None:
    auction_id, title = rivals.auction()
    page = entered(windows, rivals.anna)
    answers: list[tuple[Route, APIResponse]] = []

    def hold_the_answer(route: Route) -> None:
        if "unreadOnly" in (route.request.post_data or ""):
            answers.append((route, route.fetch()))
        else:
            route.continue_()

    page.route("**/graphql", hold_the_answer)
    with page.expect_request(lambda request: "unreadOnly" in (request.post_data or "")):
        page.goto("/")
    live(page)
    with windows.receiving(page, "OUTBID", "2,000.00"):
        rivals.outbid(auction_id)
    counted(page, 1)
    [(unread, answer)] = answers
    unread.fulfill(response=answer)
    expect(page.locator("#toasts > *").filter(has_text=title)).to_have_count(1)
    counted(page, 1)


@pytest.mark.parametrize("scene", ["elsewhere", "background"])
def test_whoever_is_outbid_where_they_do_not_look_may_bid_again(
    windows: Windows, rivals: Rivals, scene: str
) -> None:
    auction_id, title = rivals.auction()
    path = "/#/open" if scene == "elsewhere" else f"/#/auction/{auction_id}"
    page = window_of(windows, rivals.anna, path)
    counted(page, 0)
    if scene == "background":
        look_away(page)
    rivals.outbid(auction_id)

    toast = page.locator("#toasts").filter(has_text=title)
    expect(toast).to_contain_text("outbid")
    expect(toast).to_contain_text("2,000.00")
    counted(page, 1)
    if scene == "background":
        come_back(page)
    toast.get_by_role("link", name="Bid again").click()
    expect(page.get_by_label("Your bid", exact=True)).to_be_focused()
    expect(page.locator("#toasts > *")).to_have_count(0)
    counted(page, 0)

    page.keyboard.type("2500")
    page.keyboard.press("Enter")
    expect(page.locator(".outcome")).to_contain_text("is placed, and it leads.")
    # Seen by whoever looks at the auction: no toast.
    with windows.receiving(page, "OUTBID", "3,000.00"):
        rivals.outbid(auction_id, "3000.00")
    expect(page.locator(".leading")).to_contain_text("3,000.00")
    counted(page, 0)
    page.locator(".brand").click()
    wait_until(lambda: not rivals.unread(), what="read")
    expect(page.locator("#toasts > *")).to_have_count(0)


def test_a_toast_is_dismissed_and_comes_once(windows: Windows, rivals: Rivals) -> None:
    auction_id, title = rivals.auction()
    page = window_of(windows, rivals.anna)
    counted(page, 0)
    rivals.outbid(auction_id)
    page.get_by_role("button", name=re.compile(f"^Dismiss: .*{title}")).press("Enter")
    expect(page.locator("#toasts > *")).to_have_count(0)
    expect(page.locator("main")).to_be_focused()
    rivals.outbid(auction_id, "3000.00")
    expect(page.locator(".card").filter(has_text=title)).to_contain_text("3,000.00")
    wait_until(lambda: "3,000.00" in str(rivals.unread()), what="brought up to date")
    page.locator("#bell").click()
    expect(group(page, title)).to_contain_text("3,000.00")
    expect(page.locator("#toasts > *")).to_have_count(0)
