"""The search over the record: by a name, a title, an amount, an id, a number or a type of event.

Each kind of thing is looked up by its index; ids and amounts without one in the latest rows only.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString

from commands.admin import links, search
from commands.admin.amounts import money
from commands.admin.bidders import bidder_of, links_to_bids, with_bidders
from commands.admin.record.moments import exact
from commands.admin.record.names import names_in
from commands.admin.record.rows import event_rows
from commands.admin.record.urls import events_link, request_link, stream_link
from commands.domain.amounts import InvalidAmount, amount
from commands.models import Auction, Bid, Event, Job, PromoterTick, User
from commands.record.codec import EVENT_TYPES


class SearchForm(forms.Form):
    """What is searched for. It is sent in a request's body, because URLs are kept in logs and histories."""

    text = forms.CharField(
        label="Search the record",
        max_length=200,
        widget=forms.TextInput(attrs={"size": 40, "aria-describedby": "record-search-help"}),
    )


@dataclass(frozen=True, slots=True)
class Group:
    """What was found of one kind; `note` says where it was looked for."""

    title: str
    found: list[SafeString]
    note: str = ""


def find(text: str) -> list[Group]:
    """All that fits the text, without kinds of which nothing does."""
    wanted = search.as_id(text)
    groups = _with_id(wanted) if wanted else _with_words(text)
    return [group for group in groups if group.found]


def _with_id(wanted: UUID) -> Iterator[Group]:
    yield Group("Streams", list(_stream(wanted)))
    yield Group("Bids", [_bid(bid) for bid in _bids().filter(pk=wanted)])
    yield Group("Jobs", [_job(job) for job in Job.objects.filter(pk=wanted)])
    of_request = Job.objects.filter(correlation_id=wanted).order_by("id")[:1]
    yield Group("Requests", [_request(job) for job in of_request])
    recent = search.among_latest(Event.objects.all(), correlation_id=wanted, causation_id=wanted)
    events = Event.objects.filter(pk__in=recent).order_by("position")
    note = f"Among the latest {search.LATEST:,} events, by the id of their job or request."
    yield Group("Events", _events(events), note)


def _with_words(text: str) -> Iterator[Group]:
    yield Group("Types of events", [_type(each) for each in _types(text)])
    *words, last = text.split()
    number = _amount(last)
    if number is not None:
        yield from _of_amount(" ".join(words), number)
    if not words and last.isdecimal():
        yield from _numbered(int(last))
    limit = f"The latest {search.MOST} that fit, at most."
    users = search.user_ids(text)
    yield Group("Users", [_user(user) for user in User.objects.filter(pk__in=users)], limit)
    auctions = search.auction_ids(text)
    yield Group("Auctions", list(_streams(auctions)), limit)


def _of_amount(title: str, wanted: Decimal) -> Iterator[Group]:
    """Bids that count so much in auctions of that title, or bids of that amount among the latest."""
    if title:
        in_auctions = _bids().filter(
            auction__in=search.auction_ids(title), deleted=False, effective_amount=wanted
        )
        found = [_bid(bid) for bid in in_auctions.order_by("-id")[: search.MOST]]
        yield Group(f"Live bids that count {money(wanted)}", found)
        return
    recent = search.among_latest(Bid.objects.all(), amount=wanted, effective_amount=wanted)
    bids = [_bid(bid) for bid in _bids().filter(pk__in=recent).order_by("-id")]
    yield Group(f"Bids of {money(wanted)}", bids, f"Among the latest {search.LATEST:,} bids.")


def _numbered(number: int) -> Iterator[Group]:
    ticks = PromoterTick.objects.filter(number=number)
    yield Group("Ticks", [stream_link(tick.stream_id, f"tick {number}") for tick in ticks])
    yield Group("Events", _events(Event.objects.filter(position=number)))


def _types(text: str) -> list[str]:
    wanted = text.replace(" ", "").lower()
    return [name for name in EVENT_TYPES if len(wanted) > 3 and wanted in name.lower()]


def _amount(text: str) -> Decimal | None:
    try:
        return amount(text.replace(",", ""))
    except InvalidAmount:
        return None


def _stream(stream_id: UUID) -> Iterator[SafeString]:
    """The stream of that id, even if its first event is missing."""
    first = Event.objects.filter(stream_id=stream_id).order_by("version").first()
    if first:
        yield from _rows_of_streams([first])


def _streams(ids: Iterable[UUID]) -> Iterator[SafeString]:
    """The streams of those ids, newest first."""
    events = Event.objects.filter(stream_id__in=list(ids), version=1).order_by("-stream_id")
    yield from _rows_of_streams(list(events))


def _rows_of_streams(events: Sequence[Event]) -> Iterator[SafeString]:
    names = names_in(events)
    for event in events:
        link = stream_link(event.stream_id, names.stream_text(event.stream_kind, event.stream_id))
        since = exact(event.recorded_at)
        yield format_html("{} ({}, since {})", link, event.stream_kind, since)


def _bids() -> QuerySet[Bid]:
    return with_bidders(Bid.objects.select_related("auction"))


def _bid(bid: Bid) -> SafeString:
    placed = stream_link(bid.auction.pk, f"version {bid.placed_version}", bid.placed_version)
    return format_html(
        "{} of {} by {} in {}: {}{}",
        links.page_of(Bid, bid.pk, f"bid {links.end_of(bid.pk)}"),
        "a sealed amount" if bid.hidden else money(bid.amount),
        bidder_of(bid),
        links.page_of(Auction, bid.auction.pk, bid.auction.title),
        placed,
        ", deleted since" if bid.deleted else "",
    )


def _user(user: User) -> SafeString:
    return format_html(
        "{} ({})",
        links.page_of(User, user.pk, str(user)),
        links.listed(
            stream_link(user.pk, "events"),
            *links_to_bids(user),
            links.list_of(Job, "jobs they asked for", submitted_by=user.pk),
        ),
    )


def _job(job: Job) -> SafeString:
    page = links.page_of(Job, job.pk, f"job {links.end_of(job.pk)}")
    return format_html(
        "{}, {} {} ({})",
        page,
        job.command,
        job.status,
        request_link(job.correlation_id, "all that followed"),
    )


def _request(job: Job) -> SafeString:
    link = request_link(job.correlation_id, f"request …{links.end_of(job.correlation_id)}")
    return format_html("{}, {} at {}", link, job.command, exact(job.accepted_at))


def _events(events: Iterable[Event]) -> list[SafeString]:
    return [
        format_html(
            "{}, {}: {}, version {} ({})",
            row.position, row.type, row.stream, row.version, row.request,
        )
        for row in event_rows(list(events))
    ]  # fmt: skip


def _type(name: str) -> SafeString:
    return events_link(name, type=name)
