"""The order of the lists: what starts soonest, what ends soonest, what ended last."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.browser.behind import Others
from tests.conftest import wait_until


def test_the_coming_are_listed_by_their_start_and_the_ended_from_the_newest(
    page: Page, behind: Others
) -> None:
    word, now = f"Order{uuid4().hex[:8]}", datetime.now(UTC)
    for letter, (starts, ends) in {"A": (900, 3000), "B": (600, 3600), "C": (700, 2400)}.items():
        starts_at = (now + timedelta(seconds=starts)).isoformat()
        behind.auction(f"{word} {letter}", ends, startsAt=starts_at)
    for letter, seconds in {"D": 26, "E": 22, "F": 24}.items():
        left = (now + timedelta(seconds=seconds) - datetime.now(UTC)).total_seconds()
        behind.auction(f"{word} {letter}", left)
    cards = page.locator(".card h2")

    page.goto(f"/#/coming?q={word}")
    expect(cards).to_have_text([f"{word} {letter}" for letter in "BCA"])

    page.goto(f"/#/ended?q={word}")

    def all_ended() -> bool:
        page.reload()
        page.wait_for_load_state("networkidle")
        return cards.count() == 3

    wait_until(all_ended, 60, "all three have ended")
    expect(cards).to_have_text([f"{word} {letter}" for letter in "DFE"])
