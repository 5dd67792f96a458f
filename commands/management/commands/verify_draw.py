"""`manage.py verify_draw AUCTION [TICK]`."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from commands.domain.events import BidDoubled, NothingDrawn
from commands.management.operator_command import REJECTED, OperatorCommand
from commands.postgres.event_store import recorded_event
from commands.postgres.exporting import events_of, one_moment
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
        with one_moment(pool()) as connection:
            history = map(recorded_event, events_of(connection, [options["auction"]]))
            checked = [
                each
                for each in check_draws(connection, history)
                if options["tick"] in (None, each.tick)
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
    doubled = draw if isinstance(draw, BidDoubled) else None
    return {
        "version": checked.version,
        "tick": checked.tick,
        "draw": draw.draw or None if draw else None,
        "nothing": draw.reason.value if isinstance(draw, NothingDrawn) else None,
        "bid_id": str(draw.bid_id) if draw and draw.bid_id else None,
        "policy_version": draw.policy_version if draw else None,
        "weight": doubled.weight if doubled else None,
        "total_weight": doubled.total_weight if doubled else None,
        "beacon_round": checked.by,
        "revealed": checked.revealed,
        "given_up": checked.given_up,
        "problem": checked.problem,
    }


def _as_text(checked: Checked) -> str:
    if checked.problem:
        return f"NOT FAIR: {_what(checked)}, but {checked.problem}"
    if checked.given_up:
        return f"can't be checked, its tick was given up and the secret is lost: {_what(checked)}"
    return f"{'fair' if checked.revealed else 'not revealed yet'}: {_what(checked)}"


def _what(checked: Checked) -> str:
    match checked.draw:
        case BidDoubled() as draw:
            drew = f"drew bid {draw.bid_id}, weight {draw.weight} of {draw.total_weight}"
        case NothingDrawn() as draw:
            drew = f"doubled nothing ({draw.reason.value})"
        case None:
            drew = "was to draw here"
    return f"tick {checked.tick} {drew}{f', by {checked.by}' if checked.by else ''}"
