"""The house takes a lot from somebody who does not pay: in admin, and at the command line."""

from portal.laptop.demo.client import CLOSE_AUCTION_NOW, PortalClient
from tests.conftest import Join, RunningPortal
from tests.e2e.acting import create_auction, events, place
from tests.e2e.forms import fields_of
from tests.e2e.test_admin import Browser
from tests.e2e.test_admin import browser as browser

CHANCE = {"secondChance": {"confirmWithin": 3600, "answerWithin": 3600, "most": 2}}


async def _closed(join: Join, carol: PortalClient) -> tuple[str, str]:
    """An auction whose lot is offered to its winner, and that bid; somebody else bid, too."""
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, rules=CHANCE)
    await place(bob, auction_id, "12.00")
    won = await place(alice, auction_id, "20.00")
    await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason="The hall closes.")
    await events(carol, auction_id, until="LotOffered")
    return auction_id, won["result"]["bidId"]


async def test_a_form_takes_the_lot_from_whom_it_showed_and_from_nobody_else(
    browser: Browser, join: Join, carol: PortalClient
) -> None:
    auction_id, bid_id = await _closed(join, carol)
    page, form = (f"/admin/commands/auction/{auction_id}/{part}/" for part in ("change", "forfeit"))
    assert f'<a href="{form}">The winner does not pay</a>' in browser.get(page).text
    filled = {**fields_of(browser.get(form).text), "reason": "No <b>money"}
    assert filled["bid_id"] == bid_id
    done = browser.submit(form, filled)
    assert done.url.path == page
    assert "They have the lot no more." in done.text
    # The same form once more, as it was shown before.
    again = browser.submit(form, filled)
    assert "the lot is neither offered nor sold to that bid" in again.text.lower()
    record = browser.get(f"/admin/commands/event/stream/{auction_id}/").text
    assert "No &lt;b&gt;money" in record
    happened = await events(carol, auction_id, until=8)
    assert [each["__typename"] for each in happened].count("SaleForfeited") == 1


async def test_an_operator_takes_the_lot_once(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    auction_id, bid_id = await _closed(join, carol)
    done = portal.manage("forfeit_sale", auction_id, bid_id, "--reason", "Never paid.")
    assert (done.returncode, done.stderr) == (0, "")
    happened = await events(carol, auction_id, until=8)
    assert [each["__typename"] for each in happened[-2:]] == ["SaleForfeited", "LotOffered"]
    again = portal.manage("forfeit_sale", auction_id, bid_id, "--reason", "Never paid.")
    assert (again.returncode, "(NOT_OFFERED)" in again.stderr) == (1, True)
