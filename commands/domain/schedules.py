"""Whether an auction can have such times, and such rules."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from commands.domain.bidders import Bidder
from commands.domain.rejections import Rejection, RejectionCode, readable
from commands.domain.rules.table import Rules, people, unfit


def impossible(
    starts_at: datetime, ends_at: datetime, rules: Rules, now: datetime
) -> Rejection | None:
    """Why an auction can't be planned so at that moment; None if it can."""
    if starts_at < now:
        return invalid_schedule(f"it would start in the past, at {readable(starts_at)}")
    if ends_at <= starts_at:
        return invalid_schedule(
            f"it would start at {readable(starts_at)} and end at {readable(ends_at)}"
        )
    if why := unfit(rules, ends_at):
        return invalid_schedule(why)
    return None


def invalid_schedule(what: str) -> Rejection:
    """What is wrong with the times, and what is right."""
    rule = "an auction starts now or later and ends after it starts"
    return Rejection(RejectionCode.INVALID_SCHEDULE, f"{what}; {rule}")


def unknown_people(rules: Rules, known: Mapping[UUID, Bidder]) -> Rejection | None:
    """Why the rules can't name whom they name; None if all are known."""
    if unknown := people(rules) - known.keys():
        return Rejection(RejectionCode.USER_NOT_FOUND, f"there is no user {min(unknown)}")
    return None
