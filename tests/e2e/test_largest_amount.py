"""The largest amount, doubled, over the API, in notifications and in admin."""

import asyncio

from portal.laptop.demo.client import PortalClient
from tests.conftest import PASSWORD, Join, RunningPortal
from tests.e2e.acting import auction, create_auction, place
from tests.e2e.test_admin import Browser
from tests.e2e.test_notifications import listed, received

LARGEST, DOUBLED = "9999999999.99", "19999999999.98"


async def test_the_largest_amount_doubled_is_notified_and_shown(
    portal: RunningPortal, join: Join, carol: PortalClient, auctioneer: str
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol)
    await place(alice, auction_id, LARGEST)
    receiving = asyncio.create_task(received(alice, "BID_DOUBLED"))
    drawn = await asyncio.to_thread(portal.manage, "run_promoter", "--once")
    assert drawn.returncode == 0, drawn.stderr
    notification = await receiving
    assert notification["amount"] == DOUBLED
    assert notification["message"].endswith("it now counts 19,999,999,999.98.")

    await place(bob, auction_id, "1.00")
    seen = await auction(bob, auction_id, at_least=4)
    assert seen["leadingBid"]["effectiveAmount"] == DOUBLED
    assert seen["leadingBid"]["amount"] == LARGEST
    assert [each["amount"] for each in await listed(alice)] == [DOUBLED]

    with Browser(base_url=portal.url, follow_redirects=True, timeout=30) as desk:
        desk.submit("/admin/login/?next=/admin/", {"username": auctioneer, "password": PASSWORD})
        page = desk.get(f"/admin/commands/auction/{auction_id}/change/")
    assert page.status_code == 200
    assert LARGEST in page.text.replace(",", "")
