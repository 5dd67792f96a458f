"""Admin's list of mails that were given up."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from commands.admin.read_only import ReadOnly
from notifications.models import Mail


@admin.register(Mail)
class MailAdmin(ReadOnly, admin.ModelAdmin[Mail]):
    """The mails that were given up in the last thirty days, with their last error."""

    list_display = ("settled_at", "kind", "user_id", "error")
    list_filter = ("kind",)
    ordering = ("-settled_at",)
    # Without `context`, which may hold personal data.
    exclude = ("context",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mail]:
        """Only mails that were given up."""
        return super().get_queryset(request).filter(given_up=True)
