"""`manage.py close_auction AUCTION_ID --reason TEXT`."""

from typing import Any

from commands.inbox.requests import Caller, close_auction_now
from commands.jobs import Submission
from commands.management.house_command import HouseCommand


class Command(HouseCommand):
    """Ends an open auction at once."""

    help = "End an open auction at the moment at which this is accepted; the winner is announced as usual."
    done = "Auction {auction} has ended; its winner is announced next."

    def asked(self, options: dict[str, Any]) -> Submission:
        return close_auction_now(
            Caller.operator(), auction_id=options["auction"], reason=options["reason"]
        )
