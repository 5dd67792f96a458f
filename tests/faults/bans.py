"""Checks of bans: no bid counts that was accepted while its bidder was banned, and none is refused for another one."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.laptop.demo.client import BUY_NOW, PLACE_BID
from tests.faults.clients import Ledger
from tests.faults.processes import Processes
from tests.faults.rules import is_masked
from tests.faults.story import Story

BANS = """
SELECT command, payload->>'user_id' AS user_id, payload->>'auction_id' AS auction_id, accepted_at, settled_at FROM jobs
WHERE command IN ('BanUser', 'LiftBan') AND status = 'SUCCEEDED' AND payload->>'auction_id' = ANY(%s)
ORDER BY accepted_at, id
"""
ALIASES = "SELECT user_id FROM aliases WHERE id = %s"


@dataclass(slots=True)
class Ban:
    """From when to when it held, and when both were recorded."""

    since: datetime
    recorded: datetime
    until: datetime | None = None
    lifted: datetime | None = None

    def surely_held(self, moment: datetime) -> bool:
        """Whether nobody could bid then: what was accepted before the ban was recorded may have been decided before."""
        return self.recorded <= moment and (self.until is None or moment < self.until)

    def may_have_held(self, moment: datetime) -> bool:
        """Whether a bid accepted then may have been refused: what was decided before the ban was lifted was."""
        return self.since <= moment and (self.lifted is None or moment < self.lifted)


def ever_banned(processes: Processes, auction: str) -> set[str]:
    """Who was banned in that auction, for some time at least."""
    return {row["user_id"] for row in processes.sql(BANS, ([auction],))}


def banned(processes: Processes, ledger: Ledger, stories: Mapping[str, Story]) -> Iterator[str]:
    """What is wrong with bids of those who were banned in the round's auctions."""
    bans: defaultdict[tuple[str, str], list[Ban]] = defaultdict(list)
    for row in processes.sql(BANS, (list(stories),)):
        theirs = bans[row["auction_id"], row["user_id"]]
        if theirs and theirs[-1].until is None:
            theirs[-1].until, theirs[-1].lifted = row["accepted_at"], row["settled_at"]
        if row["command"] == "BanUser":
            theirs.append(Ban(row["accepted_at"], row["settled_at"]))
    for auction, story in stories.items():
        for bid in story.bids.values():
            for ban in bans.get((auction, _user(processes, story, bid.bidder)), ()):
                if ban.surely_held(bid.placed_at):
                    yield f"auction {auction}: a bid of {bid.placed_at} counts, its bidder was banned: {ban}"
    for entry in ledger.entries:
        if entry.mutation not in {PLACE_BID, BUY_NOW} or not (job := entry.job):
            continue
        at = datetime.fromisoformat(job["acceptedAt"])
        theirs = bans.get((entry.values["auctionId"], entry.sender), [])
        refused = (job["rejection"] or {}).get("code") == "BANNED"
        if refused and not any(ban.may_have_held(at) for ban in theirs):
            yield f"job {job['id']} was refused as banned at {at}, and there was no ban: {theirs}"


def _user(processes: Processes, story: Story, bidder: str) -> str:
    if not is_masked(story.rules):
        return bidder
    rows = processes.sql(ALIASES, (UUID(bidder),))
    return str(rows[0]["user_id"]) if rows else bidder
