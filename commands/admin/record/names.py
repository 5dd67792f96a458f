"""Names and titles of what events are about, looked up together for a page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from uuid import UUID

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from commands.admin import links
from commands.admin.bidders import unmasked
from commands.admin.record.urls import request_link, stream_link
from commands.domain import events as domain
from commands.domain.policies import STREAM as POLICIES
from commands.models import Auction, Event, Job, PromoterTick, User
from commands.record.codec import decode_event

OF_USERS = frozenset(
    {
        "bidder_id",
        "user_id",
        "created_by",
        "cancelled_by",
        "closed_by",
        "paused_by",
        "resumed_by",
        "revised_by",
        "removed_by",
        "banned_by",
        "limited_by",
        "lifted_by",
        "forfeited_by",
    }
)


def readable(event: Event) -> domain.Event | None:
    """The event as this release reads it; None if it can't."""
    try:
        return decode_event(event.type, event.schema_version, event.data)
    except Exception:  # Whatever is in the row, its page shows it.
        return None


@dataclass(frozen=True, slots=True)
class Names:
    """Names of users, titles of auctions, numbers of ticks by their streams' ids, and jobs that are kept.

    Aliases of masked auctions are among the users, and `aliases` has the user behind each.
    """

    users: Mapping[UUID, str]
    aliases: Mapping[UUID, UUID | None]
    auctions: Mapping[UUID, str]
    ticks: Mapping[UUID, int]
    jobs: frozenset[UUID]

    def user(self, user_id: UUID) -> SafeString:
        """A link to the user."""
        name = self.users.get(user_id)
        if name is None:
            return format_html("user {}", links.end_of(user_id))
        page = self.aliases.get(user_id, user_id)
        return links.page_of(User, page, name) if page else escape(name)

    def auction(self, auction_id: UUID) -> SafeString:
        """A link to the auction."""
        text = self.auctions.get(auction_id)
        if text is None:
            return format_html("auction {}", links.end_of(auction_id))
        return links.page_of(Auction, auction_id, text)

    def stream_text(self, kind: str, stream_id: UUID) -> str:
        """What people call the stream."""
        if stream_id == POLICIES:
            return "the promoter's policies"
        if stream_id in self.ticks:
            return f"tick {self.ticks[stream_id]}"
        known = self.auctions.get(stream_id) or self.users.get(stream_id)
        return known or f"{kind} {links.end_of(stream_id)}"

    def stream(self, event: Event) -> SafeString:
        """A link to the event's stream, at the event."""
        text = self.stream_text(event.stream_kind, event.stream_id)
        return stream_link(event.stream_id, text, event.version)

    def request(self, event: Event, text: str) -> SafeString:
        """A link to all that followed from the same request, from the event's job on."""
        if event.causation_id in self.jobs:
            return request_link(event.correlation_id, text, job=event.causation_id)
        return request_link(event.correlation_id, text, near=event.position)

    def job(self, event: Event) -> SafeString:
        """A link to the job that caused the event. Jobs end, events don't; ticks have none."""
        if event.causation_id == event.stream_id:
            return escape("-")
        if event.causation_id not in self.jobs:
            return format_html("{} (not kept any more)", links.end_of(event.causation_id))
        return links.page_of(Job, event.causation_id, "job")


def names_in(events: Sequence[Event], more_users: Iterable[UUID] = ()) -> Names:
    """The names of all that the events are about, in four queries; in two more if there are aliases."""
    users, auctions = set(more_users), set[UUID]()
    for event in events:
        if event.stream_kind == "user":
            users.add(event.stream_id)
        elif event.stream_kind == "auction":
            auctions.add(event.stream_id)
        _add_named(readable(event), users, auctions)
    found = list(User.objects.filter(pk__in=users).values_list("pk", "username"))
    aliases = unmasked(users - {id for id, _ in found})
    ticks = {event.stream_id for event in events if event.stream_kind == "tick"}
    caused = {event.causation_id for event in events}
    return Names(
        users={
            **{id: name or f"deleted user {links.end_of(id)}" for id, name in found},
            **{id: alias.name for id, alias in aliases.items()},
        },
        aliases={id: alias.user_id for id, alias in aliases.items()},
        auctions=dict(Auction.objects.filter(pk__in=auctions).values_list("pk", "title")),
        ticks=dict(
            PromoterTick.objects.filter(stream_id__in=ticks).values_list("stream_id", "number")
        ),
        jobs=frozenset(Job.objects.filter(pk__in=caused).values_list("pk", flat=True)),
    )


def _add_named(event: domain.Event | None, users: set[UUID], auctions: set[UUID]) -> None:
    for field in fields(event) if event else ():
        value = getattr(event, field.name)
        if isinstance(value, UUID) and field.name in OF_USERS:
            users.add(value)
        elif isinstance(value, UUID) and field.name == "auction_id":
            auctions.add(value)
