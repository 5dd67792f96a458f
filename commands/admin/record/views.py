"""The pages of the event browser, for whoever may view events."""

from collections.abc import Callable
from typing import Any, Protocol
from uuid import UUID

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models.options import Options
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from commands.admin import search
from commands.admin.record.finding import Group, SearchForm, find
from commands.admin.record.latest import latest
from commands.admin.record.paging import number, place
from commands.admin.record.rows import event_rows
from commands.admin.record.stream import stream_page
from commands.admin.record.streams import KINDS, streams
from commands.admin.record.timeline import timeline
from commands.models import Event
from commands.record.codec import EVENT_TYPES


class Viewer(Protocol):
    """The part of admin's class for events that the pages need."""

    admin_site: AdminSite
    opts: Options[Event]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may see events."""


def urls(viewer: Viewer) -> list[URLPattern]:
    """The pages besides the list of streams."""
    pages = (
        ("stream/<str:row_id>/", stream_view, "stream"),
        ("request/<str:row_id>/", request_view, "request"),
        ("latest/", latest_view, "latest"),
    )
    return [
        path(route, viewer.admin_site.admin_view(_for(viewer, view)), name=f"commands_event_{name}")
        for route, view, name in pages
    ]


def _for(viewer: Viewer, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    def shown(request: HttpRequest, row_id: str | None = None) -> HttpResponse:
        _check(viewer, request)
        # Not a converter for ids: admin's own route would take what that does not.
        return view(viewer, request) if row_id is None else view(viewer, request, _id(row_id))

    return shown


def streams_view(viewer: Viewer, request: HttpRequest) -> HttpResponse:
    """The list of streams; a POST searches the record."""
    _check(viewer, request)
    if request.method == "POST":
        return _search(viewer, request)
    kind = _choice(request, "kind", KINDS)
    rows, page = streams(kind, place(request))
    return _shown(
        viewer, request, "streams", "The record: streams",
        form=SearchForm(), rows=rows, page=page, kind=kind, kinds=KINDS,
    )  # fmt: skip


def _search(viewer: Viewer, request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.POST)
    groups: list[Group] = []
    if form.is_valid():
        groups = find(form.cleaned_data["text"])
    return _shown(
        viewer, request, "found", "The record: search",
        form=form, groups=groups, searched=form.is_valid(), most=search.MOST,
    )  # fmt: skip


def latest_view(viewer: Viewer, request: HttpRequest) -> HttpResponse:
    """The latest events of all streams."""
    chosen = _choice(request, "type", EVENT_TYPES)
    page = latest(chosen, place(request))
    return _shown(
        viewer, request, "latest", "The record: latest events",
        form=SearchForm(), rows=event_rows(page.events), page=page, type=chosen, types=sorted(EVENT_TYPES),
    )  # fmt: skip


def stream_view(viewer: Viewer, request: HttpRequest, stream_id: UUID) -> HttpResponse:
    """One stream's events, latest first."""
    shown = stream_page(request, stream_id)
    return _shown(
        viewer, request, "stream", f"Events of {shown.title}",
        shown=shown, page=shown.page, stream_id=stream_id,
    )  # fmt: skip


def request_view(viewer: Viewer, request: HttpRequest, correlation_id: UUID) -> HttpResponse:
    """What followed from one request, step by step."""
    text = request.GET.get("job")
    start = None if text is None else _id(text)
    found = timeline(correlation_id, start, number(request, "near"))
    return _shown(
        viewer, request, "request", "From a request to its notices",
        found=found, correlation_id=correlation_id,
    )  # fmt: skip


def _id(text: str) -> UUID:
    found = search.as_id(text)
    if found is None:
        raise Http404("not an id")
    return found


def _check(viewer: Viewer, request: HttpRequest) -> None:
    if not viewer.has_view_permission(request):
        raise PermissionDenied


def _choice(request: HttpRequest, name: str, choices: Any) -> str | None:
    text = request.GET.get(name)
    if text and text not in choices:
        raise Http404(f"there is no such {name}")
    return text or None


def _shown(
    viewer: Viewer, request: HttpRequest, template: str, title: str, **more: Any
) -> HttpResponse:
    context = {
        **viewer.admin_site.each_context(request),
        "opts": viewer.opts,
        "title": title,
        **more,
    }
    return TemplateResponse(request, f"admin/commands/record/{template}.html", context)
