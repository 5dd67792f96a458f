"""Checks after a round: the answers to clients, the events, and what the API shows must agree."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from psycopg.rows import DictRow
from pymongo import MongoClient

from portal.env import database_roles
from portal.laptop.demo.client import (
    ANSWER_OFFER,
    BUY_NOW,
    CANCEL_AUCTION,
    CLOSE_AUCTION_NOW,
    DELETE_BID,
    FORFEIT_SALE,
    JOB,
    PAUSE_AUCTION,
    PLACE_BID,
    REMOVE_BID,
    RESUME_AUCTION,
    REVISE_AUCTION,
    SET_MAXIMUM,
)
from tests.e2e.acting import AUCTION_FIELDS
from tests.faults.bans import banned, ever_banned
from tests.faults.clients import AuctionRecord, Entry, Ledger, Person
from tests.faults.leaving import left
from tests.faults.maxima import maxima_kept
from tests.faults.notified import notified
from tests.faults.processes import SCHEDULES, Processes
from tests.faults.rules import Json
from tests.faults.sales import Sale, sale_of
from tests.faults.story import ENDINGS, Story, story_of

# Two rounds of the promoter that were meant to be one.
TOO_SOON = """
SELECT number, gap FROM (
    SELECT number, made_at - lag(made_at) OVER (ORDER BY made_at) AS gap FROM promoter_ticks
) AS ticks WHERE gap < %s::interval
"""
UNREVEALED = "SELECT number FROM promoter_ticks WHERE made_at IS NOT NULL AND revealed_at IS NULL"
UNSETTLED = "SELECT id, command FROM jobs WHERE status = 'QUEUED'"
# The house has those that it pauses go on.
UNCLOSED = """
SELECT id FROM auctions
WHERE NOT closed AND (ends_at < clock_timestamp() OR paused_at IS NOT NULL) OR sale_until < clock_timestamp()
"""
LEFT = """
SELECT greatest(extract(epoch FROM max(greatest(CASE WHEN NOT closed THEN ends_at END, sale_until)) - clock_timestamp()), 0)
    AS seconds
FROM auctions WHERE NOT closed OR sale_until IS NOT NULL
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
SELECT stream_id, version, type, data, causation_id, accepted_at, recorded_at FROM events
WHERE stream_id = ANY(%s) ORDER BY stream_id, version
"""
JOBS = "SELECT id, command, status, accepted_at FROM jobs WHERE id = ANY(%s)"
SALE = "sale { state current { bidId } }"
# Fewer than the aliases that one operation may have.
AT_ONCE = 20
CONSEQUENCES = (
    "AuctionExtended", "ReserveMet", "ReserveMissed", "BoughtNow", "LotOffered", "SaleFailed", "MaximumEnded",
)  # fmt: skip
# Each that succeeds leaves one event in its auction, and what follows on that.
ONE_EVENT = {
    PLACE_BID, SET_MAXIMUM, BUY_NOW, DELETE_BID, ANSWER_OFFER, PAUSE_AUCTION, RESUME_AUCTION, CANCEL_AUCTION,
    CLOSE_AUCTION_NOW, REVISE_AUCTION, REMOVE_BID, FORFEIT_SALE,
}  # fmt: skip
# These name the bid.
ABOUT_A_BID = {PLACE_BID, BUY_NOW, DELETE_BID}


def until_all_ended(processes: Processes) -> float:
    """In how many seconds the last auction ends, as far as its bids are decided; 0 once all have ended."""
    [row] = processes.sql(LEFT)
    return float(row["seconds"] or 0)


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
        auction: story_of(ledger.auctions[auction], rows) for auction, rows in by_auction.items()
    }
    sales = dict[str, Sale | None]()
    found = [*ledger.faults, *left(ledger, by_auction)]
    found += _jobs(ledger, events)
    found += _causes(processes, events)
    writer, _ = database_roles()
    found += [
        f"a process is signed in to Postgres as {row['role']}"
        for row in processes.sql(NOT_THE_WRITER, (writer,))
    ]
    half = timedelta(seconds=SCHEDULES["Promoter"] / 2)
    found += [f"tick {row['number']} came twice" for row in processes.sql(TOO_SOON, (half,))]
    for auction in ledger.auctions.values():
        rows, story = by_auction[auction.id], stories[auction.id]
        sales[auction.id], faults = sale_of(story, rows)
        faults += [*_ending(auction, rows, story), *story.faults]
        not_bid_for = ledger.deleted_users | ever_banned(processes, auction.id)
        faults += maxima_kept(ledger, story, rows, not_bid_for)
        found += [f"auction {auction.id}: {fault}" for fault in faults]
        found += _watched(auction, by_auction[auction.id])
        seen = await auctioneer.ask(
            f"query ($id: UUID!) {{ auction(id: $id) {AUCTION_FIELDS[:-1]} {SALE} }} }}",
            id=auction.id,
        )
        found += _shown(auction, stories[auction.id], sales[auction.id], seen["auction"])
    found += notified(processes, ledger, stories, sales)
    found += banned(processes, ledger, stories)
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
    # What a bid leads to beside: a later end, a reserve that is met or not, what maxima bid.
    own = [
        row
        for row in events
        if row["type"] not in CONSEQUENCES and not row["data"].get("automatic")
    ]
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
    if status == "SUCCEEDED" and entry.mutation in ONE_EVENT:
        if times != 1:
            yield f"{'doubled' if times else 'lost'}: job {job['id']} caused {times} events"
            return
        row, result = at[job["id"]], job["result"]
        names = entry.mutation in ABOUT_A_BID
        if last[job["id"]] != result["version"] or (
            names and row["data"]["bid_id"] != result["bidId"]
        ):
            yield f"job {job['id']} was answered {result}, its event says {dict(row)}"
        asked = entry.values.get("amount")
        if (
            asked
            and row["type"] == "BidPlaced"
            and Decimal(row["data"]["amount"]) != Decimal(asked)
        ):
            yield f"job {job['id']} bid {asked}, its event says {dict(row)}"


def _causes(processes: Processes, events: Sequence[DictRow]) -> Iterator[str]:
    """Each event was caused by a job that succeeded."""
    causes = list({row["causation_id"] for row in events})
    status = {row["id"]: row["status"] for row in processes.sql(JOBS, (causes,))}
    for row in events:
        if status.get(row["causation_id"]) != "SUCCEEDED":
            yield f"event {row['version']} of {row['stream_id']} has no job that succeeded"


def _ending(auction: AuctionRecord, rows: Sequence[DictRow], story: Story) -> Iterator[str]:
    if [row["version"] for row in rows] != list(range(1, len(rows) + 1)):
        yield f"versions are not 1 to {len(rows)}"
    endings = [row for row in rows if row["type"] in ENDINGS]
    if len(endings) != 1 or story.ending is None:
        yield f"it was announced {len(endings)} times"
        return
    winner, said, ending = story.winner, endings[0]["data"].get("bid_id"), story.ending
    if said != (winner.id if winner else None):
        yield f"{said} was announced, {winner} leads"
    if winner and Decimal(ending["data"].get("price") or ending["data"]["amount"]) != story.price:
        yield f"the winner pays {story.price}, told was {ending['data']}"
    if ending["type"] != "AuctionCancelled" and ending["recorded_at"] < story.ends_at:
        yield "it was closed before its end"
    doubled = Counter(bid.id for bid in story.doubled.values())
    yield from (f"bid {bid} was doubled {n} times" for bid, n in doubled.items() if n > 1)
    if story.draws != list(range(1, len(story.draws) + 1)):
        yield f"its draws are numbered {story.draws}"
    ticks = Counter(story.ticks)
    yield from (f"tick {tick} drew {n} times" for tick, n in ticks.items() if n > 1)
    cancelled = ending["type"] == "AuctionCancelled"
    if not cancelled and ("reserve" in auction.rules) != bool(story.reserve):
        yield f"its reserve is {story.reserve}, asked was {auction.rules}"
    hidden = [bid.id for bid in story.bids.values() if bid.live and bid.hidden]
    if hidden and not cancelled:
        yield f"the bids {hidden} were not revealed"


def _watched(auction: AuctionRecord, rows: Sequence[DictRow]) -> Iterator[str]:
    received = [(event["version"], event["__typename"]) for event in auction.events]
    told = [(row["version"], row["type"]) for row in rows]
    # The house may take back what was sold, which nobody waits for.
    sold = bool(received) and received[-1][1] == "OfferAccepted"
    if received and received != (told[: len(received)] if sold else told):
        yield f"auction {auction.id}: a subscriber got {received[-3:]} at the end, {len(received)} in all"


def _shown(
    auction: AuctionRecord, story: Story, sale: Sale | None, shown: Json | None
) -> Iterator[str]:
    if shown is None:
        yield f"auction {auction.id} is not shown"
        return
    live = story.ranking
    first = [edge["node"] for edge in shown["bids"]["edges"]]
    if [(b["id"], Decimal(b["effectiveAmount"] or 0)) for b in first] != [
        (bid.id, bid.effective) for bid in live[:20]
    ]:
        yield f"auction {auction.id}: the API shows other bids than the events tell"
    if (shown["bidCount"], shown["bidderCount"]) != (len(live), len({b.bidder for b in live})):
        yield f"auction {auction.id}: the API counts {shown['bidCount']} bids, there are {len(live)}"
    winner = shown["winner"] and shown["winner"]["bid"]["id"]
    if winner != (story.winner.id if story.winner else None):
        yield f"auction {auction.id}: the API shows the winner {winner}, it is {live[:1]}"
    cancelled = story.ending is not None and story.ending["type"] == "AuctionCancelled"
    if (shown["status"] == "CANCELLED") != cancelled:
        yield f"auction {auction.id}: the API shows {shown['status']}, it ended as {story.ending}"
    if {
        **shown,
        **{k: v for k, v in story.revised.items() if k in ("title", "description")},
    } != shown:
        yield f"auction {auction.id}: the API shows it as it was before {story.revised}"
    buyer, state = sale and sale.buyer, shown["sale"] and shown["sale"]["state"]
    current = shown["sale"] and shown["sale"]["current"] and shown["sale"]["current"]["bidId"]
    if (current, state) != (buyer, sale and ("SOLD" if buyer else "FAILED")):
        yield f"auction {auction.id}: the API shows {shown['sale']}, {buyer} bought it"
