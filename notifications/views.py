"""The page behind a mail's unsubscribe link."""

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from commands.wiring import pool
from notifications.account_mails import confirmed
from notifications.mail import read_token
from notifications.postgres.preferences import Choice, choose
from notifications.preferences import NotificationChannel

PAGE = "notifications/unsubscribe.html"
CONFIRM_PAGE = "notifications/confirm.html"


# The link's signature says who may; mail programs that send the one click have no cookie of ours.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask first when somebody follows the link; on POST, which mail programs send (RFC 8058), just do it."""
    try:
        user_id, kind = read_token(token)
    except (signing.BadSignature, ValueError):
        return render(request, PAGE, {"unknown": True}, status=404)
    if request.method != "POST":
        return render(request, PAGE)
    with pool().connection() as connection:
        choose(connection, user_id, [Choice(kind, NotificationChannel.EMAIL, False)])
    return render(request, PAGE, {"done": True})


# As above: the link says who may. A GET alone confirms nothing: programs that scan mails follow links.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_email(request: HttpRequest, token: str) -> HttpResponse:
    """Ask first, and confirm the address on POST."""
    if request.method != "POST":
        return render(request, CONFIRM_PAGE)
    try:
        with pool().connection() as connection:
            done = confirmed(connection, token)
    except (signing.BadSignature, ValueError):
        done = False
    if not done:
        return render(request, CONFIRM_PAGE, {"unknown": True}, status=404)
    return render(request, CONFIRM_PAGE, {"done": True})
