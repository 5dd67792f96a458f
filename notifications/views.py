"""The pages behind the links in mails."""

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


# No CSRF check: the link's signature authorises, and mail programs that post have no cookie.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """On GET, ask for confirmation; on POST, which mail programs send (RFC 8058), unsubscribe."""
    try:
        user_id, kind = read_token(token)
    except (signing.BadSignature, ValueError):
        return render(request, PAGE, {"unknown": True}, status=404)
    if request.method != "POST":
        return render(request, PAGE)
    with pool().connection() as connection:
        choose(connection, user_id, [Choice(kind, NotificationChannel.EMAIL, False)])
    return render(request, PAGE, {"done": True})


# No CSRF check, as above. A GET confirms nothing, because programs that scan mails follow links.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_email(request: HttpRequest, token: str) -> HttpResponse:
    """On GET, ask for confirmation; on POST, confirm the address."""
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
