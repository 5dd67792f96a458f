"""`manage.py verify_draw AUCTION [TICK]`."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from commands.management.operator_command import REJECTED, OperatorCommand
from commands.postgres.event_store import PostgresEventStore
from commands.promoter.checks import Checked, check_draws
from commands.wiring import pool


class Command(OperatorCommand):
    """Checks that draws were fair."""

    help = (
        "Check an auction's draws against what the house committed to. Outsiders do the same with "
        "docs/verify_auction.py. Exit status 1 if a draw was not fair, or there is none to check."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("auction", type=UUID, help="the auction's id")
        parser.add_argument("tick", type=int, nargs="?", help="only the draw of this tick")

    def handle(self, *_: Any, **options: Any) -> None:
        with pool().connection() as connection:
            history = PostgresEventStore(connection).read(options["auction"], limit=2**31 - 1)
            checked = [
                each
                for each in check_draws(connection, history)
                if options["tick"] in (None, each.draw.tick)
            ]
        if not checked:
            raise CommandError("there is no such draw", returncode=REJECTED)
        unfair = any(each.problem for each in checked)
        content = {"fair": not unfair, "draws": [_as_json(each) for each in checked]}
        self.answer(options, content, "\n".join(_as_text(each) for each in checked))
        if unfair:
            raise CommandError("a draw was not fair", returncode=REJECTED)


def _as_json(checked: Checked) -> dict[str, Any]:
    draw = checked.draw
    return {
        "version": checked.version,
        "tick": draw.tick,
        "bid_id": str(draw.bid_id),
        "policy_version": draw.policy_version,
        "weight": draw.weight,
        "total_weight": draw.total_weight,
        "revealed": checked.revealed,
        "problem": checked.problem,
    }


def _as_text(checked: Checked) -> str:
    draw = checked.draw
    what = f"tick {draw.tick} drew bid {draw.bid_id}, weight {draw.weight} of {draw.total_weight}"
    if checked.problem:
        return f"NOT FAIR: {what}, but {checked.problem}"
    return f"{'fair' if checked.revealed else 'not revealed yet'}: {what}"
