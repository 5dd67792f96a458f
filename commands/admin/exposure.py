"""The limit on a user's exposure: the forms of a user's page, and what it says of the limit."""

from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString

from commands.admin.amounts import money
from commands.admin.house_actions import HouseAction
from commands.admin.record.moments import exact
from commands.domain.amounts import SMALLEST
from commands.inbox.requests import LONGEST_REASON, lift_exposure_limit, limit_exposure
from commands.inbox.requests.asking import Caller
from commands.jobs import Submission
from commands.models import User
from commands.postgres.exposure import limits_of, staked
from commands.postgres.secret_keys import key_for_user, keys_of
from commands.record.reasons import opened_reason
from commands.wiring import pool


class LimitForm(forms.Form):
    """How much a user may bid in all open auctions together, and why."""

    amount = forms.CharField(
        max_length=20,
        help_text=f"From {SMALLEST} on, such as 500.00; the highest bid of theirs in each open auction counts.",
    )
    reason = forms.CharField(
        max_length=LONGEST_REASON,
        widget=forms.TextInput(attrs={"size": 80}),
        help_text="For the user and the staff to read. It is erased with the user's account.",
    )


def _limit(caller: Caller, user: User, amount: str, reason: str) -> Submission:
    with pool().connection() as connection:
        key = key_for_user(connection, user.pk)
    return limit_exposure(caller, user_id=user.pk, amount_text=amount, reason=reason, key=key)


def _lift(caller: Caller, user: User, **_: Any) -> Submission:
    return lift_exposure_limit(caller, user_id=user.pk)


LIMIT_EXPOSURE = HouseAction(
    name="limit",
    title="Limit exposure",
    effect=(
        "Bids that would take what the user would pay at most in all open auctions together above the limit are refused, "
        "and they are told what is left. It takes the place of a limit that they have. What they bid before counts, and "
        "stays."
    ),
    done="The limit is set.",
    possible=lambda user: user.deleted_at is None,
    asks=_limit,
    form=LimitForm,
)
LIFT_LIMIT = HouseAction(
    name="lift_limit",
    title="Lift the limit",
    effect="The user can bid without a limit for all open auctions together.",
    done="The limit is lifted.",
    possible=lambda user: bool(user.limited),
    asks=_lift,
    form=forms.Form,
)


def limit_shown(user: User) -> SafeString | str:
    """The user's limit, how much of it is used, and the reason; without what their sealed bids hold."""
    if not user.limited:
        return "-"
    with pool().connection() as connection:
        limit = limits_of(connection, [user.pk]).get(user.pk)
        found = [each for each in staked(connection, [user.pk]) if not each.closed]
        key = keys_of(connection, [user.pk]).get(user.pk)
    if limit is None:
        return "-"
    open_ones = [each.amount for each in found if not each.sealed]
    sealed = len(found) - len(open_ones)
    reason = opened_reason(key, limit.reason, user.pk, limit.id)
    return format_html(
        "{} since {}, of which {} is used{}: {}",
        money(limit.amount),
        exact(limit.since)[:19],
        money(sum(open_ones, limit.amount * 0)),
        f" beside {sealed} sealed" if sealed else "",
        f"“{reason}”" if reason is not None else "the reason can't be read any more",
    )
