"""Banning users from bidding: the forms of a user's page, and what it says of their bans."""

from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from commands.admin import links
from commands.admin.auction_form import DateAndTime
from commands.admin.house_actions import HouseAction
from commands.admin.record.moments import exact
from commands.inbox.requests import LONGEST_REASON, ban_user, lift_ban
from commands.inbox.requests.asking import Caller
from commands.jobs import Submission
from commands.models import Auction, Ban, User
from commands.postgres.secret_keys import key_for_user, keys_of
from commands.record.reasons import opened_reason
from commands.wiring import pool

# A user's page shows so many, the latest.
SHOWN = 50


class BanForm(forms.Form):
    """Where, how long and why a user is to be banned."""

    reason = forms.CharField(
        max_length=LONGEST_REASON,
        widget=forms.TextInput(attrs={"size": 80}),
        help_text="For the user and the staff to read. It is erased with the user's account.",
    )
    auction_id = forms.UUIDField(
        label="Auction",
        required=False,
        widget=forms.TextInput(attrs={"size": 40}),
        help_text="Its id. Left empty: all auctions.",
    )
    until = forms.SplitDateTimeField(
        required=False, widget=DateAndTime(), help_text="UTC. Left empty: for good."
    )


class LiftForm(forms.Form):
    """Which ban is to be lifted."""

    auction_id = forms.UUIDField(
        label="Auction",
        required=False,
        widget=forms.TextInput(attrs={"size": 40}),
        help_text="The id of the auction that the ban is from. Left empty: the ban from all auctions.",
    )


def _ban(caller: Caller, user: User, **asked: Any) -> Submission:
    with pool().connection() as connection:
        key = key_for_user(connection, user.pk)
    return ban_user(caller, user_id=user.pk, key=key, **asked)


def _lift(caller: Caller, user: User, **asked: Any) -> Submission:
    return lift_ban(caller, user_id=user.pk, **asked)


BAN = HouseAction(
    name="ban",
    title="Ban from bidding",
    effect=(
        "The user can place no bids, which says until when and why. What they bid before stays; bids can be removed on "
        "their own pages."
    ),
    done="The user is banned.",
    possible=lambda user: user.deleted_at is None,
    asks=_ban,
    form=BanForm,
)
LIFT = HouseAction(
    name="lift",
    title="Lift a ban",
    effect="The user can bid again.",
    done="The ban is lifted.",
    possible=lambda user: user.banned_until is not None,
    asks=_lift,
    form=LiftForm,
)


def bans_shown(user: User) -> SafeString | str:
    """The user's bans, the latest first, with their reasons."""
    bans = Ban.objects.filter(user_id=user.pk).order_by("-since", "-id")[:SHOWN]
    with pool().connection() as connection:
        key = keys_of(connection, [user.pk]).get(user.pk)
    titles = dict(
        Auction.objects.filter(pk__in={ban.auction_id for ban in bans}).values_list("pk", "title")
    )
    lines = [
        format_html(
            "{} from {} {}{}: {}",
            exact(ban.since)[:19],
            links.page_of(Auction, ban.auction_id, titles.get(ban.auction_id, "an auction"))
            if ban.auction_id
            else "all auctions",
            f"until {exact(ban.until)[:19]}" if ban.until else "for good",
            f", ended {exact(ban.ended_at)[:19]}" if ban.ended_at else "",
            _quoted(opened_reason(key, ban.reason, user.pk, ban.pk)),
        )
        for ban in bans
    ]
    return format_html_join("", "<div>{}</div>", ((line,) for line in lines)) if lines else "-"


def _quoted(reason: str | None) -> str:
    return f"“{reason}”" if reason is not None else "the reason can't be read any more"
