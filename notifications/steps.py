"""What the event browser tells of notifications and mails: which the events led to, and what became of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from commands.admin import links
from commands.admin.amounts import money
from commands.admin.record.moments import days, exact
from commands.admin.record.names import Names, names_in
from commands.admin.record.steps import Followed, Stage, Step
from commands.models import Event
from commands.models.events import BID_EVENTS
from notifications.account_mails import CONFIRM
from notifications.models import Mail, Notification, Progress

# The most notices and the most mails that are shown.
SHOWN = 50
NEWEST_ONLY = (
    "A notice about the highest bid tells of the newest change: while it is unread a later event takes "
    "it over, and then it is shown with that one."
)


def of_notices(events: Sequence[Event]) -> Followed:
    """The notices of auctions' events with their mails, and the mails that confirm new users' addresses."""
    auctions = [event for event in events if event.stream_kind == "auction"]
    notices = _notices(auctions)
    shown = notices[:SHOWN]
    created = [event.stream_id for event in events if event.type == "UserCreated"]
    mails = _mails(shown, created)
    names = names_in([], {*(each.user_id for each in shown), *(each.user_id for each in mails)})
    return Followed(
        [*(_notice(each, names) for each in shown), *(_mail(each, names) for each in mails)],
        [*_notes(auctions, len(notices) > SHOWN), *_ended(events)],
    )


def _notices(events: Sequence[Event]) -> list[Notification]:
    """By their index on auction and version; one more than SHOWN if there are more."""
    if not events:
        return []
    versions: dict[UUID, list[int]] = {}
    for event in events:
        versions.setdefault(event.stream_id, []).append(event.version)
    wanted = Q()
    for auction_id, chosen in versions.items():
        wanted |= Q(auction_id=auction_id, version__in=chosen)
    return list(Notification.objects.filter(wanted).order_by("auction_id", "version")[: SHOWN + 1])


def _mails(notices: Sequence[Notification], created: Sequence[UUID]) -> list[Mail]:
    found = list(Mail.objects.filter(notification_id__in=[each.pk for each in notices]))
    if created:
        found += Mail.objects.filter(user_id__in=created, kind=CONFIRM)[:SHOWN]
    return found


def _notice(notice: Notification, names: Names) -> Step:
    if notice.read_at:
        state = f"read at {exact(notice.read_at)}"
    else:
        state = "not read yet" if notice.in_app else "by mail only"
    amount = "" if notice.amount is None else f", {money(notice.amount)}"
    text = format_html(
        "{} for {} (version {}{}): {}.",
        notice.kind, names.user(notice.user_id), notice.version, amount, state,
    )  # fmt: skip
    return Step(Stage.NOTICE, notice.changed_at, text)


def _mail(mail: Mail, names: Names) -> Step:
    """Never its content, which may hold a token or an address."""
    at, state = _state(mail)
    text = format_html("{} to {}: {}.", mail.kind, names.user(mail.user_id), state)
    return Step(Stage.MAIL, at, text)


def _state(mail: Mail) -> tuple[datetime, SafeString]:
    if mail.given_up and mail.settled_at:
        link = links.page_of(Mail, mail.pk, "given up")
        return mail.settled_at, format_html("{}, after {} tries", link, mail.attempts)
    if mail.due is None and mail.settled_at:
        return mail.settled_at, escape("sent")
    due = mail.due or timezone.now()
    again = "sent, and due once more because its notice changed" if mail.settled_at else "waiting"
    return due, format_html("{}, due at {}, {} tries so far", again, exact(due), mail.attempts)


def _notes(auctions: Sequence[Event], more: bool) -> Iterable[str]:
    if more:
        yield f"There are more notices than the {SHOWN} that are shown."
    if any(event.type in BID_EVENTS for event in auctions):
        yield NEWEST_ONLY
    last = {event.stream_id: event.version for event in auctions}
    progress: Mapping[UUID, int] = dict(
        Progress.objects.filter(auction_id__in=last).values_list("auction_id", "version")
    )
    for auction_id, version in last.items():
        if progress.get(auction_id, 0) < version:
            yield (
                f"Auction {links.end_of(auction_id)} is notified of up to version "
                f"{progress.get(auction_id, 0)}: notices are still to come."
            )


def _ended(events: Sequence[Event]) -> Iterable[str]:
    """What may have ended by its age since the events."""
    age = timezone.now() - max(event.recorded_at for event in events)
    for what, kept in (
        ("Notices that were read", settings.READ_NOTIFICATIONS_KEPT),
        ("Unread notices", settings.UNREAD_NOTIFICATIONS_KEPT),
        ("Mails that were sent or given up", settings.MAILS_KEPT),
    ):
        if age > kept:
            yield f"{what} have ended: they are kept for {days(kept)}."
