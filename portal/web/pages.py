"""The bidders' page: one document whose scripts talk to the API as any other client does."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def bidders(request: HttpRequest) -> HttpResponse:
    """The page; everything in it comes over GraphQL."""
    return render(request, "portal/page.html")
