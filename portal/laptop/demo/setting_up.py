"""Users and auctions of the demo: signed up and created before it, and left open after it."""

import asyncio
import random
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from portal.laptop.demo.client import CREATE_AUCTION, PLACE_BID, PortalClient
from portal.laptop.demo.ledger import Ledger
from portal.laptop.demo.state import BIDDERS, Demo, DemoAuction

# Auctions that outlast the demo: titles, rules, and minutes until they start and end.
LEFT_OPEN = (
    ("A pair of garden chairs", None, 0, 60),
    ("A barometer, set fair", {"preset": "ENGLISH"}, 0, 75),
    ("A tea chest with two keys", {"reserve": "75.00", "startingPrice": "5.00"}, 0, 90),
)
COMING = (
    ("A map of the coast, hand-coloured", None, 20, 120),
    ("A clockwork tram", {"preset": "CHARITY"}, 40, 150),
)


async def sign_up(demo: Demo, auctioneer: str, password: str) -> None:
    """Create the auctioneer at the command line, and the bidders over the API."""
    await demo.portal.manage("create_user", auctioneer, "--staff", stdin=f"{password}\n")
    await demo.people[auctioneer].sign_in(auctioneer, password)
    demo.screen.say("", f"{auctioneer} (staff) made with manage.py create_user, and signed in")
    demo.passwords = {auctioneer: password, **{name: new_password() for name in BIDDERS}}
    jobs = await asyncio.gather(
        *(
            demo.people[name].sign_up(name, demo.passwords[name], email=f"{name}@example.org")
            for name in BIDDERS
        )
    )
    for name, job in zip(BIDDERS, jobs, strict=True):
        demo.expect(f"{name} signs up", "SUCCEEDED", job["status"])
        demo.screen.say("", f"{name} signed up and in")


async def create_auction(
    demo: Demo, auctioneer: PortalClient, title: str, rules: Any, seconds: int, contested: bool
) -> None:
    """Create an auction with these rules that starts now and ends after so many seconds."""
    ends_at = datetime.now(UTC) + timedelta(seconds=seconds)
    job = await auctioneer.command(
        CREATE_AUCTION, title=title, endsAt=ends_at.isoformat(), rules=rules
    )
    demo.expect(f"creating {title!r}", "SUCCEEDED", job["status"])
    demo.auctions.append(DemoAuction(job["result"]["auctionId"], ends_at, Ledger(title), contested))
    goes_by = f" by the rules {rules['preset'].lower()}" if rules else ""
    demo.screen.say("", f"the auction of {title!r} is open for {seconds} s{goes_by}")


async def leave_auctions(demo: Demo, auctioneer: PortalClient) -> None:
    """Create auctions to look at after the demo: open ones with bids, and ones that start later."""
    now = datetime.now(UTC)
    for title, rules, starts, ends in (*LEFT_OPEN, *COMING):
        times = {"endsAt": (now + timedelta(minutes=ends)).isoformat()}
        if starts:
            times["startsAt"] = (now + timedelta(minutes=starts)).isoformat()
        job = await auctioneer.command(CREATE_AUCTION, title=title, rules=rules, **times)
        demo.expect(f"creating {title!r}", "SUCCEEDED", job["status"])
        # Rising by more than any increment there.
        amounts = sorted(random.sample(range(20, 95, 5), 3))
        bidders = [] if starts else random.sample(BIDDERS, 3)
        for name, offer in zip(bidders, amounts, strict=False):
            placed = await demo.people[name].command(
                PLACE_BID,
                auctionId=job["result"]["auctionId"],
                amount=f"{offer}.00",
            )
            demo.expect(f"{name} bids on {title!r}", "SUCCEEDED", placed["status"])


def new_password() -> str:
    """A random password."""
    return f"demo-{secrets.token_hex(4)}"
