"""What subscriptions bring: states and events of the auctions, and the bidders' notifications."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

from portal.laptop.demo.state import ANNOUNCED_WITHIN, BIDDERS, Demo, DemoAuction, Draw

AUCTION = """subscription ($id: UUID!) { auction: auctionUpdated(id: $id) {
  id title version endsAt bidCount bidderCount
  leadingBid { id amount effectiveAmount doubled bidder { username } }
  winner { announcedAt bidder { username } bid { id amount effectiveAmount doubled } } } }"""
AUCTION_EVENTS = """subscription ($id: UUID!) { event: auctionEvents(id: $id) {
  __typename version recordedAt
  ... on AuctionExtended { endsAt }
  ... on BidDoubled { bidId effectiveAmount tick chance }
  ... on WinnerAnnounced { bid { id amount effectiveAmount doubled bidder { username } } } } }"""
NOTIFICATIONS = "subscription { notification: notificationReceived { kind message } }"


async def watch_state(demo: Demo, auction: DemoAuction) -> None:
    """Show each state of the auction until cancelled."""
    async for data in demo.people["alice"].subscribe(AUCTION, id=auction.id):
        demo.screen.auctions[auction.id] = data["auction"]


async def watch_notifications(demo: Demo, name: str) -> None:
    """Show the bidder's notifications and collect those of won auctions, until cancelled."""
    async for data in demo.people[name].subscribe(NOTIFICATIONS):
        notification = data["notification"]
        if notification["kind"] == "AUCTION_WON":
            demo.wins[name].put_nowait(notification["message"])
        # Every bidder gets each new highest bid; on the screen one of these is enough.
        if notification["kind"] != "MAX_BID_CHANGED" or name == BIDDERS[0]:
            demo.screen.say("notification", f"to {name}: {notification['message']}")


async def check_winners_notified(demo: Demo) -> None:
    """Wait until each winner has a notification for each auction that they won."""
    won = Counter(
        auction.ended["bid"]["bidder"]["username"]
        for auction in demo.auctions
        if auction.ended and auction.contested
    )
    for name, times in won.items():
        try:
            async with asyncio.timeout(ANNOUNCED_WITHIN):
                for _ in range(times):
                    await demo.wins[name].get()
        except TimeoutError:
            demo.unexpected.append(f"{name} was not notified of each auction won")


async def watch_events(demo: Demo, auction: DemoAuction) -> None:
    """Enter the auction's draws and its end in the demo's state; returns when it has ended."""
    limit = (auction.ends_at - datetime.now(UTC)).total_seconds() + ANNOUNCED_WITHIN
    try:
        async with asyncio.timeout(limit):
            await _until_ended(demo, auction)
    except TimeoutError:
        demo.unexpected.append(
            f"{auction.ledger.title}: not announced {ANNOUNCED_WITHIN:.0f} s after"
        )


async def _until_ended(demo: Demo, auction: DemoAuction) -> None:
    title = auction.ledger.title
    async for data in demo.people["alice"].subscribe(AUCTION_EVENTS, id=auction.id):
        event = data["event"]
        match event["__typename"]:
            case "AuctionExtended":
                auction.ends_at = datetime.fromisoformat(event["endsAt"])
                demo.screen.say("", f"{title}: a late bid moved the end")
            case "BidDoubled":
                auction.ledger.doubled(event["bidId"], event["version"])
                chance, counts = event["chance"], event["effectiveAmount"]
                demo.draws.append(Draw(auction, event["tick"], chance, counts))
                line = f"tick {event['tick']} doubled a bid that had a chance of {chance:.1%}"
                demo.screen.say("luck", f"{title}: {line}: it now counts {counts}")
            case "WinnerAnnounced":
                auction.ended = event
                winner = event["bid"]["bidder"]["username"]
                demo.screen.say("won", f"{title}: sold to {winner} for {event['bid']['amount']}")
                return
            case "AuctionEndedUnsold":
                auction.ended = event
                demo.screen.say("won", f"{title}: ended unsold")
                return
