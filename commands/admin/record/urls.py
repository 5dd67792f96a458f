"""Links to the pages of the event browser."""

from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString


def stream_link(stream_id: UUID, text: str, at: int | None = None) -> SafeString:
    """A link to the stream's events; with `at` to the page that has that version."""
    return _link("stream", stream_id, text, {} if at is None else {"at": at})


def request_link(correlation_id: UUID, text: str, **begin: object) -> SafeString:
    """A link to what followed from the request of that correlation id.

    It begins at `job`, or at its first one. `near` is the position of one of its events: others are
    looked for around it once the jobs have ended.
    """
    return _link("request", correlation_id, text, begin)


def events_link(text: str, **filters: object) -> SafeString:
    """A link to the latest events, filtered."""
    url = reverse("admin:commands_event_latest")
    return format_html('<a href="{}?{}">{}</a>', url, urlencode(filters), text)


def _link(page: str, row_id: UUID, text: str, query: Mapping[str, object]) -> SafeString:
    url = reverse(f"admin:commands_event_{page}", args=[row_id])
    return format_html('<a href="{}">{}</a>', f"{url}?{urlencode(query)}" if query else url, text)
