"""axe finds nothing serious on any kind of page, light or dark, at a desk or on a phone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import LOOKS, serious
from tests.browser.behind import Others
from tests.browser.line import line_to
from tests.browser.people import live, nobody_yet, sign_up
from tests.browser.windows import Windows
from tests.conftest import RunningPortal, wait_until

WINNER = "query ($id: UUID!) { auction(id: $id) { winner { announcedAt } } }"


@dataclass(frozen=True, slots=True)
class Setting:
    """Two windows, in one of which Anton is signed in, and what there is to see."""

    guest: Page
    anton: Page
    open: str
    ended: str


@pytest.fixture(scope="module")
def setting(browser: Browser, portal: RunningPortal, behind: Others) -> Iterator[Setting]:
    """An open auction on which Anton leads and was doubled, and an ended one that he won."""
    windows = Windows(browser, portal.url)
    # The policy would keep axe out of the page.
    guest, anton = windows.open(bypass_csp=True), windows.open(bypass_csp=True)
    for page in (guest, anton):
        page.emulate_media(reduced_motion="reduce")
    sign_up(anton, nobody_yet("Anton"))
    open_, ended = (behind.auction(nobody_yet("Lamp"), seconds) for seconds in (3600, 10))
    for auction in (ended, open_):
        behind.bid(behind.bidder(nobody_yet("Berta")), auction, "12.00")
        anton.goto(f"/#/auction/{auction}")
        anton.get_by_label("Your bid", exact=True).fill("15")
        anton.get_by_role("button", name="Bid 15").click()
        expect(anton.locator(".outcome")).to_contain_text("it leads")
    assert portal.manage("run_promoter", "--once").returncode == 0
    wait_until(lambda: behind.ask(WINNER, id=ended)["auction"]["winner"], what="a winner")
    yield Setting(guest, anton, open_, ended)
    windows.close()
    assert windows.unexpected() == []


def to(page: Page, path: str) -> Page:
    """Go there, and wait until it is drawn."""
    page.goto(path)
    expect(page.locator("h1")).not_to_have_text("…")
    page.wait_for_load_state("networkidle")
    return page


def ask_to_delete(page: Page) -> Page:
    """The question before one's account is deleted."""
    # Leaving the account's page closes a question that is open there.
    to(page, "/#/open")
    to(page, "/#/account").get_by_role("button", name="Delete my account").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    return page


def mistype(page: Page) -> Page:
    """A form with something wrong in it."""
    to(page, "/#/sign-in").get_by_label("Name").fill("nobody")
    page.get_by_label("Password").fill("is known by this password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("Wrong name or password")).to_be_visible()
    return page


def step_back(page: Page, auction: str) -> Page:
    """The auction's page, with how it stood before its last event."""
    to(page, f"/#/auction/{auction}").get_by_role("button", name="Step back").click()
    expect(page.locator(".then")).to_be_visible()
    return page


KINDS: dict[str, Callable[[Setting], Page]] = {
    "open auctions": lambda s: to(s.guest, "/#/open"),
    "no auction found": lambda s: to(s.guest, "/#/open?q=nothing"),
    "own auctions": lambda s: to(s.anton, "/#/mine"),
    "ended auctions": lambda s: to(s.anton, "/#/ended"),
    "an open auction, signed out": lambda s: to(s.guest, f"/#/auction/{s.open}"),
    "an open auction, signed in": lambda s: to(s.anton, f"/#/auction/{s.open}"),
    "an ended auction": lambda s: to(s.anton, f"/#/auction/{s.ended}"),
    "an auction as it stood": lambda s: step_back(s.anton, s.ended),
    "no such auction": lambda s: to(s.guest, "/#/auction/nothing"),
    "winners": lambda s: to(s.anton, "/#/winners"),
    "notifications": lambda s: to(s.anton, "/#/notifications"),
    "account": lambda s: to(s.anton, "/#/account"),
    "a question": lambda s: ask_to_delete(s.anton),
    "sign in, refused": lambda s: mistype(s.guest),
    "sign up": lambda s: to(s.guest, "/#/sign-up"),
    "how it works": lambda s: to(s.guest, "/how-it-works"),
    "documentation": lambda s: to(s.guest, "/docs"),
    "a page of documentation": lambda s: to(s.guest, "/docs/api"),
}


def test_what_is_serious_is_found(setting: Setting) -> None:
    to(setting.guest, "/#/sign-up").evaluate(
        """document.querySelector("main").append(
             Object.assign(document.createElement("img"), { src: "data:image/png;base64,", width: 1 }))"""
    )
    found = serious(setting.guest)
    assert [each.partition(": <")[0] for each in found] == [f"{look}: image-alt" for look in LOOKS]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_nothing_serious(setting: Setting, kind: Callable[[Setting], Page]) -> None:
    assert serious(kind(setting)) == []


def test_nothing_serious_while_the_connection_is_lost(
    windows: Windows, portal: RunningPortal, behind: Others, setting: Setting
) -> None:
    windows.expect_complaints(r"net::ERR_|WebSocket connection to '.*' failed")
    with line_to(portal.url, behind) as line:
        page = windows.open(f"/#/auction/{setting.open}", url=line.url, bypass_csp=True)
        live(page)
        line.cut()
        expect(page.get_by_role("alert").filter(has_text="Connection lost.")).to_be_visible()
        page.emulate_media(reduced_motion="reduce")
        assert serious(page) == []
