"""Links from one admin page to another."""

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from commands.models import Auction, Event, Job


def linked(model: type[Auction] | type[Job], pk: object, text: str) -> SafeString:
    url = reverse(f"admin:commands_{model._meta.model_name}_change", args=[pk])
    return format_html('<a href="{}">{}</a>', url, text)


def stream(row: Job | Event) -> SafeString:
    """Ids begin with the time, so their ends tell them apart."""
    return format_html(
        '<a href="?stream_id={}" title="{}">{} …{}</a>',
        row.stream_id,
        row.stream_id,
        row.stream_kind,
        str(row.stream_id)[-8:],
    )
