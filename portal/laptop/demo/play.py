"""The play: people bid against each other as outside clients, and keep their own books."""

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from portal.laptop.demo.client import CREATE_AUCTION, DELETE_BID, PLACE_BID, PortalClient
from portal.laptop.demo.ledger import Books
from portal.laptop.demo.running import RunningPortal
from portal.laptop.demo.screen import Screen

BIDDERS = ("alice", "bob", "charlie", "dave", "erin")
# Titles, seconds from now to the end, and whether anybody bids.
CATALOGUE = (
    ("A brass ship's clock", 20, True),
    ("A first edition, slightly foxed", 22, True),
    ("A box of unsorted stamps", 24, True),
    ("A portrait of nobody in particular", 21, False),
)
# What is left for whoever looks at the portal afterwards: titles, and minutes until they start and end.
LEFT_OPEN = (
    ("A pair of garden chairs", 0, 60),
    ("A barometer, set fair", 0, 75),
    ("A tea chest with two keys", 0, 90),
)
COMING = (("A map of the coast, hand-coloured", 20, 120), ("A clockwork tram", 40, 150))
TICKS_AFTER = (7.0, 5.0)
# The house announces within a second or two; this is how long the demo waits before it complains.
ANNOUNCED_WITHIN = 30.0
POLL = 0.1
PENCE = Decimal("0.01")

AUCTION = """subscription ($id: UUID!) { auction: auctionUpdated(id: $id) {
  id title version endsAt bidCount bidderCount
  leadingBid { id amount effectiveAmount doubled bidder { username } }
  winner { announcedAt bidder { username } bid { id amount effectiveAmount doubled } } } }"""
EVENTS = """subscription ($id: UUID!) { event: auctionEvents(id: $id) {
  __typename version recordedAt
  ... on BidDoubled { bidId effectiveAmount tick chance }
  ... on WinnerAnnounced { bid { id amount effectiveAmount doubled bidder { username } } } } }"""
TOLD = "subscription { told: notificationReceived { kind message } }"
TICK = "query ($number: Int) { tick(number: $number) { number commitment secret } }"


@dataclass(frozen=True, slots=True)
class Draw:
    """A doubled bid, as the house announced it."""

    lot: "Lot"
    tick: int
    chance: float
    effective_amount: str


@dataclass(slots=True)
class Lot:
    """An auction of the play, its books, and the event that ended it."""

    id: str
    ends_at: datetime
    books: Books
    contested: bool
    ended: Any = None

    @property
    def open(self) -> bool:
        """Whether a bid sent now would count, by a clock that need not be the portal's."""
        return datetime.now(UTC) < self.ends_at


@dataclass(slots=True)
class Play:
    """Everybody and everything that takes part, and what went otherwise than it should."""

    running: RunningPortal
    screen: Screen
    people: dict[str, PortalClient] = field(default_factory=dict)
    lots: list[Lot] = field(default_factory=list)
    draws: list[Draw] = field(default_factory=list)
    wins: dict[str, asyncio.Queue[str]] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)

    def expect(self, what: str, wanted: object, got: object) -> None:
        """Note it if something came out otherwise."""
        if wanted != got:
            self.surprises.append(f"{what}: expected {wanted}, got {got}")


async def perform(play: Play, auctioneer: str, password: str) -> None:
    """From empty rooms to announced winners; the verdict is in the lots and the surprises."""
    async with AsyncExitStack() as doors:
        for name in (auctioneer, *BIDDERS):
            play.people[name] = await doors.enter_async_context(_client(play.running.url))
        await _arrive(play, auctioneer, password)
        for title, seconds, contested in CATALOGUE:
            await _put_up(play, play.people[auctioneer], title, seconds, contested)
        await _bidding(play)
        await _late_bid(play, play.lots[0])
        await _leave_some(play, play.people[auctioneer])


@asynccontextmanager
async def _client(url: str) -> AsyncIterator[PortalClient]:
    client = PortalClient(url)
    try:
        yield client
    finally:
        await client.close()


async def _arrive(play: Play, auctioneer: str, password: str) -> None:
    await play.running.manage("create_user", auctioneer, "--staff", stdin=f"{password}\n")
    await play.people[auctioneer].sign_in(auctioneer, password)
    play.screen.say("", f"{auctioneer} (staff) made with manage.py create_user, and signed in")
    play.passwords = {auctioneer: password, **{name: new_password() for name in BIDDERS}}
    jobs = await asyncio.gather(
        *(
            play.people[name].sign_up(name, play.passwords[name], email=f"{name}@example.org")
            for name in BIDDERS
        )
    )
    for name, job in zip(BIDDERS, jobs, strict=True):
        play.expect(f"{name} signs up", "SUCCEEDED", job["status"])
        play.screen.say("", f"{name} signed up and in")


async def _put_up(
    play: Play, auctioneer: PortalClient, title: str, seconds: int, contested: bool
) -> None:
    ends_at = datetime.now(UTC) + timedelta(seconds=seconds)
    job = await auctioneer.command(CREATE_AUCTION, title=title, endsAt=ends_at.isoformat())
    play.expect(f"creating {title!r}", "SUCCEEDED", job["status"])
    play.lots.append(Lot(job["result"]["auctionId"], ends_at, Books(title), contested))
    play.screen.say("", f"the auction of {title!r} is open for {seconds} s")


async def _leave_some(play: Play, auctioneer: PortalClient) -> None:
    """Auctions for whoever looks around afterwards: some open for an hour, with bids, and some coming."""
    now = datetime.now(UTC)
    for title, starts, ends in (*LEFT_OPEN, *COMING):
        times = {"endsAt": (now + timedelta(minutes=ends)).isoformat()}
        if starts:
            times["startsAt"] = (now + timedelta(minutes=starts)).isoformat()
        job = await auctioneer.command(CREATE_AUCTION, title=title, **times)
        play.expect(f"creating {title!r}", "SUCCEEDED", job["status"])
        for name in () if starts else random.sample(BIDDERS, 3):
            placed = await play.people[name].command(
                PLACE_BID,
                auctionId=job["result"]["auctionId"],
                amount=f"{random.randint(20, 90)}.00",
            )
            play.expect(f"{name} bids on {title!r}", "SUCCEEDED", placed["status"])


def new_password() -> str:
    """A password for the occasion."""
    return f"demo-{secrets.token_hex(4)}"


async def _bidding(play: Play) -> None:
    ends: list[Awaitable[None]] = [_watch_events(play, lot) for lot in play.lots]
    async with asyncio.TaskGroup() as crowd:
        watching = [crowd.create_task(_watch_state(play, lot)) for lot in play.lots]
        play.wins = {name: asyncio.Queue() for name in BIDDERS}
        watching += [crowd.create_task(_listen(play, name)) for name in BIDDERS]
        running = crowd.create_task(_promoter(play))
        await _opening(play, play.lots[0])
        bidders = [crowd.create_task(_bid_along(play, name)) for name in BIDDERS]
        await asyncio.gather(*ends)
        await asyncio.gather(running, *bidders)
        await _winners_are_told(play)
        for task in watching:
            task.cancel()


async def _watch_state(play: Play, lot: Lot) -> None:
    async for data in play.people["alice"].subscribe(AUCTION, id=lot.id):
        play.screen.auctions[lot.id] = data["auction"]


async def _listen(play: Play, name: str) -> None:
    async for data in play.people[name].subscribe(TOLD):
        told = data["told"]
        if told["kind"] == "AUCTION_WON":
            play.wins[name].put_nowait(told["message"])
        # Everybody hears of every new highest bid, and the screen of what one of them hears.
        if told["kind"] != "MAX_BID_CHANGED" or name == BIDDERS[0]:
            play.screen.say("told", f"to {name}: {told['message']}")


async def _winners_are_told(play: Play) -> None:
    """Everybody who won hears of it once for each auction."""
    won = Counter(
        lot.ended["bid"]["bidder"]["username"] for lot in play.lots if lot.ended and lot.contested
    )
    for name, times in won.items():
        try:
            async with asyncio.timeout(ANNOUNCED_WITHIN):
                for _ in range(times):
                    await play.wins[name].get()
        except TimeoutError:
            play.surprises.append(f"{name} was not told of each auction won")


async def _watch_events(play: Play, lot: Lot) -> None:
    limit = (lot.ends_at - datetime.now(UTC)).total_seconds() + ANNOUNCED_WITHIN
    try:
        async with asyncio.timeout(limit):
            await _until_ended(play, lot)
    except TimeoutError:
        play.surprises.append(f"{lot.books.title}: not announced {ANNOUNCED_WITHIN:.0f} s after")


async def _until_ended(play: Play, lot: Lot) -> None:
    title = lot.books.title
    async for data in play.people["alice"].subscribe(EVENTS, id=lot.id):
        event = data["event"]
        match event["__typename"]:
            case "BidDoubled":
                lot.books.doubled(event["bidId"], event["version"])
                chance, counts = event["chance"], event["effectiveAmount"]
                play.draws.append(Draw(lot, event["tick"], chance, counts))
                line = f"tick {event['tick']} doubled a bid that had a chance of {chance:.1%}"
                play.screen.say("luck", f"{title}: {line}: it now counts {counts}")
            case "WinnerAnnounced":
                lot.ended = event
                winner = event["bid"]["bidder"]["username"]
                play.screen.say("won", f"{title}: sold to {winner} for {event['bid']['amount']}")
                return
            case "AuctionEndedUnsold":
                lot.ended = event
                play.screen.say("won", f"{title}: ended unsold")
                return


async def _promoter(play: Play) -> None:
    for pause in TICKS_AFTER:
        await asyncio.sleep(pause)
        committed = (await play.people["alice"].execute(TICK))["tick"]
        line = f"tick {committed['number']} is committed to {committed['commitment'][:16]}…"
        play.screen.say("luck", f"promoter: {line}")
        tick = await play.running.manage("run_promoter", "--once")
        if tick["tick"] is None:
            play.screen.say("luck", "promoter: no open auction has a bid to double")
            continue
        play.expect("the tick that was committed to", committed["number"], tick["tick"])
        play.screen.say("luck", f"promoter: tick {tick['tick']}, {len(tick['draws'])} draws")


async def _opening(play: Play, lot: Lot) -> None:
    """The rules one by one, before everybody bids as they like."""
    first = await _place(play, lot, "alice", Decimal(100))
    play.expect("a first bid", "SUCCEEDED", first["status"])
    lower = await _place(play, lot, "bob", Decimal(80))
    play.expect("a bid below the leading one", "SUCCEEDED", lower["status"])
    too_low = await _place(play, lot, "bob", Decimal(75))
    play.expect("a bid below one's own", "BID_TOO_LOW", _code(too_low))
    key = uuid4().hex
    clicks = [await _place(play, lot, "charlie", Decimal(120), key) for _ in range(2)]
    play.expect("a double click is one job", clicks[0]["id"], clicks[1]["id"])
    stranger = await _delete(play, lot, "bob", clicks[0]["result"]["bidId"])
    play.expect("deleting somebody else's bid", "BID_NOT_YOURS", _code(stranger))
    own = await _delete(play, lot, "charlie", clicks[0]["result"]["bidId"])
    play.expect("deleting one's own bid", "SUCCEEDED", own["status"])


async def _bid_along(play: Play, name: str) -> None:
    contested = [lot for lot in play.lots if lot.contested]
    while still_open := [lot for lot in contested if lot.open]:
        lot = random.choice(still_open)
        move = random.choices((_raise, _stay_below, _too_low, _take_back), (5, 3, 1, 1))[0]
        await move(play, lot, name)
        await asyncio.sleep(random.uniform(0.2, 1.2))


async def _raise(play: Play, lot: Lot, name: str) -> None:
    leading = lot.books.leading
    base = leading.effective_amount if leading else Decimal(random.randint(20, 80))
    await _place(play, lot, name, base * Decimal(random.randint(102, 118)) / 100)


async def _stay_below(play: Play, lot: Lot, name: str) -> None:
    own, leading = lot.books.live_of(name), lot.books.leading
    floor = own[0].effective_amount if own else Decimal(10)
    if leading and floor + 1 < leading.effective_amount:
        gap = leading.effective_amount - floor
        await _place(play, lot, name, floor + gap * Decimal(random.randint(20, 80)) / 100)


async def _too_low(play: Play, lot: Lot, name: str) -> None:
    if own := lot.books.live_of(name):
        await _place(play, lot, name, own[0].effective_amount)


async def _take_back(play: Play, lot: Lot, name: str) -> None:
    if own := lot.books.live_of(name):
        await _delete(play, lot, name, random.choice(own).bid_id)


async def _place(
    play: Play, lot: Lot, name: str, offer: Decimal, key: str | None = None
) -> dict[str, Any]:
    amount = offer.quantize(PENCE)
    job = await play.people[name].command(
        PLACE_BID, auctionId=lot.id, amount=str(amount), idempotencyKey=key or uuid4().hex
    )
    if job["status"] == "SUCCEEDED":
        lot.books.placed(job["result"]["bidId"], name, amount, job["result"]["version"])
    _report(play, job, name, "bid", f"{lot.books.title}: {name} bids {amount}")
    return job


async def _delete(play: Play, lot: Lot, name: str, bid_id: str) -> dict[str, Any]:
    job = await play.people[name].command(DELETE_BID, auctionId=lot.id, bidId=bid_id)
    if job["status"] == "SUCCEEDED":
        lot.books.deleted(bid_id)
    entry = lot.books.entries[bid_id]
    _report(play, job, name, "gone", f"{lot.books.title}: {name} deletes the bid of {entry.amount}")
    return job


def _report(play: Play, job: dict[str, Any], name: str, kind: str, line: str) -> None:
    match job["status"]:
        case "SUCCEEDED":
            play.screen.say(kind, line)
        case "REJECTED":
            play.screen.say("no", f"{name} is refused: {job['rejection']['message']}")
        case other:
            play.surprises.append(f"{line}: {other}")


def _code(job: dict[str, Any]) -> str | None:
    return job["rejection"] and str(job["rejection"]["code"])


async def _late_bid(play: Play, lot: Lot) -> None:
    late = await _place(play, lot, "erin", Decimal(999_999))
    play.expect("a bid after the end", "AUCTION_ENDED", _code(late))


async def secrets_of(play: Play) -> dict[int, str]:
    """The secrets of the ticks that drew, as the house reveals them."""
    client = PortalClient(play.running.url)
    revealed: dict[int, str] = {}
    try:
        async with asyncio.timeout(ANNOUNCED_WITHIN):
            for number in sorted({draw.tick for draw in play.draws}):
                # No news is published of it.
                while not (secret := await _secret(client, number)):  # noqa: ASYNC110
                    await asyncio.sleep(POLL)
                revealed[number] = secret
    except TimeoutError:
        play.surprises.append("a tick's secret is not revealed")
    finally:
        await client.close()
    return revealed


async def _secret(client: PortalClient, number: int) -> str | None:
    tick = (await client.execute(TICK, number=number))["tick"]
    secret: str | None = tick["secret"]
    return secret
