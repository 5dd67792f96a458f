"""`manage.py change_policy`."""

from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from commands.domain.promoter import EXCLUSIONS, LIMITS, WEIGHTS
from commands.inbox.invalid import InvalidInput
from commands.inbox.requests import Caller, change_policy, withdraw_policy
from commands.management.operator_command import OperatorCommand, add_wait, job_as_json, settled


class Command(OperatorCommand):
    """Changes or withdraws a policy of the promoter."""

    help = (
        "Change the promoter's policy, from the tick after the next one on, for the whole portal or for "
        f"one auction. Weights: {', '.join(WEIGHTS)}. Exclusions: {', '.join(EXCLUSIONS)}. "
        f"Limits: {', '.join(f'{name}:N' for name in LIMITS)}."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--auction", type=UUID, help="its id (default: the whole portal)")
        parser.add_argument("--withdraw", action="store_true", help="use the portal's policy again")
        parser.add_argument("--chance", default="100", metavar="PER_CENT", help="default: 100")
        parser.add_argument("--weight", action="append", help="repeated: multiplied")
        parser.add_argument("--exclude", action="append", default=[], help="may be repeated")
        parser.add_argument("--limit", action="append", default=[], help="may be repeated")
        add_wait(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        caller, auction_id = Caller.operator(), options["auction"]
        submission = (
            withdraw_policy(caller, auction_id=auction_id)
            if options["withdraw"]
            else change_policy(
                caller,
                auction_id=auction_id,
                chance=_per_cent(options["chance"]),
                weight=options["weight"] or ["constant"],
                exclude=options["exclude"],
                limit=options["limit"],
            )
        )
        job = settled(submission, options["wait"])
        text = f"Policy {job.version} is in force from the tick after the next one on."
        self.answer(options, job_as_json(job), text)


def _per_cent(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise InvalidInput("chance", f"{text!r} is not a number") from error
