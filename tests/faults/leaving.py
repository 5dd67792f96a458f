"""Whether accounts were deleted as they may be: never one with a binding bid in an auction that goes on."""

from collections.abc import Iterator, Mapping, Sequence

from psycopg.rows import DictRow

from portal.laptop.demo.client import DELETE_USER
from tests.faults.clients import Ledger
from tests.faults.rules import is_binding


def left(ledger: Ledger, events: Mapping[str, Sequence[DictRow]]) -> Iterator[str]:
    """A line for each deletion that was answered wrongly. Whoever stays is no deleted user in the ledger any more."""
    binding = [
        row
        for auction, rows in events.items()
        if is_binding(ledger.auctions[auction].rules)
        for row in rows
    ]
    for entry in ledger.entries:
        if entry.mutation != DELETE_USER or not (job := entry.job):
            continue
        types = [row["type"] for row in binding if row["data"].get("bidder_id") == entry.sender]
        if job["status"] == "REJECTED":
            ledger.deleted_users.discard(entry.sender)
            if job["rejection"]["code"] != "BID_BINDING" or "BidPlaced" not in types:
                yield f"{entry.sender} may not leave: {job['rejection']}, after {types}"
        elif "BidDeleted" in types:
            yield f"binding bids of {entry.sender} were withdrawn with their account: {types}"
