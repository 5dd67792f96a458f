"""Mails that were given up, to look at."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from commands.admin.read_only import ReadOnly
from notifications.models import Mail


@admin.register(Mail)
class MailAdmin(ReadOnly, admin.ModelAdmin[Mail]):
    """The mails of the last thirty days that could not be sent, with what went wrong last."""

    list_display = ("settled_at", "kind", "user_id", "error")
    list_filter = ("kind",)
    ordering = ("-settled_at",)
    # What a mail is made of may hold personal data.
    exclude = ("context",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mail]:
        """Only those given up."""
        return super().get_queryset(request).filter(given_up=True)
