"""`manage.py resume_auction AUCTION_ID --reason TEXT`."""

from typing import Any

from commands.inbox.requests import Caller, resume_auction
from commands.jobs import Submission
from commands.management.house_command import HouseCommand


class Command(HouseCommand):
    """Resumes an auction."""

    help = "Have time go on in a paused auction: its end moves by as long as it was paused; who bids or watches is told why."
    done = "Resumed auction {auction}."

    def asked(self, options: dict[str, Any]) -> Submission:
        return resume_auction(
            Caller.operator(), auction_id=options["auction"], reason=options["reason"]
        )
