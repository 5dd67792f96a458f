"""A banned bidder reads on the page that they are, until when, and why."""

from playwright.sync_api import expect

from tests.browser.behind import Others
from tests.browser.test_bidding import offer, window_of
from tests.browser.windows import Windows
from tests.e2e.test_bans import BAN_USER, REASON, id_of


def test_a_refused_bid_says_why(windows: Windows, behind: Others) -> None:
    auction_id = behind.auction("A violin")
    anton = behind.bidder(f"Anton-{auction_id[-6:]}")
    user_id = behind.run(id_of(anton))
    until = "2999-01-31T18:00:00Z"
    asked = {"userId": user_id, "auctionId": auction_id, "until": until, "reason": REASON}
    behind.command(BAN_USER, **asked)
    page = window_of(windows, anton, f"/#/auction/{auction_id}")
    offer(page, "10.00")
    expect(page.get_by_role("alert")).to_have_text(
        "By a ban of the house you can't bid in this auction until 2999-01-31 18:00:00 UTC. "
        f"“{REASON}”"
    )
