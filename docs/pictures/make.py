"""Makes the README's pictures anew, from a portal that runs: python docs/pictures/make.py URL STAFF PASSWORD

It needs a Chromium, and a portal that may be played with: it signs bidders up and creates auctions.
"""

import asyncio
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playwright.async_api import Browser, async_playwright

from portal.laptop.demo.client import CREATE_AUCTION, PLACE_BID, PortalClient

HERE = Path(__file__).resolve().parent
PASSWORD = "only for the pictures"
# Title, minutes until it ends, and bids in their order: who, and how much.
LOTS = (
    ("A brass ship’s clock", 55, (("anna", 120), ("ben", 150), ("anna", 185), ("clara", 210))),
    ("A first edition, slightly foxed", 42, (("clara", 80), ("ben", 95))),
    ("A box of unsorted stamps", 71, (("ben", 35), ("anna", 40), ("clara", 38))),
    ("A portrait of nobody in particular", 90, ()),
    ("A lamp that needs a plug", 33, (("anna", 12),)),
    ("A globe without Antarctica", 48, (("clara", 64), ("anna", 70))),
)


async def furnish(url: str, staff: str, password: str) -> str:
    """Auctions with bids; the id of the first."""
    people = {name: PortalClient(url) for name in ("anna", "ben", "clara", staff)}
    await people[staff].sign_in(staff, password)
    for name in ("anna", "ben", "clara"):
        await people[name].sign_up(name, PASSWORD)
    ids = []
    for title, minutes, bids in LOTS:
        ends = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
        job = await people[staff].command(CREATE_AUCTION, title=title, endsAt=ends)
        ids.append(job["result"]["auctionId"])
        for name, amount in bids:
            await people[name].command(PLACE_BID, auctionId=ids[-1], amount=f"{amount}.00")
    for client in people.values():
        await client.close()
    return str(ids[0])


async def picture(
    browser: Browser, url: str, path: str, file: str, scheme: str, width: int
) -> None:
    """One screenshot as WebP or JPEG by its name; twice as sharp on a phone."""
    phone = width < 500
    page = await browser.new_page(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": 844 if phone else 720},
        device_scale_factor=2 if phone else 1,
    )
    await page.goto(url + path)
    await page.wait_for_selector(".card, .leading")
    await page.wait_for_timeout(1500)
    await page.screenshot(path=HERE / file)
    await page.close()


async def main(url: str, staff: str, password: str) -> None:
    """Furnish the portal, then take the pictures."""
    auction = await furnish(url, staff, password)
    async with async_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = await playwright.chromium.launch(executable_path=path)
        for scheme in ("light", "dark"):
            await picture(browser, url, "/", f"auctions-{scheme}.png", scheme, 1280)
        await picture(browser, url, f"/#/auction/{auction}", "auction-phone.png", "light", 390)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
