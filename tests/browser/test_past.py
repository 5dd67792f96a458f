"""How an auction stood, by a slider; and why it ended as it did."""

from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from portal.laptop.demo.client import PortalClient
from tests.browser.behind import Others
from tests.browser.people import live, nobody_yet
from tests.browser.test_accessibility import WINNER
from tests.browser.windows import Windows
from tests.conftest import RunningPortal, wait_until


@dataclass(frozen=True, slots=True)
class Past:
    """The section with the slider."""

    page: Page

    @property
    def slider(self) -> Locator:
        """The slider."""
        return self.page.get_by_label("How it stood")

    @property
    def bids(self) -> Locator:
        """The bids of the version that is shown."""
        return self.page.locator(".standings li")

    def says(self, text: str) -> None:
        """Wait until it says which version it shows."""
        expect(self.page.locator(".past output")).to_contain_text(text)

    def button(self, name: str) -> Locator:
        """One of its buttons."""
        return self.page.locator(".past").get_by_role("button", name=name, exact=True)


@dataclass(frozen=True, slots=True)
class Two:
    """Two bidders in an auction: Anton bids 10, Berta 12, Anton 50, which he takes back."""

    anton: PortalClient
    berta: PortalClient
    names: tuple[str, str]
    auction: str


def two_bid(behind: Others, seconds: float) -> Two:
    """Four events after the auction's creation."""
    names = nobody_yet("Anton"), nobody_yet("Berta")
    anton, berta = behind.bidder(names[0]), behind.bidder(names[1])
    auction = behind.auction(nobody_yet("Lamp"), seconds)
    behind.bid(anton, auction, "10.00")
    behind.bid(berta, auction, "12.00")
    high = behind.bid(anton, auction, "50.00")
    behind.delete(anton, auction, high)
    return Two(anton, berta, names, auction)


@pytest.fixture
def open_now(behind: Others) -> Two:
    """In an auction that goes on."""
    return two_bid(behind, 600)


def watch(windows: Windows, auction: str, *, width: int = 1280) -> Page:
    """The auction's page, live."""
    page = windows.open(f"/#/auction/{auction}", width=width)
    live(page)
    return page


def test_the_slider_shows_each_version_and_the_live_state_goes_on(
    windows: Windows, behind: Others, open_now: Two
) -> None:
    page, (anton, berta) = watch(windows, open_now.auction), open_now.names
    past = Past(page)
    past.says("Now, at version 5")
    past.slider.focus()
    page.keyboard.press("ArrowLeft")
    past.says("Version 4 of 5")
    expect(past.bids).to_have_text([f"{anton}50.00", f"{berta}12.00", f"{anton}10.00"])
    page.keyboard.press("Home")
    past.says("Version 1 of 5")
    expect(past.bids).to_have_count(0)
    expect(page.locator(".standings")).to_have_attribute("data-empty", "No live bids.")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    past.says("Version 3 of 5")
    expect(past.bids).to_have_text([f"{berta}12.00", f"{anton}10.00"])
    expect(past.slider).to_have_attribute("aria-valuetext", _spoken(page))

    behind.bid(open_now.berta, open_now.auction, "60.00")
    expect(page.locator(".leading")).to_have_text(f"{berta} leads60.00")
    past.says("Version 3 of 6")
    expect(past.bids).to_have_text([f"{berta}12.00", f"{anton}10.00"])

    past.button("Back to now").click()
    past.says("Now, at version 6")
    expect(page.locator(".standings")).to_be_hidden()


def _spoken(page: Page) -> str:
    return page.locator(".past output").inner_text()


def test_steps_and_playing_lead_through_the_history(windows: Windows, open_now: Two) -> None:
    past = Past(watch(windows, open_now.auction))
    expect(past.button("Step forward")).to_be_disabled()
    past.button("Step back").click()
    past.says("Version 4 of 5")
    past.button("Step back").click()
    past.says("Version 3 of 5")
    past.button("Step forward").click()
    past.says("Version 4 of 5")
    past.button("Back to now").click()
    past.button("Play").click()
    past.says("Version 1 of 5")
    past.button("Pause").click()
    past.button("Play").click()
    past.says("Now, at version 5")
    expect(past.button("Play")).to_be_visible()


def test_a_version_that_cannot_be_had_is_asked_for_again(windows: Windows, open_now: Two) -> None:
    windows.expect_complaints("Failed to load resource")
    page = watch(windows, open_now.auction)
    past = Past(page)
    page.route("**/graphql", lambda route: route.abort())
    past.button("Step back").click()
    expect(page.locator(".past .wrong")).to_contain_text("can’t be reached")
    page.unroute("**/graphql")
    past.says("Version 4 of 5")
    expect(page.locator(".past .wrong")).to_be_empty()


@pytest.mark.parametrize("width", [1280, 360])
def test_a_closed_auction_says_why_it_was_won(
    windows: Windows, behind: Others, portal: RunningPortal, width: int
) -> None:
    two = two_bid(behind, 12)
    anton, berta = two.names
    page = watch(windows, two.auction, width=width)
    section = page.locator(".why")
    expect(section).to_be_hidden()
    wait_until(lambda: behind.ask(WINNER, id=two.auction)["auction"]["winner"], 60, "a winner")
    expect(section.get_by_role("heading", name="Why this winner")).to_be_visible()
    expect(section.locator(".result")).to_have_text(
        f"{berta} won with 12.00: the highest of anybody else was {anton}’s bid of 10.00."
    )
    expect(section).to_contain_text(f"{anton}’s bid of 50.00 was deleted; if it were live")
    expect(section.locator("ol.steps li")).to_contain_text(
        [
            f"{anton}’s leading bid of 50.00 was deleted: {berta}’s bid of 12.00 led.",
            f"{anton}’s bid of 50.00 overtook {berta}’s bid of 12.00.",
            f"{berta}’s bid of 12.00 overtook {anton}’s bid of 10.00.",
            f"{anton}’s bid of 10.00 led: there was no other.",
        ]
    )
    expect(section).to_contain_text("was accepted")
    past = Past(page)
    past.button("Step back").click()
    expect(page.locator(".then")).to_contain_text("Open: 2 live bids by 2 bidders")


def test_an_unsold_auction_says_why(windows: Windows, behind: Others) -> None:
    page = watch(windows, behind.auction(nobody_yet("Lamp"), 3))
    section = page.locator(".why")
    expect(section.get_by_role("heading", name="Why it did not sell")).to_be_visible()
    expect(section.locator(".result")).to_have_text("The auction ended unsold: nobody bid.")


def test_earlier_changes_of_the_lead_come_page_by_page(windows: Windows, behind: Others) -> None:
    auction, anton = behind.auction(nobody_yet("Lamp"), 15), behind.bidder(nobody_yet("Anton"))
    behind.bids(anton, auction, [f"{number}.00" for number in range(1, 13)])
    page = watch(windows, auction)
    steps = page.locator(".why ol.steps li")
    expect(steps).to_have_count(10, timeout=60_000)
    page.get_by_role("button", name="Show earlier changes").click()
    expect(steps).to_have_count(12)
    expect(page.get_by_role("button", name="Show earlier changes")).to_be_hidden()
