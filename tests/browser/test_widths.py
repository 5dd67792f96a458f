"""From the smallest phone to a desktop: nothing lies outside the screen, and each control can be reached."""

from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.behind import Others
from tests.browser.people import account_link, sign_up
from tests.browser.windows import HEIGHTS, Windows

# The visible controls that lie, in part at least, outside the window; and the document, if it is
# wider than that.
OUTSIDE = """() => {
  const reach = (element) => {
    const { left, right, width, height } = element.getBoundingClientRect();
    return [Math.floor(left), Math.ceil(right), width * height];
  };
  const found = [...document.querySelectorAll("a, button, input, h1, h2, .price, .number")]
    .filter((element) => element.checkVisibility() && !element.matches(".skip"))
    .map((element) => [element.textContent || element.id, ...reach(element)])
    .filter(([, left, right, area]) => left < 0 || right > innerWidth || area === 0);
  if (document.documentElement.scrollWidth > innerWidth) found.push("the document is wider");
  return found;
}"""
PLACES = ["open", "coming", "ended", "mine", "mine/watching", "winners", "notifications", "account"]


def widest() -> str:
    """A name as long as names may be, of wide letters."""
    return "W" * 22 + uuid4().hex[:8]


@pytest.fixture(scope="module")
def auction(behind: Others) -> str:
    """One with a long word in its title, and a large bid by somebody with a long name."""
    opened = behind.auction("A " + "Donaudampfschifffahrtsgesellschaftskapitän" * 3)
    behind.bid(behind.bidder(widest()), opened, "4999999999.99")
    return opened


@pytest.mark.parametrize("width", HEIGHTS)
def test_nothing_runs_off_the_screen(windows: Windows, auction: str, width: int) -> None:
    page = windows.open(width=width)
    for path in ("sign-in", "sign-up", "open"):
        visit(page, path)
        assert page.evaluate(OUTSIDE) == [], f"{path}, signed out"
    sign_up(page, widest())
    for path in (*PLACES, f"auction/{auction}"):
        visit(page, path)
        assert page.evaluate(OUTSIDE) == [], path


@pytest.mark.parametrize("width", HEIGHTS)
def test_the_account_can_be_reached(windows: Windows, width: int) -> None:
    page = windows.open(width=width)
    sign_up(page, widest())
    box = account_link(page).bounding_box()
    assert box
    assert box["width"] > 80
    assert box["height"] > 24
    account_link(page).click()
    expect(page.get_by_role("heading", name="Tell me when")).to_be_visible()
    page.get_by_role("button", name="Delete my account").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page.locator("header").get_by_role("link", name="Sign up")).to_be_visible()


def visit(page: Page, path: str) -> None:
    """Go there, and wait until it is drawn."""
    page.goto(f"/#/{path}")
    expect(page.locator("h1")).not_to_have_text("…")
    expect(page.locator("main")).not_to_be_empty()
    page.wait_for_load_state("networkidle")
