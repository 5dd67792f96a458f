"""Checks of proxy bids: what was bid for people goes no further than they said, and whoever can go further leads."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby

from psycopg.rows import DictRow

from portal.laptop.demo.client import SET_MAXIMUM
from tests.faults.clients import Ledger
from tests.faults.story import Story


@dataclass(slots=True)
class Held:
    """The maxima in force by their bidders, after what happened so far; `said` are those that were asked for, by their jobs."""

    said: Mapping[str, Decimal]
    maxima: dict[str, Decimal] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def maxima_kept(
    ledger: Ledger, story: Story, rows: Sequence[DictRow], not_bid_for: Set[str]
) -> Iterator[str]:
    """What is wrong with the maxima of an auction that has these events, in which some may not have been bid for."""
    asked = [each for each in ledger.entries if each.mutation == SET_MAXIMUM and each.job]
    held = Held({each.job["id"]: Decimal(each.values["amount"]) for each in asked if each.job})
    for _, together in groupby(rows, key=lambda row: row["causation_id"]):
        decided = list(together)
        before = dict(held.maxima)
        for row in decided:
            _follow(held, row)
        version = decided[-1]["version"]
        leader, leads = story.leaders.get(version), story.leads.get(version)
        if held.maxima.keys() - {leader}:
            held.faults.append(f"at {version} {leader} leads, and maxima are held by {held.maxima}")
        # One that ended because somebody bid more was used up.
        placed = any(row["type"] in ("BidPlaced", "BidDoubled") for row in decided)
        for bidder in before.keys() - held.maxima.keys() - not_bid_for:
            if placed and leads is not None and before[bidder] > leads:
                held.faults.append(
                    f"at {version} a maximum of {before[bidder]} gave way to {leads}"
                )
    yield from held.faults


def _follow(held: Held, row: DictRow) -> None:
    data, cause = row["data"], str(row["causation_id"])
    match row["type"]:
        case "MaximumSet":
            if cause not in held.said:
                held.faults.append(f"at {row['version']} nobody asked for that maximum")
            held.maxima[data["bidder_id"]] = held.said.get(cause, Decimal(0))
        case "MaximumEnded" | "BidDeleted" | "BidRemoved":
            held.maxima.pop(data["bidder_id"], None)
        case "BidPlaced" if data.get("automatic"):
            most = held.maxima.get(data["bidder_id"])
            if most is None or Decimal(data["amount"]) > most:
                held.faults.append(f"at {row['version']} {data} was bid, the maximum is {most}")
        case _:
            pass
