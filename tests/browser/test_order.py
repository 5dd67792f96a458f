"""The order of the lists: what starts soonest, what ends soonest, what ended last."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.browser.behind import Others
from tests.conftest import wait_until

ENDED = "query ($q: String) { auctions(status: ENDED, search: $q) { edges { node { id } } } }"


def ended(behind: Others, word: str) -> int:
    """How many auctions with that word have ended."""
    return len(behind.ask(ENDED, q=word)["auctions"]["edges"])


def test_the_coming_are_listed_by_their_start_and_the_ended_from_the_newest(
    page: Page, behind: Others
) -> None:
    word, now = f"Order{uuid4().hex[:8]}", datetime.now(UTC)
    behind.auctions({f"{word} D": 14, f"{word} E": 10, f"{word} F": 12})
    for letter, (starts, ends) in {"A": (900, 3000), "B": (600, 3600), "C": (700, 2400)}.items():
        starts_at = (now + timedelta(seconds=starts)).isoformat()
        behind.auction(f"{word} {letter}", ends, startsAt=starts_at)
    cards = page.locator(".card h2")

    page.goto(f"/#/coming?q={word}")
    expect(cards).to_have_text([f"{word} {letter}" for letter in "BCA"])

    wait_until(lambda: ended(behind, word) == 3, what="all three have ended")
    page.goto(f"/#/ended?q={word}")
    expect(cards).to_have_text([f"{word} {letter}" for letter in "DFE"])
