"""The bidders' page, which uses the API as any other client does, and the page with the rules."""

from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from commands.beacon.chosen import chosen_beacon
from portal.web.compression import compressed

STATIC = Path(settings.BASE_DIR) / "portal/static"


@require_safe
@compressed
def bidders(request: HttpRequest) -> HttpResponse:
    """The bidders' page; its content comes over GraphQL.

    It lists its modules, so that a browser fetches all at once instead of each after the one that imports it.
    """
    modules = sorted(str(each.relative_to(STATIC)) for each in STATIC.glob("portal/page/*.js"))
    return render(request, "portal/page.html", {"modules": modules})


@require_safe
@compressed
def how_it_works(request: HttpRequest) -> HttpResponse:
    """The page with the rules, doubling, and how to check a draw."""
    house = request.build_absolute_uri("/").rstrip("/")
    context = {"house": house, "beacon": chosen_beacon().name}
    return render(request, "portal/how_it_works.html", context)


@require_safe
def icon(_: HttpRequest) -> HttpResponse:
    """Redirect to the icon. The name of the file has a hash once files are collected."""
    return redirect(static("portal/icon.svg"))
