"""Links from one admin page to another."""

from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from commands.models import Job


def page_of(model: type[Model], pk: object, text: str) -> SafeString:
    """A link to the row's own page."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])
    return format_html('<a href="{}">{}</a>', url, text)


def list_of(model: type[Model], text: str, **filters: object) -> SafeString:
    """A link to the model's list, filtered."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return format_html('<a href="{}?{}">{}</a>', url, urlencode(filters), text)


def jobs_of_stream(row: Job, title: str | None) -> SafeString:
    """A link to all jobs of the job's stream, labelled with the auction's title or kind and id."""
    text = title or f"{row.stream_kind} {end_of(row.stream_id)}"
    return list_of(Job, text, stream_id=row.stream_id)


def end_of(row_id: UUID) -> str:
    """The last characters of the id: the first ones are a time, equal in many ids."""
    return str(row_id)[-8:]


def listed(*found: SafeString) -> SafeString:
    """The links, separated by commas."""
    return format_html_join(", ", "{}", ((link,) for link in found))
