"""The pages for bidders: a document whose scripts talk to the API as any other client does, and the rules."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def bidders(request: HttpRequest) -> HttpResponse:
    """The page; everything in it comes over GraphQL."""
    return render(request, "portal/page.html")


@require_safe
def how_it_works(request: HttpRequest) -> HttpResponse:
    """The rules, doubling, and how to check a draw."""
    house = request.build_absolute_uri("/").rstrip("/")
    return render(request, "portal/how_it_works.html", {"house": house})
