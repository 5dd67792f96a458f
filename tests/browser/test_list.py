"""The list of auctions: searched, paged, and found again as it was left."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.behind import Others
from tests.browser.people import nobody_yet, sign_up
from tests.browser.windows import Windows

PAGE = 24


@pytest.fixture(scope="module")
def word(behind: Others) -> str:
    """A word in the titles of sixty open auctions, each ending a minute after the one before."""
    word = f"Globe{uuid4().hex[:8]}"
    behind.auctions({f"{word} {number:02}": 3600 + 60 * number for number in range(60)})
    return word


def cards(page: Page) -> Locator:
    """Those that are shown."""
    return page.locator(".card")


def type_in(page: Page, word: str) -> None:
    """Type it into the search field."""
    page.get_by_label("Search titles").fill(word)


def look_for(page: Page, word: str) -> None:
    """Search, and wait for what is found."""
    type_in(page, word)
    expect(page).to_have_url(re.compile(f"q={word}"))
    expect(page.locator(".cards")).to_have_attribute("aria-busy", "false")


def test_the_old_cards_tick_on_until_the_answer_to_a_search_is_there(
    page: Page, behind: Others
) -> None:
    title = nobody_yet("Astrolabe")
    auction = behind.auction(title)
    # However many auctions other tests left open.
    type_in(page, title)
    card = page.locator(f'.card:has(a[href="#/auction/{auction}"])')
    expect(card).to_be_visible()
    held: list[Route] = []
    page.route("**/graphql", lambda route: held.append(route))
    type_in(page, "nothing has such a name")
    expect(page.locator(".cards")).to_have_attribute("aria-busy", "true")
    chip = card.locator(".chip")
    before = chip.inner_text()
    # A page that throws at each tick stands still; and its console fails this test.
    expect(chip).not_to_have_text(before)
    expect(page.locator(".cards")).to_have_attribute("aria-busy", "true")
    [search] = held
    search.continue_()
    expect(page.get_by_text("Nothing here has “nothing has such a name”")).to_be_visible()
    expect(cards(page)).to_have_count(0)


def test_an_answer_that_comes_too_late_is_not_shown(page: Page, word: str) -> None:
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if f"{word} 07" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/graphql", hold_the_first)
    type_in(page, f"{word} 07")
    # Sent, and not only typed: what is typed soon after takes its place.
    expect(page).to_have_url(re.compile(f"q={word}.07"))
    type_in(page, f"{word} 08")
    expect(cards(page)).to_have_text([re.compile(f"{word} 08")])
    [first] = held
    with page.expect_response("**/graphql") as late:
        first.continue_()
    late.value.finished()
    expect(cards(page)).to_have_text([re.compile(f"{word} 08")])


def test_back_finds_the_list_as_it_was_left(page: Page, word: str) -> None:
    look_for(page, word)
    expect(cards(page)).to_have_count(PAGE)
    page.get_by_role("button", name="Load more").click()
    expect(cards(page)).to_have_count(2 * PAGE)
    card = cards(page).filter(has_text=f"{word} 40")
    card.scroll_into_view_if_needed()
    page.evaluate("scrollBy(0, 37)")
    before = card.bounding_box()
    card.get_by_role("link").click()
    expect(page.get_by_role("heading", name=f"{word} 40")).to_be_visible()

    page.go_back()
    expect(cards(page)).to_have_count(2 * PAGE)
    expect(page.get_by_label("Search titles")).to_have_value(word)
    expect(card).to_be_in_viewport()
    assert card.bounding_box() == before


def test_a_list_can_be_linked_to_and_reloaded(windows: Windows, page: Page, word: str) -> None:
    look_for(page, word)
    page.get_by_role("button", name="Load more").click()
    expect(cards(page)).to_have_count(2 * PAGE)
    before = page.url
    cards(page).filter(has_text=f"{word} 40").scroll_into_view_if_needed()
    expect(page).not_to_have_url(before)
    for again in (windows.open(page.url), page):
        again.reload()
        expect(cards(again)).to_have_count(2 * PAGE)
        expect(again.get_by_label("Search titles")).to_have_value(word)
        expect(cards(again).filter(has_text=f"{word} 40")).to_be_in_viewport()


def test_the_search_goes_along_to_another_tab(page: Page, word: str) -> None:
    look_for(page, word)
    expect(cards(page)).to_have_count(PAGE)
    page.get_by_role("link", name="Ended").click()
    expect(page.get_by_text(f"Nothing here has “{word}” in its title.")).to_be_visible()
    page.go_back()
    expect(cards(page)).to_have_count(PAGE)
    page.get_by_role("link", name="Auction house").click()
    expect(page.get_by_label("Search titles")).to_have_value("")


@pytest.mark.parametrize("number", ["0", "-3", "x", "99999999999999999999"])
def test_a_mistyped_number_of_pages_does_no_harm(windows: Windows, word: str, number: str) -> None:
    page = windows.open(f"/#/open?q={word}&page={number}&at=nowhere")
    expect(cards(page)).to_have_count(60 if len(number) > 9 else PAGE)


def test_signing_in_leads_back_to_the_list_as_it_was(page: Page, word: str) -> None:
    look_for(page, word)
    page.get_by_role("button", name="Load more").click()
    expect(cards(page)).to_have_count(2 * PAGE)
    sign_up(page, nobody_yet("Anton"))
    expect(cards(page)).to_have_count(2 * PAGE)
    expect(page.get_by_label("Search titles")).to_have_value(word)
