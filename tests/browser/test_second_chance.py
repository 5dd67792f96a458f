"""The page of an auction with a second chance: who is offered the lot has buttons, the others are told."""

from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from portal.laptop.demo.client import CLOSE_AUCTION_NOW, FORFEIT_SALE, PortalClient
from tests.browser.axe import findings
from tests.browser.behind import Others
from tests.browser.people import nobody_yet
from tests.browser.test_bidding import window_of
from tests.browser.windows import Windows

CHANCE = {"secondChance": {"confirmWithin": 3600, "answerWithin": 1800, "most": 1}}


@pytest.fixture
def people(behind: Others) -> tuple[PortalClient, PortalClient]:
    """Winnie, who bids more, and Nora, who is next."""
    return behind.bidder(nobody_yet("Winnie")), behind.bidder(nobody_yet("Nora"))


@pytest.fixture
def lot(behind: Others, people: tuple[PortalClient, PortalClient]) -> str:
    """An auction that Winnie won with 30.00; Nora's bid is of 20.00."""
    return won(behind, people)


def won(behind: Others, people: tuple[PortalClient, PortalClient], **rules: object) -> str:
    """The same, with these rules beside."""
    winnie, nora = people
    auction_id = behind.auction(f"A barometer {uuid4().hex[:8]}", rules={**CHANCE, **rules})
    behind.bid(nora, auction_id, "20.00")
    behind.bid(winnie, auction_id, "30.00")
    behind.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason="The hall closes.")
    return auction_id


def test_the_winner_declines_and_the_next_one_buys(
    windows: Windows, lot: str, people: tuple[PortalClient, PortalClient]
) -> None:
    winnie, nora = people
    first = window_of(windows, winnie, f"/#/auction/{lot}")
    second = window_of(windows, nora, f"/#/auction/{lot}")
    expect(first.locator(".leading .label")).to_have_text("You won. Will you buy it?")
    expect(first.locator(".answering")).to_contain_text("Confirm the purchase until ")
    expect(first.get_by_role("button", name="Confirm the purchase")).to_be_visible()
    name = winnie.user["username"]
    expect(second.locator(".leading .label")).to_have_text(
        f"{name} won, and is to confirm the purchase"
    )
    expect(second.locator(".answering")).to_be_hidden()
    assert findings(first) == []

    first.get_by_role("button", name="I don’t want it").click()
    question = first.get_by_role("dialog", name="Let it go?")
    question.get_by_role("button", name="Keep the offer").click()
    expect(first.get_by_role("button", name="Confirm the purchase")).to_be_visible()
    first.get_by_role("button", name="I don’t want it").click()
    question.get_by_role("button", name="Let it go", exact=True).click()
    expect(first.locator(".answering .answered")).to_have_text("You declined it.")
    other = nora.user["username"]
    expect(first.locator(".leading .label")).to_have_text(f"Offered to the next bidder, {other}")
    expect(first.get_by_role("button", name="Confirm the purchase")).to_be_hidden()

    expect(second.locator(".leading .label")).to_have_text("It is offered to you")
    expect(second.locator(".answering")).to_contain_text("You can buy it for 20.00 until ")
    second.get_by_role("button", name="Buy for 20.00").click()
    expect(second.locator(".leading .label")).to_have_text("You bought it. Congratulations!")
    expect(second.locator(".answering")).to_be_hidden()
    expect(first.locator(".leading .label")).to_have_text(f"Sold to {other}")
    expect(second.locator(".history li span").first).to_have_text("You bought it")
    expect(second.locator(".history")).to_contain_text(f"{name} declined")
    expect(second.locator(".why")).to_contain_text(f"The lot was offered to {other} for 20.00")


def test_in_a_masked_auction_each_knows_when_it_is_their_turn(
    windows: Windows, behind: Others, people: tuple[PortalClient, PortalClient]
) -> None:
    winnie, nora = people
    masked = won(behind, people, masked={"namesWinner": False})
    first = window_of(windows, winnie, f"/#/auction/{masked}")
    second = window_of(windows, nora, f"/#/auction/{masked}")
    expect(first.locator(".leading .label")).to_have_text("You won. Will you buy it?")
    expect(second.locator(".leading .label")).to_have_text(
        "Bidder 2 won, and is to confirm the purchase"
    )
    first.get_by_role("button", name="I don’t want it").click()
    question = first.get_by_role("dialog", name="Let it go?")
    question.get_by_role("button", name="Let it go", exact=True).click()
    expect(first.locator(".leading .label")).to_have_text("Offered to the next bidder, Bidder 1")
    second.get_by_role("button", name="Buy for 20.00").click()
    expect(second.locator(".leading .label")).to_have_text("You bought it. Congratulations!")
    expect(first.locator(".leading .label")).to_have_text("Sold to Bidder 1")
    second.goto("/#/mine/won")
    expect(second.locator(".card")).to_contain_text("Sold to you")
    second.goto("/#/winners")
    row = second.locator("tr").filter(has_text="Bidder 2")
    expect(row).to_contain_text("Sold to you for 20.00")
    expect(row.locator(".number")).to_have_text("–")
    for page in (first, second):
        expect(page.locator("main")).not_to_contain_text(winnie.user["username"])


def test_what_is_offered_is_found_in_lists_and_among_winners(
    windows: Windows,
    page: Page,
    behind: Others,
    lot: str,
    people: tuple[PortalClient, PortalClient],
) -> None:
    winnie, _ = people
    page.goto("/#/winners")
    row = page.locator("tr").filter(has_text=winnie.user["username"])
    expect(row).to_contain_text("To be confirmed")
    hers = window_of(windows, winnie, "/#/mine/offered")
    card = hers.locator(".card")
    expect(card).to_contain_text("Offered to you")
    expect(card.locator(".chip")).to_have_text("Offered")
    behind.command(
        FORFEIT_SALE,
        auctionId=lot,
        bidId=_current(behind, lot),
        reason="No answer by phone.",
    )
    expect(card).to_have_count(0)
    expect(hers.get_by_text("Nothing is offered to you.")).to_be_visible()
    expect(row).to_contain_text("Offered to Nora")


def _current(behind: Others, lot: str) -> str:
    """The bid with which the lot is offered."""
    query = "query ($id: UUID!) { auction(id: $id) { sale { current { bidId } } } }"
    found: str = behind.ask(query, id=lot)["auction"]["sale"]["current"]["bidId"]
    return found
