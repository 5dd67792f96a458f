"""`manage.py remove_bid AUCTION_ID BID_ID --reason TEXT`."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from commands.inbox.requests import Caller, remove_bid
from commands.jobs import Submission
from commands.management.house_command import HouseCommand


class Command(HouseCommand):
    """Removes a bid in the house's name."""

    help = "Delete somebody's live bid in the house's name; its bidder is told why."
    done = "Removed bid {bid}."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("bid", metavar="BID_ID", type=UUID)

    def asked(self, options: dict[str, Any]) -> Submission:
        return remove_bid(
            Caller.operator(),
            auction_id=options["auction"],
            bid_id=options["bid"],
            reason=options["reason"],
        )
