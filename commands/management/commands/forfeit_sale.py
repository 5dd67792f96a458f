"""`manage.py forfeit_sale AUCTION_ID BID_ID --reason TEXT`."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from commands.inbox.requests import Caller, forfeit_sale
from commands.jobs import Submission
from commands.management.house_command import HouseCommand


class Command(HouseCommand):
    """Takes the lot of a closed auction from whoever does not pay."""

    help = (
        "Take a lot from whoever won it, bought it or is offered it; the next bidder is offered it."
    )
    done = "Bid {bid} has the lot of auction {auction} no more."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("bid", metavar="BID_ID", type=UUID)

    def asked(self, options: dict[str, Any]) -> Submission:
        return forfeit_sale(
            Caller.operator(),
            auction_id=options["auction"],
            bid_id=options["bid"],
            reason=options["reason"],
        )
