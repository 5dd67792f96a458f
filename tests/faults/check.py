"""Checks after a round: the answers to clients, the events, and what the API shows must agree."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from pymongo import MongoClient

from portal.env import database_roles
from portal.laptop.demo.client import DELETE_BID, JOB, PLACE_BID
from tests.e2e.acting import AUCTION_FIELDS
from tests.faults.clients import AuctionRecord, Entry, Ledger, Person
from tests.faults.processes import SCHEDULES, Processes

Json = dict[str, Any]

# Two rounds of the promoter that were meant to be one.
TOO_SOON = """
SELECT number, gap FROM (
    SELECT number, made_at - lag(made_at) OVER (ORDER BY made_at) AS gap FROM promoter_ticks
) AS ticks WHERE gap < %s::interval
"""
UNREVEALED = "SELECT number FROM promoter_ticks WHERE made_at IS NOT NULL AND revealed_at IS NULL"
UNSETTLED = "SELECT id, command FROM jobs WHERE status = 'QUEUED'"
UNCLOSED = "SELECT id FROM auctions WHERE NOT closed AND ends_at < clock_timestamp()"
LEFT = """
SELECT greatest(extract(epoch FROM max(ends_at) - clock_timestamp()), 0) AS seconds FROM auctions WHERE NOT closed
"""
UNNOTIFIED = """
SELECT id FROM auctions WHERE version > coalesce(
    (SELECT version FROM notification_progress WHERE auction_id = auctions.id), 0)
"""
# Connections of the portal's last for longer than those of these checks, which are the owner's.
NOT_THE_WRITER = """
SELECT DISTINCT usename AS role FROM pg_stat_activity
WHERE backend_type = 'client backend' AND usename <> %s
  AND backend_start < clock_timestamp() - interval '1 second'
"""
STATE = "SELECT id, version FROM {}"
EVENTS = """
SELECT stream_id, version, type, data, causation_id, recorded_at FROM events
WHERE stream_id = ANY(%s) ORDER BY stream_id, version
"""
JOBS = "SELECT id, command, status, accepted_at FROM jobs WHERE id = ANY(%s)"
NOTIFICATIONS = """
SELECT user_id, kind, auction_id, version, amount, read_at FROM notifications
WHERE auction_id = ANY(%s)
"""
# Of these one is brought up to date while it is unread.
UPDATED_WHILE_UNREAD = ("MAX_BID_CHANGED", "OUTBID")
# Fewer than the aliases that one operation may have.
AT_ONCE = 20
CONSEQUENCES = ("AuctionExtended", "ReserveMet", "ReserveMissed")
ENDINGS = ("WinnerAnnounced", "AuctionEndedUnsold")


@dataclass(slots=True)
class Bid:
    """A bid according to the events."""

    id: str
    bidder: str
    amount: Decimal
    effective: Decimal
    reached: int
    doubled: bool = False
    live: bool = True


@dataclass(slots=True)
class Story:
    """An auction according to its events, computed here without the portal's own code."""

    bids: dict[str, Bid] = field(default_factory=dict)
    # Who led after each version, with what.
    leads: dict[int, Decimal | None] = field(default_factory=dict)
    doubled: dict[int, Bid] = field(default_factory=dict)
    ticks: list[int] = field(default_factory=list)
    draws: list[int] = field(default_factory=list)
    ending: DictRow | None = None
    # When it ends, as far as bids have moved that; and those that were accepted before it opened, or after that.
    ends_at: datetime | None = None
    untimely: list[datetime] = field(default_factory=list)
    # Bids that were placed below what the rules ask for.
    too_low: list[Decimal] = field(default_factory=list)
    reserve: Decimal = Decimal(0)
    met: bool = False
    # The versions at which it was wrong to say whether the reserve is met.
    wrong: dict[int, bool] = field(default_factory=dict)

    @property
    def winner(self) -> Bid | None:
        """The leading bid, if its amount meets the reserve."""
        leading = self.leading
        return leading if leading and leading.amount >= self.reserve else None

    @property
    def leading(self) -> Bid | None:
        """Highest effective amount; of equals the one that reached it first."""
        live = (bid for bid in self.bids.values() if bid.live)
        return min(live, key=lambda bid: (-bid.effective, bid.reached), default=None)


def until_all_ended(processes: Processes) -> float:
    """In how many seconds the last auction ends, as far as its bids are decided; 0 once all have ended."""
    [row] = processes.sql(LEFT)
    return float(row["seconds"])


def unfinished(processes: Processes) -> list[str]:
    """What the portal has not finished yet; empty once it has converged."""
    found = [f"job {row['id']} ({row['command']}) waits" for row in processes.sql(UNSETTLED)]
    found += [f"auction {row['id']} is over and not closed" for row in processes.sql(UNCLOSED)]
    found += [f"nobody was notified of auction {row['id']}" for row in processes.sql(UNNOTIFIED)]
    found += [f"tick {row['number']} is not revealed" for row in processes.sql(UNREVEALED)]
    with MongoClient[Json](processes.mongodb_url, uuidRepresentation="standard") as client:
        documents = client.get_default_database()
        for kind in ("auctions", "users"):
            wanted = {row["id"]: row["version"] for row in processes.sql(STATE.format(kind))}
            at = {d["_id"]: d["version"] for d in documents[f"{kind}_1"].find({}, {"version": 1})}
            found += [
                f"the document in {kind} {id} stands at {at.get(id, 0)} of {version}"
                for id, version in wanted.items()
                if at.get(id, 0) != version
            ]
    return found


async def violations(processes: Processes, ledger: Ledger, auctioneer: Person) -> list[str]:
    """A line for each broken promise."""
    await _settle(ledger.entries, auctioneer)
    events = processes.sql(EVENTS, ([UUID(auction) for auction in ledger.auctions],))
    by_auction: dict[str, list[DictRow]] = {auction: [] for auction in ledger.auctions}
    for row in events:
        by_auction[str(row["stream_id"])].append(row)
    stories = {
        auction: _story(ledger.auctions[auction], rows) for auction, rows in by_auction.items()
    }
    found = [*ledger.faults, *_jobs(ledger, events)]
    found += _causes(processes, events)
    writer, _ = database_roles()
    found += [
        f"a process is signed in to Postgres as {row['role']}"
        for row in processes.sql(NOT_THE_WRITER, (writer,))
    ]
    half = timedelta(seconds=SCHEDULES["Promoter"] / 2)
    found += [f"tick {row['number']} came twice" for row in processes.sql(TOO_SOON, (half,))]
    for auction in ledger.auctions.values():
        found += _ending(auction, by_auction[auction.id], stories[auction.id])
        found += _watched(auction, by_auction[auction.id])
        seen = await auctioneer.ask(
            f"query ($id: UUID!) {{ auction(id: $id) {AUCTION_FIELDS} }}", id=auction.id
        )
        found += _shown(auction, stories[auction.id], seen["auction"])
    found += _notified(processes, ledger, stories)
    return found


async def _settle(entries: Sequence[Entry], auctioneer: Person) -> None:
    """Query each job again; an outcome that a client got before must be the same."""
    answered = [entry for entry in entries if entry.answered]
    for start in range(0, len(answered), AT_ONCE):
        some = answered[start : start + AT_ONCE]
        parts = [f'j{n}: job(id: "{min(e.jobs)}") {JOB}' for n, e in enumerate(some)]
        answer = await auctioneer.ask(f"{{ {' '.join(parts)} }}")
        for number, entry in enumerate(some):
            now = answer[f"j{number}"]
            if entry.job and entry.job["status"] not in {"QUEUED", now and now["status"]}:
                auctioneer.ledger.faults.append(f"answered {entry.job}, then {now}")
            entry.job = now


def _jobs(ledger: Ledger, events: Sequence[DictRow]) -> Iterator[str]:
    # What a bid leads to beside: a later end, and a reserve that is met or not.
    own = [row for row in events if row["type"] not in CONSEQUENCES]
    caused = Counter(str(row["causation_id"]) for row in own)
    at = {(str(row["causation_id"])): row for row in own}
    last = {(str(row["causation_id"])): row["version"] for row in events}
    for entry in ledger.entries:
        if entry.refused:
            if entry.sender not in ledger.deleted_users or entry.refused != "UNAUTHENTICATED":
                yield f"refused with {entry.refused}: {entry.mutation[:40]} {entry.values}"
            continue
        if not entry.answered:
            yield f"never answered: {entry.mutation[:40]} {entry.values}"
            continue
        if len(entry.jobs) > 1:
            yield f"doubled: key {entry.key} gave the jobs {sorted(entry.jobs)}"
        if entry.job is None:
            yield f"lost: job {min(entry.jobs)} is not there"
            continue
        yield from _job(entry, entry.job, caused, at, last)


def _job(
    entry: Entry, job: Json, caused: Counter[str], at: dict[str, DictRow], last: dict[str, int]
) -> Iterator[str]:
    status, times = job["status"], caused[job["id"]]
    if status not in {"SUCCEEDED", "REJECTED"}:
        yield f"lost: job {job['id']} ({job['command']}) ended as {status}"
    if status != "SUCCEEDED" and times:
        yield f"job {job['id']} is {status} and caused {times} events"
    if status == "SUCCEEDED" and entry.mutation in {PLACE_BID, DELETE_BID}:
        if times != 1:
            yield f"{'doubled' if times else 'lost'}: job {job['id']} caused {times} events"
            return
        row, result = at[job["id"]], job["result"]
        if last[job["id"]] != result["version"] or row["data"]["bid_id"] != result["bidId"]:
            yield f"job {job['id']} was answered {result}, its event says {dict(row)}"
        if entry.mutation == PLACE_BID and Decimal(row["data"]["amount"]) != Decimal(
            entry.values["amount"]
        ):
            yield f"job {job['id']} bid {entry.values['amount']}, its event says {dict(row)}"


def _causes(processes: Processes, events: Sequence[DictRow]) -> Iterator[str]:
    """Each event was caused by a job that succeeded."""
    causes = list({row["causation_id"] for row in events})
    status = {row["id"]: row["status"] for row in processes.sql(JOBS, (causes,))}
    for row in events:
        if status.get(row["causation_id"]) != "SUCCEEDED":
            yield f"event {row['version']} of {row['stream_id']} has no job that succeeded"


def _story(auction: AuctionRecord, rows: Sequence[DictRow]) -> Story:
    story = Story(ends_at=auction.ends_at)
    for row in rows:
        if row["type"] == "ReserveRevealed":
            story.reserve = Decimal(row["data"]["amount"])
    for number, row in enumerate(rows):
        data, version = row["data"], row["version"]
        match row["type"]:
            case "BidPlaced":
                amount = Decimal(data["amount"])
                placed_at = datetime.fromisoformat(data["placed_at"])
                assert story.ends_at
                if not auction.starts_at <= placed_at < story.ends_at:
                    story.untimely.append(placed_at)
                if amount < _least(auction.rules, story):
                    story.too_low.append(amount)
                story.bids[data["bid_id"]] = Bid(
                    data["bid_id"], data["bidder_id"], amount, amount, version
                )
            case "BidDeleted":
                story.bids[data["bid_id"]].live = False
            case "BidDoubled":
                bid = story.bids[data["bid_id"]]
                bid.effective, bid.reached, bid.doubled = bid.amount * 2, version, True
                story.doubled[version] = bid
                story.ticks.append(data["tick"])
                story.draws.append(data["draw"])
            case "NothingDrawn":
                story.ticks.append(data["tick"])
                story.draws.append(data["draw"])
            case "AuctionExtended":
                story.ends_at = datetime.fromisoformat(data["ends_at"])
            case "ReserveMet" | "ReserveMissed":
                story.met = row["type"] == "ReserveMet"
            case "WinnerAnnounced" | "AuctionEndedUnsold":
                story.ending = row
            case _:
                pass
        leading = story.leading
        story.leads[version] = leading.effective if leading else None
        done = number + 1 == len(rows) or rows[number + 1]["causation_id"] != row["causation_id"]
        if story.reserve and done and story.met != (story.winner is not None):
            story.wrong[version] = story.met
    return story


def _least(rules: Json, story: Story) -> Decimal:
    """The lowest amount that could be bid, by the rules that the auctioneer asked for."""
    least = Decimal(rules.get("startingPrice", 0))
    if "increments" in rules and (leading := story.leading):
        least = max(
            least, leading.effective + Decimal(rules["increments"]["overLeader"][0]["step"])
        )
    if rules.get("preset") == "ENGLISH" and (leading := story.leading):
        least = max(least, leading.effective + 1)
    return least


def _ending(auction: AuctionRecord, rows: Sequence[DictRow], story: Story) -> Iterator[str]:
    if [row["version"] for row in rows] != list(range(1, len(rows) + 1)):
        yield f"auction {auction.id}: versions are not 1 to {len(rows)}"
    endings = [row for row in rows if row["type"] in ENDINGS]
    if len(endings) != 1 or story.ending is not rows[-1]:
        yield f"auction {auction.id} was announced {len(endings)} times"
        return
    winner, said = story.winner, endings[0]["data"].get("bid_id")
    if said != (winner.id if winner else None):
        yield f"auction {auction.id}: {said} was announced, {winner} leads"
    if story.ends_at and endings[0]["recorded_at"] < story.ends_at:
        yield f"auction {auction.id} was closed before its end"
    doubled = Counter(bid.id for bid in story.doubled.values())
    yield from (f"bid {bid} was doubled {n} times" for bid, n in doubled.items() if n > 1)
    if story.draws != list(range(1, len(story.draws) + 1)):
        yield f"auction {auction.id}: its draws are numbered {story.draws}"
    ticks = Counter(story.ticks)
    yield from (f"tick {tick} drew {n} times in {auction.id}" for tick, n in ticks.items() if n > 1)
    for placed_at in story.untimely:
        yield f"auction {auction.id}: a bid of {placed_at} counts, it ran until {story.ends_at}"
    for amount in story.too_low:
        yield f"auction {auction.id}: a bid of {amount} counts, its rules are {auction.rules}"
    for version, met in story.wrong.items():
        yield f"auction {auction.id}: at {version} its reserve is said to be {'met' if met else 'missed'}"
    if ("reserve" in auction.rules) != bool(story.reserve):
        yield f"auction {auction.id}: its reserve is {story.reserve}, asked was {auction.rules}"


def _watched(auction: AuctionRecord, rows: Sequence[DictRow]) -> Iterator[str]:
    received = [(event["version"], event["__typename"]) for event in auction.events]
    if received and received != [(row["version"], row["type"]) for row in rows]:
        yield f"auction {auction.id}: a subscriber got {received[-3:]} at the end, {len(received)} in all"


def _shown(auction: AuctionRecord, story: Story, shown: Json | None) -> Iterator[str]:
    if shown is None:
        yield f"auction {auction.id} is not shown"
        return
    live = sorted(
        (bid for bid in story.bids.values() if bid.live),
        key=lambda bid: (-bid.effective, bid.reached),
    )
    first = [edge["node"] for edge in shown["bids"]["edges"]]
    if [(b["id"], Decimal(b["effectiveAmount"])) for b in first] != [
        (bid.id, bid.effective) for bid in live[:20]
    ]:
        yield f"auction {auction.id}: the API shows other bids than the events tell"
    if (shown["bidCount"], shown["bidderCount"]) != (len(live), len({b.bidder for b in live})):
        yield f"auction {auction.id}: the API counts {shown['bidCount']} bids, there are {len(live)}"
    winner = shown["winner"] and shown["winner"]["bid"]["id"]
    if winner != (story.winner.id if story.winner else None):
        yield f"auction {auction.id}: the API shows the winner {winner}, it is {live[:1]}"


def _notified(processes: Processes, ledger: Ledger, stories: dict[str, Story]) -> Iterator[str]:
    rows = processes.sql(NOTIFICATIONS, ([UUID(auction) for auction in stories],))
    got = Counter(
        (str(r["auction_id"]), str(r["user_id"]), r["kind"], r["version"], r["amount"])
        for r in rows
        if r["kind"] not in UPDATED_WHILE_UNREAD
    )
    due: Counter[tuple[str, str, str, int, Decimal | None]] = Counter()
    for auction, story in stories.items():
        for version, bid in story.doubled.items():
            due[auction, bid.bidder, "BID_DOUBLED", version, bid.amount * 2] += 1
        if story.ending and (winner := story.winner):
            version = story.ending["version"]
            due[auction, winner.bidder, "AUCTION_WON", version, winner.amount] += 1
            for loser in {bid.bidder for bid in story.bids.values() if bid.live}:
                if loser != winner.bidder:
                    due[auction, loser, "AUCTION_LOST", version, winner.amount] += 1
        elif story.ending:
            for loser in {bid.bidder for bid in story.bids.values() if bid.live}:
                due[auction, loser, "AUCTION_LOST", story.ending["version"], None] += 1
    for cause in got | due:
        if got[cause] != due[cause] and cause[1] not in ledger.deleted_users:
            yield f"{cause} was notified {got[cause]} times instead of {due[cause]}"
    changes: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if row["kind"] in UPDATED_WHILE_UNREAD:
            auction = str(row["auction_id"])
            changes[auction, str(row["user_id"])] += row["read_at"] is None
            if stories[auction].leads.get(row["version"]) != row["amount"]:
                yield f"auction {auction}: {row['amount']} did not lead at version {row['version']}"
    yield from (f"{who} has {n} unread changes" for who, n in changes.items() if n > 1)
