"""`manage.py pause_auction AUCTION_ID --reason TEXT`."""

from typing import Any

from commands.inbox.requests import Caller, pause_auction
from commands.jobs import Submission
from commands.management.house_command import HouseCommand


class Command(HouseCommand):
    """Pauses an auction."""

    help = "Have time stand still in an open auction until it is resumed; who bids or watches is told why."
    done = "Paused auction {auction}."

    def asked(self, options: dict[str, Any]) -> Submission:
        return pause_auction(
            Caller.operator(), auction_id=options["auction"], reason=options["reason"]
        )
