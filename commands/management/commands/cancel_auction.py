"""`manage.py cancel_auction AUCTION_ID --reason TEXT`."""

from typing import Any

from commands.inbox.requests import Caller, cancel_auction
from commands.jobs import Submission
from commands.management.house_command import HouseCommand


class Command(HouseCommand):
    """Cancels an auction."""

    help = "Cancel an auction that is not closed yet: nobody wins, and those with live bids are told why."
    done = "Cancelled auction {auction}."

    def asked(self, options: dict[str, Any]) -> Submission:
        return cancel_auction(
            Caller.operator(), auction_id=options["auction"], reason=options["reason"]
        )
